#include "tools/bench/limits.h"

#if defined(WEFT_ENGINE_CUDA)
#include "kernels/cuda/cuda_gpu.h"
#include "kernels/cuda/peaks.h"
#endif

namespace weft::tools {

Result<cpu::Peaks> gpu_limits() {
#if defined(WEFT_ENGINE_CUDA)
  WEFT_TRY_ASSIGN(const std::unique_ptr<cuda::Gpu> gpu, cuda::open_cuda_gpu());
  WEFT_TRY_ASSIGN(const cuda::DevicePeaks peaks, cuda::measure_peaks(*gpu));
  return cpu::Peaks{
      .all = {{"device_read", true, peaks.read_bytes_per_s}, {"tensor_f16", false, peaks.flops}},
      .read_bytes_per_s = peaks.read_bytes_per_s};
#else
  return fail(ErrorCode::kDeviceError,
              "device cuda: this build of weft has no CUDA backend; it takes nvcc and "
              "-DWEFT_CUDA=ON");
#endif
}

}  // namespace weft::tools
