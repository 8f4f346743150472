// The operations between linear layers, through CudaBackend, against double
// precision.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

#include "core/half.h"
#include "kernels/cuda/cuda_backend.h"
#include "tests/kernels/cuda/device_array.h"
#include "tests/kernels/support.h"

namespace weft::test {
namespace {

class CudaOperations : public ::testing::Test {
 protected:
  std::vector<float> floats(int64_t n, float scale = 1.0f) {
    return random_floats(random_, n, scale);
  }
  static Mat mat_of(const DeviceArray<float>& x, int64_t rows) {
    return {x.data(), rows, static_cast<int64_t>(x.size()) / rows};
  }

  Random random_{3};
  std::unique_ptr<Backend> backend_ = create_cuda_backend(make_test_gpu());
};

// Odd sizes: one element, less than a warp, more than a block.
const std::vector<int64_t> kWidths = {1, 7, 64, 300};

void expect_near(float got, double expected, double magnitude, double roundings) {
  EXPECT_LE(std::abs(static_cast<double>(got) - expected), roundings * kUnit * magnitude + 1e-37)
      << got << " for " << expected;
}

TEST_F(CudaOperations, RmsNormAloneAndAfterAddition) {
  for (const int64_t cols : kWidths) {
    const int64_t rows = 3;
    const TestWeight gain = vector_weight(*backend_, floats(cols));
    const std::vector<float> x = floats(rows * cols, 3.0f);
    const std::vector<float> y = floats(rows * cols);
    const DeviceArray<float> plain_x(x), fused_x(x), device_y(y);
    const DeviceArray<float> plain(x.size()), fused(x.size());
    backend_->rms_norm(mat_of(plain_x, rows), *gain.weight, 1e-5f, mat_of(plain, rows));
    backend_->add_rms_norm(mat_of(fused_x, rows), mat_of(device_y, rows), *gain.weight, 1e-5f,
                           mat_of(fused, rows));
    for (int64_t r = 0; r < rows; ++r) {
      double squares = 0.0;
      double fused_squares = 0.0;
      for (int64_t i = r * cols; i < (r + 1) * cols; ++i) {
        const auto at = static_cast<std::size_t>(i);
        EXPECT_EQ(fused_x[at], x[at] + y[at]);
        squares += std::pow(static_cast<double>(x[at]), 2);
        fused_squares += std::pow(static_cast<double>(x[at] + y[at]), 2);
      }
      for (int64_t i = 0; i < cols; ++i) {
        const auto at = static_cast<std::size_t>(r * cols + i);
        const auto g = static_cast<double>(gain.values[static_cast<std::size_t>(i)]);
        const auto normed = [&](double value, double sum) {
          return value / std::sqrt(sum / static_cast<double>(cols) + 1e-5) * g;
        };
        const double expected = normed(static_cast<double>(x[at]), squares);
        expect_near(plain[at], expected, std::abs(expected), 4);
        const double sum = normed(static_cast<double>(x[at] + y[at]), fused_squares);
        expect_near(fused[at], sum, std::abs(sum), 4);
      }
    }
  }
}

TEST_F(CudaOperations, GluMultipliesTheActivationByUp) {
  std::vector<float> gate = {0.0f, -0.0f, 1e-30f, -1e-30f, 90.0f, -90.0f, 1e30f, -1e30f};
  const std::vector<float> more = floats(300, 4.0f);
  gate.insert(gate.end(), more.begin(), more.end());
  const std::vector<float> up = floats(static_cast<int64_t>(gate.size()));
  for (const Activation activation : {Activation::kSilu, Activation::kGelu}) {
    const DeviceArray<float> device_gate(gate), device_up(up);
    backend_->glu(mat_of(device_gate, 1), mat_of(device_up, 1), activation, mat_of(device_gate, 1));
    for (std::size_t i = 0; i < gate.size(); ++i) {
      const auto x = static_cast<double>(gate[i]);
      const double exponent =
          activation == Activation::kSilu
              ? -x
              : -2.0 * std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
      const double expected = x / (1.0 + std::exp(exponent)) * static_cast<double>(up[i]);
      // The exponent's own rounding is a relative error of the exponential.
      const double roundings = 8.0 + 4.0 * std::min(std::abs(exponent), 128.0);
      expect_near(device_gate[i], expected, std::abs(expected), roundings);
    }
  }
}

TEST_F(CudaOperations, AddAndGatherRows) {
  const std::vector<float> x = floats(5 * 33);
  const std::vector<float> y = floats(5 * 33);
  const DeviceArray<float> device_x(x), device_y(y), gathered(3 * 33);
  backend_->add(mat_of(device_x, 5), mat_of(device_y, 5));
  const std::vector<int32_t> rows = {4, 0, 4};
  backend_->gather_rows(mat_of(device_x, 5), rows, mat_of(gathered, 3));
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(device_x[i], x[i] + y[i]);
  for (std::size_t i = 0; i < gathered.size(); ++i) {
    EXPECT_EQ(gathered[i], device_x[static_cast<std::size_t>(rows[i / 33]) * 33 + i % 33]);
  }
}

TEST_F(CudaOperations, RopeTurnsPairsOfBothKinds) {
  const std::vector<double> inverse = {1.0, 0.25, 0.001};
  const std::vector<int32_t> positions = {0, 5, 100000};
  for (const RopeKind kind : {RopeKind::kNormal, RopeKind::kNeox}) {
    const RopeFrequencies rope{.kind = kind, .dims = 6, .inverse = inverse, .magnitude = 1.25};
    const DeviceArray<float> table(3 * 6);
    backend_->rope_table(rope, positions, mat_of(table, 3));
    const std::vector<float> x = floats(3 * 2 * 8);  // two heads of 8, of which 6 turn
    const DeviceArray<float> turned(x);
    backend_->rope(mat_of(turned, 3), 8, rope, mat_of(table, 3));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t t = i / 16;
      const std::size_t element = i % 8;
      if (element >= 6) {
        EXPECT_EQ(turned[i], x[i]);
        continue;
      }
      const bool normal = kind == RopeKind::kNormal;
      const std::size_t pair = normal ? element / 2 : element % 3;
      const bool second = normal ? element % 2 == 1 : element >= 3;
      const std::size_t other = second ? i - (normal ? 1 : 3) : i + (normal ? 1 : 3);
      const double angle = positions[t] * inverse[pair];
      const double cosine = std::cos(angle) * 1.25;
      const double sine = std::sin(angle) * 1.25;
      const auto own = static_cast<double>(x[i]);
      const auto partner = static_cast<double>(x[other]);
      const double expected = own * cosine + (second ? partner : -partner) * sine;
      expect_near(turned[i], expected, 1.25 * (std::abs(own) + std::abs(partner)), 4);
    }
  }
}

TEST_F(CudaOperations, EmbedDecodesEveryTypeBitForBit) {
  for (const DType type : weight_types()) {
    const int64_t cols = dtype_info(type).block_size == 1 ? 37 : 3 * dtype_info(type).block_size;
    const TestWeight table(*backend_, random_, type, 35, cols);
    const std::vector<int32_t> ids = {34, 0, 7, 34, 16};
    const DeviceArray<float> out(ids.size() * static_cast<std::size_t>(cols));
    backend_->embed(*table.weight, ids, mat_of(out, 5));
    std::vector<float> expected;
    for (const int32_t id : ids) {
      expected.insert(expected.end(), table.values.begin() + id * cols,
                      table.values.begin() + (id + 1) * cols);
    }
    // Minus zero times a scale may lose its sign.
    for (float& v : expected) v += 0.0f;
    std::vector<float> got = out.values();
    for (float& v : got) v += 0.0f;
    ASSERT_TRUE(same_bits(got, expected)) << dtype_name(type);
  }
}

TEST_F(CudaOperations, Float32WeightsKeepTheirBits) {
  for (const int64_t k : {1, 45, 260}) {
    const TestWeight w(*backend_, random_, DType::kF32, 11, k);
    const std::vector<float> x = floats(6 * k);
    const DeviceArray<float> device_x(x), out(6 * 11), alone(11);
    const LinearOutput output{w.weight.get(), nullptr, mat_of(out, 6)};
    backend_->linear(mat_of(device_x, 6), {&output, 1});
    const LinearOutput last{w.weight.get(), nullptr, mat_of(alone, 1)};
    backend_->linear(mat_of(device_x, 6).slice(5, 1), {&last, 1});
    for (int64_t t = 0; t < 6; ++t) {
      for (int64_t n = 0; n < 11; ++n) {
        double sum = 0.0;
        double magnitude = 0.0;
        for (int64_t i = 0; i < k; ++i) {
          const double term = static_cast<double>(w.values[static_cast<std::size_t>(n * k + i)]) *
                              static_cast<double>(x[static_cast<std::size_t>(t * k + i)]);
          sum += term;
          magnitude += std::abs(term);
        }
        const float got = out[static_cast<std::size_t>(t * 11 + n)];
        expect_near(got, sum, magnitude, static_cast<double>(k) / 32 + 7);
        if (t == 5) {
          EXPECT_EQ(bits_from_float(got), bits_from_float(alone[static_cast<std::size_t>(n)]));
        }
      }
    }
  }
}

TEST_F(CudaOperations, BlocksAreCopiedInOrderInEveryLayer) {
  const KvCacheSpec spec{.n_layers = 3,
                         .n_kv_heads = 2,
                         .head_dim = 5,
                         .block_size = 4,
                         .num_blocks = 5,
                         .type = DType::kF16};
  auto cache = backend_->create_kv_cache(spec).value();
  const std::size_t bytes = backend_->kv_block_bytes(*cache);
  std::vector<std::vector<std::byte>> blocks(5, std::vector<std::byte>(bytes));
  for (int32_t i = 0; i < 5; ++i) {
    for (std::byte& b : blocks[static_cast<std::size_t>(i)]) b = std::byte(random_() & 0xff);
    backend_->import_block(*cache, i, blocks[static_cast<std::size_t>(i)].data());
  }
  // A block that is written and then read, and one that is read and then written.
  const std::vector<BlockCopy> copies = {{0, 3}, {3, 4}, {1, 0}};
  backend_->copy_blocks(*cache, copies);
  const std::size_t expected[] = {1, 1, 2, 0, 0};
  for (int32_t i = 0; i < 5; ++i) {
    std::vector<std::byte> got(bytes);
    backend_->export_block(*cache, i, got.data());
    EXPECT_EQ(got, blocks[expected[i]]) << "block " << i;
  }
}

}  // namespace
}  // namespace weft::test
