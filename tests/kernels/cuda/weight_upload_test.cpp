// WeightUploader: what arrives on the device, what packing waits for, and what is left of an upload
// that failed.
#include "kernels/cuda/weight_upload.h"

#include <cstring>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/dtype.h"
#include "kernels/cuda/cuda_weight.h"
#include "kernels/cuda/pack_weight.h"
#include "tests/kernels/support.h"
#include "tests/support/cuda_emulator/emulated_gpu.h"
#include "tests/support/cuda_emulator/emulator.h"
#include "tests/support/cuda_emulator/pending_copies.h"

namespace weft::test {
namespace {

using cuda::CudaWeight;
using cuda::WeightUploader;

constexpr int64_t kRows = 5 * cuda::kTileRows + 3, kCols = 512;

std::vector<std::byte> downloaded(cuda::Gpu& gpu, const std::byte* device, std::size_t size_bytes) {
  std::vector<std::byte> bytes(size_bytes);
  gpu.download(bytes.data(), device, bytes.size());
  return bytes;
}

class CudaWeightUpload : public ::testing::Test {
 protected:
  void TearDown() override {
    unlimit_pinned_memory();
    fail_operation(0);
  }
  std::unique_ptr<WeightUploader> uploader(int threads, std::size_t piece_bytes) {
    return WeightUploader::create(*gpu_, {.threads = threads, .piece_bytes = piece_bytes}).value();
  }
  std::unique_ptr<cuda::Gpu> gpu_ = make_test_gpu();
};

// Pieces of several tiles with a rest, of one tile, and smaller than one.
void expect_what_one_thread_packs(cuda::Gpu& gpu) {
  for (const DTypeInfo& info : all_dtypes()) {
    if (cuda::weight_format(info.type).bits == 0) continue;
    Random random(3);
    const auto bytes = random_blocks(random, info.type, kRows * kCols, 1e3f);
    const HostTensor tensor{
        .name = "w", .type = info.type, .shape = {kCols, kRows, 1, 1}, .bytes = bytes};
    std::vector<std::byte> expected(static_cast<std::size_t>(cuda::packed_bytes(tensor)));
    cuda::pack_tiles(tensor, 0, cuda::tiles_of(kRows), expected.data());
    for (const int threads : {1, 3}) {
      for (const std::size_t pieces : {1, 3, 1000}) {
        const auto uploader =
            WeightUploader::create(
                gpu, {.threads = threads, .piece_bytes = expected.size() / pieces + 1})
                .value();
        const auto weight = CudaWeight::create(*uploader, tensor).value();
        EXPECT_EQ(weight->memory_bytes(), expected.size());
        const std::byte* device = static_cast<const CudaWeight&>(*weight).tiles().tiles;
        EXPECT_EQ(downloaded(gpu, device, expected.size()), expected)
            << info.name << ", " << threads << " threads, " << pieces << " pieces";
      }
    }
  }
}

TEST_F(CudaWeightUpload, EveryTypeArrivesAsOneThreadPacksIt) {
  expect_what_one_thread_packs(*gpu_);
}

TEST_F(CudaWeightUpload, EveryTypeArrivesWithoutPageLockedMemory) {
  limit_pinned_memory(0);
  expect_what_one_thread_packs(*gpu_);
}

TEST_F(CudaWeightUpload, NormsAndMatricesOfFloatsArriveDecoded) {
  std::vector<float> values(kRows * kCols);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 7.0f;
  const auto bytes = std::as_bytes(std::span(values));
  const auto uploader = this->uploader(2, 5000);
  for (const int64_t rows : {int64_t{1}, kRows}) {
    const HostTensor tensor{.name = "w",
                            .type = DType::kF32,
                            .shape = {kCols, rows, 1, 1},
                            .bytes = bytes.first(static_cast<std::size_t>(rows * kCols * 4))};
    const auto weight = CudaWeight::create(*uploader, tensor).value();
    const auto* device =
        reinterpret_cast<const std::byte*>(static_cast<const CudaWeight&>(*weight).floats());
    const auto arrived = downloaded(*gpu_, device, tensor.bytes.size());
    EXPECT_EQ(std::memcmp(arrived.data(), tensor.bytes.data(), arrived.size()), 0) << rows;
  }
}

// The emulator copies as late as may be: a piece is still travelling while the next is made.
TEST_F(CudaWeightUpload, APieceIsMadeWhileTheOneBeforeTravels) {
  constexpr int64_t kPieces = 6;
  const auto uploader = this->uploader(1, 256);
  int travelling = 0;
  std::size_t operations = 0;
  const auto memory = uploader->upload(kPieces, 256, [&](int64_t first, int64_t, std::byte* out) {
    std::memset(out, static_cast<int>(first) + 1, 256);
    travelling += static_cast<int>(pending_copy_count());
    ++operations;
  });
  ASSERT_TRUE(memory.has_value());
  EXPECT_EQ(operations, std::size_t{kPieces});
  EXPECT_EQ(travelling, kPieces - 1);
  const auto arrived = downloaded(*gpu_, memory->as<std::byte>(), kPieces * 256);
  for (std::size_t i = 0; i < arrived.size(); ++i) {
    ASSERT_EQ(static_cast<std::size_t>(arrived[i]), i / 256 + 1) << i;
  }
}

TEST_F(CudaWeightUpload, AFaultEndsItAtOnceAndLeavesNothing) {
  const std::size_t before = device_bytes_in_use();
  const auto uploader = this->uploader(1, 256);
  fail_operation(3);
  int pieces = 0;
  const auto memory = uploader->upload(8, 256, [&](int64_t, int64_t, std::byte*) { ++pieces; });
  ASSERT_FALSE(memory.has_value());
  EXPECT_EQ(memory.error().code, ErrorCode::kDeviceError);
  EXPECT_EQ(pieces, 3);
  EXPECT_EQ(device_bytes_in_use(), before);
}

TEST_F(CudaWeightUpload, WithoutDeviceMemoryNothingIsMade) {
  const std::size_t before = device_bytes_in_use();
  gpu_ = make_emulated_gpu(before + 1000);
  const auto memory = uploader(1, 256)->upload(
      8, 256, [&](int64_t, int64_t, std::byte*) { ADD_FAILURE() << "made for nothing"; });
  ASSERT_FALSE(memory.has_value());
  EXPECT_EQ(memory.error().code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(device_bytes_in_use(), before);
}

}  // namespace
}  // namespace weft::test
