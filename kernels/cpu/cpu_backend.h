// The Backend on this machine's processor: shares the work of each operation out over a thread
// pool, in slices that a kernel table works through. Weights stay where they are mapped, or are
// packed into the order in which the integer kernels read them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/backend.h"
#include "core/error.h"
#include "core/thread_setup.h"
#include "core/weight_cache.h"

namespace weft {

namespace cpu {
struct KernelTable;
}  // namespace cpu

// How linear layers over quantised weights hold their inputs. Weights of floats meet float32 inputs
// but where the mode says otherwise.
enum class Activations : uint8_t {
  kAuto,  // f32 for the scalar kernels, else i16
  kF32,   // as they are: weights are decoded to float32
  kI16,   // 16-bit integers, 256 to a scale: exact integer dots (kernels/cpu/packed/)
  kBf16,  // BF16, and weights of floats too; quantised weights as with i16, which costs the same
  kInt8,  // 8-bit integers, 32 to a scale: half the work, a thousandth of the accuracy
};

// "auto", "f32", …
std::string_view activations_name(Activations activations);
// The mode of that name; kInvalidArgument, naming those there are, for any other.
Result<Activations> parse_activations(std::string_view name);
// All but auto.
std::span<const Activations> all_activations();

struct CpuOptions {
  int threads = 0;  // 1 … ThreadPool::kMaxThreads; 0: as many as there are usable processors
  // Kernel table, "scalar", "avx2", "avx512"; empty: WEFT_ISA, else the best there is.
  std::string isa;
  Activations activations = Activations::kF32;
  ThreadSetup thread_setup;
  // Where packed weights are found or kept; not yet checked. It is read and filled while weights
  // are loaded. Null: they are packed at each load.
  std::shared_ptr<WeightCache> weight_cache;
};

// A name for what the bits of linear layers depend on beside their weights and inputs.
std::string cpu_kernels_identity(const cpu::KernelTable& table, Activations activations);

// The layout of what this backend keeps in a weight cache: part of its key.
std::string cpu_weight_layout();

// Fails with kInvalidArgument for threads that cannot be had or a name out of range, kUnsupported
// for kernels that this processor cannot run.
Result<std::unique_ptr<Backend>> create_cpu_backend(const CpuOptions& options);

}  // namespace weft
