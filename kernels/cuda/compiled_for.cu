#include "kernels/cuda/compiled_for.h"

namespace weft::cuda {
namespace {

__global__ void nothing() {}

}  // namespace

int compiled_architecture() {
  cudaFuncAttributes attributes{};
  if (cudaFuncGetAttributes(&attributes, nothing) != cudaSuccess) {
    cudaGetLastError();
    return 0;
  }
  return attributes.ptxVersion;
}

}  // namespace weft::cuda
