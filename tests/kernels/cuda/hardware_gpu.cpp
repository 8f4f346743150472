// test_gpu.h on hardware, and the main() of the tests there: they are skipped as one where no GPU
// can be used.
#include <cstdio>
#include <cstring>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "kernels/cuda/cuda_gpu.h"
#include "tests/kernels/cuda/test_gpu.h"

namespace weft::test {

void* allocate_device(std::size_t size_bytes) {
  void* p = nullptr;
  if (size_bytes == 0 || cudaMallocManaged(&p, size_bytes) != cudaSuccess) return nullptr;
  wait_for_device();
  std::memset(p, 0xff, size_bytes);
  return p;
}
void free_device(void* p) { cudaFree(p); }
void wait_for_device() { EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess); }
std::unique_ptr<cuda::Gpu> make_test_gpu() { return std::move(*cuda::open_cuda_gpu()); }
bool test_gpu_is_emulated() { return false; }
bool has_warpgroups() { return make_test_gpu()->has_warpgroups(); }
void set_turn_order(TurnOrder) {}

}  // namespace weft::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const auto gpu = weft::cuda::open_cuda_gpu();
  // Listing them needs no GPU.
  if (!gpu && !testing::GTEST_FLAG(list_tests)) {
    std::printf("[  SKIPPED ] %s\n", gpu.error().message.c_str());
    return 0;
  }
  return RUN_ALL_TESTS();
}
