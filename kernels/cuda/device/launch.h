// Launches a kernel (see device.h) on a stream. Compiled by nvcc it is a CUDA launch; else it is a
// call that whoever links the kernels must supply.
#pragma once

#include "kernels/cuda/device/device.h"
#include "kernels/cuda/stream.h"

#if !defined(__CUDACC__)
#include <functional>
#endif

namespace weft::cuda {

template <class Shared>
inline constexpr std::size_t kSharedBytes = sizeof(Shared);
template <>
inline constexpr std::size_t kSharedBytes<NoShared> = 0;

#if defined(__CUDACC__)

// Kernel::kBlocks, where a kernel says how many of its blocks a multiprocessor shall have room for:
// then that decides its registers. Else the compiler weighs room for another block against spilling
// a few of them.
template <class Kernel>
constexpr int blocks_wanted() {
  if constexpr (requires { Kernel::kBlocks; }) {
    return Kernel::kBlocks;
  } else {
    return 0;
  }
}

// From sm_90 on a kernel's blocks may take their places as soon as all of the kernel before it have
// theirs, and wait there until that one is over and what it wrote is seen (programmatic dependent
// launch): a launch then costs no time of its own. Every kernel waits before it does anything, so
// each still sees all that was queued before it, and the host's copies wait for whole kernels as
// ever. Without the launch attribute both calls do nothing.
template <class Kernel>
__global__ void __launch_bounds__(Kernel::kThreads, blocks_wanted<Kernel>())
    run_kernel(const __grid_constant__ Kernel k) {
#if __CUDA_ARCH__ >= 900
  cudaTriggerProgrammaticLaunchCompletion();
  cudaGridDependencySynchronize();
#endif
  // As much as swizzled operands need (hopper.h).
  extern __shared__ __align__(1024) unsigned char memory[];
  k(*reinterpret_cast<typename Kernel::Shared*>(memory));
}

template <class Kernel>
void launch(Stream& stream, Dim3 grid, const Kernel& kernel) {
  if (stream.error != 0 || grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  constexpr std::size_t kBytes = kSharedBytes<typename Kernel::Shared>;
  cudaError_t error = cudaSuccess;
  // More than this must be asked for, once for each kernel and device; asking again is cheap.
  if constexpr (kBytes > 48 * 1024) {
    error = cudaFuncSetAttribute(run_kernel<Kernel>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(kBytes));
  }
  if (error == cudaSuccess) {
    cudaLaunchAttribute dependent{};
    dependent.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    dependent.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y),
                          static_cast<unsigned>(grid.z));
    config.blockDim = dim3(Kernel::kThreads);
    config.dynamicSmemBytes = kBytes;
    config.stream = static_cast<cudaStream_t>(stream.handle);
    config.attrs = &dependent;
    config.numAttrs = stream.dependent_launch ? 1 : 0;
    error = cudaLaunchKernelEx(&config, run_kernel<Kernel>, kernel);
    // An error that was returned is not left behind for the next call to find.
    if (error != cudaSuccess) cudaGetLastError();
  }
  if (error != cudaSuccess) {
    stream.error = static_cast<int>(error);
    stream.failed_kernel = Kernel::kName;
  }
}

#else

namespace host {
// Runs body(shared memory) in every thread of every block, and returns when all are done. May say
// in `stream` that it failed instead, or keep a copy of `body`, which holds the kernel, for later.
void launch(Stream& stream, const char* name, Dim3 grid, int threads, std::size_t shared_bytes,
            const std::function<void(void*)>& body);
}  // namespace host

template <class Kernel>
void launch(Stream& stream, Dim3 grid, const Kernel& kernel) {
  if (stream.error != 0 || grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  host::launch(stream, Kernel::kName, grid, Kernel::kThreads, kSharedBytes<typename Kernel::Shared>,
               [kernel](void* memory) { kernel(*static_cast<typename Kernel::Shared*>(memory)); });
}

#endif

}  // namespace weft::cuda
