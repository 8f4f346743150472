// The emulator as a Gpu, so that CudaBackend runs on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernels/cuda/gpu.h"

namespace weft::test {

// When what was queued on its stream is done.
enum class EmulatedTime : uint8_t {
  kAtOnce,    // so that a fault is seen where it was asked for
  kWaitedFor  // as late as may be: when the host waits for it
};

// `memory_bytes`: what allocate() has in all. A KernelFault leaves the operation that it happened
// in, or the wait for it, as an exception.
std::unique_ptr<cuda::Gpu> make_emulated_gpu(std::size_t memory_bytes,
                                             EmulatedTime time = EmulatedTime::kAtOnce);

// How often the host waited for a Landing so far while more was queued behind it.
int64_t waits_with_work_behind();

// GPUs that are made from now on say that they have warpgroups, or not (as at first).
void emulate_warpgroups(bool have);

// Stands for a library of plain products: installed or not (as at first), and how many it made. Its
// additions are in descending order, so that its bits are its own.
void emulate_plain_products(bool installed);
int64_t plain_products_made();

// Page-locked memory larger than this is refused from now on, until it is unlimited again.
void limit_pinned_memory(std::size_t bytes);
void unlimit_pinned_memory();

}  // namespace weft::test
