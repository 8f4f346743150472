// The emulator as a Gpu, so that CudaBackend runs on it.
#pragma once

#include <memory>

#include "kernels/cuda/gpu.h"

namespace weft::test {

// `memory_bytes`: what allocate() has in all. A KernelFault leaves the operation that it happened
// in as an exception.
std::unique_ptr<cuda::Gpu> make_emulated_gpu(std::size_t memory_bytes);

// GPUs that are made from now on say that they have warpgroups, or not (as at first).
void emulate_warpgroups(bool have);

// Page-locked memory larger than this is refused from now on, until it is unlimited again.
void limit_pinned_memory(std::size_t bytes);
void unlimit_pinned_memory();

}  // namespace weft::test
