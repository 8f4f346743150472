// The kernel tables a test runs on, alone or with each way to hold activations: every one of this
// build that this machine runs. Those it does not are named by KernelSets.RunHere, once each.
#pragma once

#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "core/backend.h"

namespace weft::test {

// Names of the kernel tables that run here, "scalar" first.
std::vector<std::string> cpu_isas();

// A kernel table, and how its linear layers hold their inputs: "f32", "i16", …
struct CpuKernels {
  std::string isa;
  std::string activations;

  // Weights of a type whose linear layers the mode is for.
  DType weight_type() const {
    if (activations == "f32") return DType::kF32;
    return activations == "bf16" ? DType::kBF16 : DType::kQ8_0;
  }
};

// Every table that runs here, with every mode that it has.
std::vector<CpuKernels> cpu_kernels();

// "avx2_i16"
std::string kernels_name(const CpuKernels& kernels);
void PrintTo(const CpuKernels& kernels, std::ostream* out);

// Throws std::runtime_error with the error's message.
std::unique_ptr<Backend> make_cpu_backend(const std::string& isa, int threads = 2);
std::unique_ptr<Backend> make_cpu_backend(const CpuKernels& kernels, int threads = 2);

}  // namespace weft::test
