// linear_packed(): against double precision over the decoded
// weights, and the same bits whatever the number of rows.
#include "kernels/cuda/linear.h"

#include <cmath>
#include <cstring>

#include "core/half.h"
#include "kernels/cuda/pack_weight.h"
#include "tests/kernels/cuda/device_array.h"
#include "tests/kernels/support.h"

namespace weft::test {
namespace {

using cuda::PreparedRows;
using cuda::Stream;

std::vector<DType> packed_types() {
  std::vector<DType> types;
  for (const DTypeInfo& info : all_dtypes()) {
    if (cuda::weight_format(info.type).bits != 0) types.push_back(info.type);
  }
  return types;
}

// A weight as a file has it, decoded, and in tiles.
struct CudaWeight {
  CudaWeight(Random& random, DType type_of, int64_t n, int64_t k)
      : type(type_of),
        rows(n),
        cols(k),
        bytes(random_blocks(random, type_of, n * k, 1e3f)),
        values(static_cast<std::size_t>(n * k)),
        tiles(packed()) {
    decode_row(type, bytes.data(), values.data(), n * k);
  }
  std::vector<std::byte> packed() const {
    const HostTensor tensor{.name = "w", .type = type, .shape = {cols, rows, 1, 1}, .bytes = bytes};
    std::vector<std::byte> out(static_cast<std::size_t>(cuda::packed_bytes(tensor)));
    cuda::pack_tiles(tensor, 0, cuda::tiles_of(rows), out.data());
    return out;
  }
  cuda::PackedWeight view() const {
    const int units = cuda::units_of(cols);
    return {.tiles = tiles.data(),
            .rows = static_cast<int>(rows),
            .units = units,
            .tile_bytes = cuda::tile_layout(cuda::weight_format(type), units).size_bytes};
  }

  DType type;
  int64_t rows, cols;
  std::vector<std::byte> bytes;
  std::vector<float> values;
  DeviceArray<std::byte> tiles;
};

// Rows of x on the device, prepared.
struct CudaRows {
  CudaRows(const std::vector<float>& x, int64_t n, bool bfloat, int staged = 0)
      : rows(n),
        cols(static_cast<int64_t>(x.size()) / n),
        input(x),
        values(static_cast<std::size_t>(std::max<int64_t>(n, staged)) * cuda::units_of(cols) *
               cuda::kUnitColumns),
        scales(static_cast<std::size_t>(n)),
        sums(static_cast<std::size_t>(
                 cuda::prepared_sum_bytes(std::max<int64_t>(n, staged), cuda::units_of(cols))) /
             8) {
    prepared = {.rows = static_cast<int>(n),
                .units = cuda::units_of(cols),
                .values = values.data(),
                .inverse_scales = scales.data(),
                .sums = sums.data(),
                .staged_rows = staged};
    Stream stream;
    cuda::prepare_activations(stream, {input.data(), rows, cols}, bfloat, prepared);
  }

  int64_t rows, cols;
  DeviceArray<float> input;
  DeviceArray<uint16_t> values;
  DeviceArray<float> scales;
  DeviceArray<cuda::Vec2> sums;
  PreparedRows prepared;
};

std::vector<float> run(const CudaWeight& w, const std::vector<float>& x, int64_t rows,
                       const std::vector<float>& bias = {}, bool warpgroups = false) {
  const CudaRows prepared(x, rows, w.type == DType::kBF16,
                          warpgroups ? static_cast<int>(cuda::staged_rows(rows)) : 0);
  const DeviceArray<float> device_bias(bias);
  const DeviceArray<float> out(static_cast<std::size_t>(rows * w.rows));
  Stream stream;
  const cuda::LinearTarget target{
      .weight = w.view(), .bias = bias.empty() ? nullptr : device_bias.data(), .out = out.data()};
  (warpgroups ? cuda::linear_by_warpgroups : cuda::linear_packed)(stream, w.type, prepared.prepared,
                                                                  {&target, 1});
  return out.values();
}

// Values that a half float with its row's scale and a bfloat16 both hold exactly, so that what is
// seen is the kernel's own error.
std::vector<float> exact_floats(Random& random, int64_t n) {
  std::vector<float> x(static_cast<std::size_t>(n));
  for (float& v : x) v = static_cast<float>(static_cast<int>(random() % 255) - 127) / 32.0f;
  return x;
}

class CudaLinear : public ::testing::TestWithParam<DType> {
 protected:
  DType type_ = GetParam();
  int64_t block_ = dtype_info(GetParam()).block_size;
  Random random_{11};

  // The largest error in units of Σ |x| × 2 max |w| of the block: rounded sums of at most a chain
  // over K. Products of 2^11 and more may lose their last bit in a half.
  double worst_error(const CudaWeight& w, const std::vector<float>& x, int64_t rows,
                     const std::vector<float>& bias, const std::vector<float>& out) const {
    double worst = 0.0;
    for (int64_t t = 0; t < rows; ++t) {
      for (int64_t n = 0; n < w.rows; ++n) {
        double sum = bias.empty() ? 0.0 : static_cast<double>(bias[static_cast<std::size_t>(n)]);
        double magnitude = std::abs(sum) + 1e-30;
        for (int64_t k = 0; k < w.cols; k += block_) {
          double largest = 0.0;
          double of_x = 0.0;
          for (int64_t i = k; i < k + block_; ++i) {
            const auto value =
                static_cast<double>(w.values[static_cast<std::size_t>(n * w.cols + i)]);
            const auto xi = static_cast<double>(x[static_cast<std::size_t>(t * w.cols + i)]);
            sum += value * xi;
            largest = std::max(largest, std::abs(value));
            of_x += std::abs(xi);
          }
          magnitude += 2.0 * largest * of_x;
        }
        const double error =
            std::abs(static_cast<double>(out[static_cast<std::size_t>(t * w.rows + n)]) - sum);
        worst = std::max(worst, error / magnitude);
      }
    }
    return worst;
  }

  double tolerance(int64_t k) const {
    const bool wide = type_ == DType::kQ6_K || type_ == DType::kIQ4_XS;
    return (wide ? 0x1p-12 : 0.0) + static_cast<double>(k / 16 + 16) * kUnit;
  }
};

TEST_P(CudaLinear, AgreesWithDoublePrecision) {
  const int64_t unit = std::max<int64_t>(block_, block_ == 1 ? 7 : 32);
  // One block, an odd number of them, and more than a block of 256 with a ragged end.
  for (const int64_t k : {unit, 3 * unit, std::max(3 * unit, 416 / unit * unit)}) {
    const int64_t n = k == unit ? 1 : 19;
    const CudaWeight w(random_, type_, n, k);
    const auto bias = random_floats(random_, n);
    for (const int64_t rows : {1, 11, 34}) {
      if (rows > 11 && k != 3 * unit) continue;
      const auto x = exact_floats(random_, rows * k);
      const auto out = run(w, x, rows, bias);
      ASSERT_LE(worst_error(w, x, rows, bias, out), tolerance(k))
          << "k " << k << " n " << n << " rows " << rows;
    }
  }
}

TEST_P(CudaLinear, SameBitsForAnyNumberOfRows) {
  // Nine blocks make segments of two, five of them; for most types several segments will do.
  const bool all_segments = type_ == DType::kQ4_K || type_ == DType::kQ5_1 || type_ == DType::kF16;
  const int64_t k = all_segments ? 9 * 256 : 3 * 256;
  const int64_t n = 18;
  const int64_t rows = 35;
  const CudaWeight w(random_, type_, n, k);
  const auto x = random_floats(random_, rows * k);
  const auto all = run(w, x, rows);
  for (const int64_t count : {1, 3, 17}) {
    const int64_t first = rows - count;
    const std::vector<float> some(x.begin() + first * k, x.end());
    const std::vector<float> expected(all.begin() + first * n, all.end());
    set_turn_order(TurnOrder::kDescending);
    const auto got = run(w, some, count);
    set_turn_order(TurnOrder::kAscending);
    ASSERT_TRUE(same_bits(got, expected)) << count << " rows";
  }
}

// By the products of warpgroups, where those have the bits of mma.sync, as the emulator's have.
void expect_same_bits_by_warpgroups(Random& random, DType type, int64_t k, int64_t n,
                                    int64_t rows) {
  if (!has_warpgroups()) GTEST_SKIP() << "needs sm_90a";
  const CudaWeight w(random, type, n, k);
  const auto x = random_floats(random, rows * k);
  const auto bias = random_floats(random, n);
  const auto expected = run(w, x, rows, bias);
  EXPECT_TRUE(same_bits(run(w, x, rows, bias, true), expected)) << k << ", " << n << ", " << rows;
}

TEST_P(CudaLinear, WarpgroupsHaveTheSameBits) {
  // More units than there are stages, in four segments, the last of which is broken off where a
  // block of the type allows.
  const int64_t k = 3 * 256 + (block_ >= 256 ? 0 : block_ == 1 ? 7 : block_);
  expect_same_bits_by_warpgroups(random_, type_, k, 19, 33);
}

TEST(CudaLinearWarpgroups, HaveTheSameBitsBeyondTheirTiles) {
  Random random{12};
  set_turn_order(TurnOrder::kDescending);
  expect_same_bits_by_warpgroups(random, DType::kQ4_K, 256, 131, 130);
  set_turn_order(TurnOrder::kAscending);
}

TEST(SlowCudaLinearWarpgroups, HaveTheSameBitsAroundTheirTiles) {
  Random random{13};
  for (const DType type : {DType::kQ4_K, DType::kQ2_K, DType::kQ8_0, DType::kBF16}) {
    // Segments of several blocks; less than a unit.
    for (const int64_t k : {9 * 256, 256}) {
      for (const int64_t n : {1, 64, 65, 128, 129}) {
        for (const int64_t rows : {1, 127, 128, 129}) {
          expect_same_bits_by_warpgroups(random, type, k, n, rows);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, CudaLinear, ::testing::ValuesIn(packed_types()),
                         [](const auto& param) { return std::string(dtype_name(param.param)); });

}  // namespace
}  // namespace weft::test
