// What probes of a GPU compute: that they do the work that they are timed by.
#include "kernels/cuda/peaks.h"

#include <vector>

#include <gtest/gtest.h>

#include "kernels/cuda/peaks_kernels.h"
#include "kernels/cuda/stream.h"
#include "tests/kernels/cuda/device_array.h"

namespace weft::test {
namespace {

using cuda::Vec4;

// A stretch that fills no round of eight vectors a thread, and one that fills some.
TEST(CudaPeaks, EveryWordIsReadByOneBlockInEachPass) {
  for (const std::size_t count : {std::size_t{700}, std::size_t{3 * 8 * 256 * 2 + 5}}) {
    std::vector<Vec4> words(count);
    uint32_t next = 1;
    for (Vec4& v : words) v = {next++, 3 * next, 7 * next, next * next};
    uint32_t expected = 0;
    for (const Vec4& v : words) expected ^= v.x ^ v.y ^ v.z ^ v.w;
    const DeviceArray<Vec4> from(words);
    const DeviceArray<uint32_t> found(2);
    const auto gpu = make_test_gpu();
    for (const int passes : {1, 2, 3}) {
      cuda::read_memory(gpu->stream(), 2, from.data(), static_cast<int64_t>(count), passes,
                        found.data());
      ASSERT_TRUE(gpu->synchronize());
      EXPECT_EQ(found[0] ^ found[1], passes % 2 == 0 ? 0u : expected) << count << ", " << passes;
    }
  }
}

TEST(CudaPeaks, EveryProductIsMade) {
  const auto gpu = make_test_gpu();
  const int threads = cuda::kPeakWarps * cuda::kWarp;
  const DeviceArray<float> sums(static_cast<std::size_t>(2 * threads));
  cuda::multiply_by_warps(gpu->stream(), 2, 3, sums.data());
  ASSERT_TRUE(gpu->synchronize());
  // A result grows by 16 × 1/4 a product, and a thread has four of each chain.
  const float of_warps = 3 * 4.0f * 4 * cuda::kChainProducts;
  for (std::size_t i = 0; i < sums.size(); ++i) ASSERT_EQ(sums[i], of_warps) << i;
  if (!has_warpgroups()) GTEST_SKIP() << "this GPU does not run what is compiled for sm_90a";

  const DeviceArray<uint16_t> operands(std::vector<uint16_t>(cuda::kGroupOperands, 0x3800));
  cuda::multiply_by_warpgroups(gpu->stream(), 2, 3, operands.data(), sums.data());
  ASSERT_TRUE(gpu->synchronize());
  const float of_groups = 3 * 4.0f * 128 * cuda::kGroupProducts;
  for (std::size_t i = 0; i < 2 * 128; ++i) ASSERT_EQ(sums[i], of_groups) << i;
}

TEST(CudaPeaks, AreMeasured) {
  const auto gpu = make_test_gpu();
  const cuda::PeakEffort effort =
      test_gpu_is_emulated()
          ? cuda::PeakEffort{.buffer_bytes = 1 << 14, .blocks = 2, .bytes = 1, .flops = 1}
          : cuda::PeakEffort{};
  const auto peaks = cuda::measure_peaks(*gpu, effort);
  ASSERT_TRUE(peaks) << peaks.error().message;
  EXPECT_GT(peaks->read_bytes_per_s, 0);
  EXPECT_GT(peaks->flops, 0);
}

}  // namespace
}  // namespace weft::test
