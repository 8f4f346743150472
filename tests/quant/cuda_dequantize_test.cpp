// The CUDA kernel decodes every type to the bits of the host.
#include <cmath>
#include <vector>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "core/half.h"
#include "core/quant/decode.h"
#include "kernels/cuda/dequantize.h"
#include "tests/quant/type_names.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

TEST(CudaDequantize, BrokenNumbersOfElementsAreRefused) {
  EXPECT_EQ(cuda::launch_dequantize(DType::kQ4_K, nullptr, nullptr, 100, nullptr),
            cudaErrorInvalidValue);
  EXPECT_EQ(cuda::launch_dequantize(DType::kQ4_K, nullptr, nullptr, -256, nullptr),
            cudaErrorInvalidValue);
  EXPECT_EQ(cuda::launch_dequantize(DType::kQ4_K, nullptr, nullptr, 0, nullptr), cudaSuccess);
}

class CudaDequantizeType : public testing::TestWithParam<DTypeInfo> {
 protected:
  void SetUp() override {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0)
      GTEST_SKIP() << "no CUDA device";
  }
};

struct DeviceMemory {
  void* data = nullptr;
  explicit DeviceMemory(size_t size_bytes) {
    EXPECT_EQ(cudaMalloc(&data, size_bytes), cudaSuccess);
  }
  ~DeviceMemory() { cudaFree(data); }
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
};

TEST_P(CudaDequantizeType, SameBitsAsTheHost) {
  const DTypeInfo& info = GetParam();
  Random random(13, info.name);
  for (const int64_t blocks : {1, 3, 32, 257, 5000}) {
    const size_t elements = static_cast<size_t>(blocks * info.block_size);
    std::vector<std::byte> bytes(static_cast<size_t>(blocks * info.block_bytes) + 1);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next());
    std::vector<float> expected(elements);
    // From an odd address, on both sides.
    decode_row(info.type, bytes.data() + 1, expected.data(), static_cast<int64_t>(elements));

    const DeviceMemory src(bytes.size());
    const DeviceMemory dst(elements * sizeof(float));
    std::vector<float> found(elements);
    ASSERT_EQ(cudaMemcpy(src.data, bytes.data(), bytes.size(), cudaMemcpyHostToDevice),
              cudaSuccess);
    ASSERT_EQ(cuda::launch_dequantize(info.type, static_cast<std::byte*>(src.data) + 1,
                                      static_cast<float*>(dst.data), static_cast<int64_t>(elements),
                                      nullptr),
              cudaSuccess);
    ASSERT_EQ(cudaMemcpy(found.data(), dst.data, elements * sizeof(float), cudaMemcpyDeviceToHost),
              cudaSuccess);
    for (size_t i = 0; i < elements; ++i) {
      if (std::isnan(expected[i])) {
        ASSERT_TRUE(std::isnan(found[i])) << "value " << i << " of " << blocks << " blocks";
      } else {
        ASSERT_EQ(bits_from_float(found[i]), bits_from_float(expected[i]))
            << "value " << i << " of " << blocks << " blocks";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, CudaDequantizeType,
                         testing::ValuesIn(all_dtypes().begin(), all_dtypes().end()), name_of_type);

}  // namespace
}  // namespace weft::test
