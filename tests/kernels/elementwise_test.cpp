// Norms, activations, rope, additions, row copies: against double precision, and bit for bit
// between instruction sets, threads and rows.
#include <algorithm>
#include <numbers>

#include "core/half.h"
#include "tests/kernels/support.h"

namespace weft::test {
namespace {

class ElementwiseTest : public IsaTest {
 protected:
  Random random_{5};
};

// Distance in units in the last place of a float.
double ulps(float got, double expected) {
  const float nearest = static_cast<float>(expected);
  if (got == nearest) return 0;
  if (!std::isfinite(nearest) || !std::isfinite(got)) return INFINITY;
  const double step =
      std::max<double>(std::abs(std::nextafter(nearest, INFINITY) - double(nearest)), 0x1p-149);
  return std::abs(got - expected) / step;
}

TEST_P(ElementwiseTest, ExpIsWithinOneAndAHalfUnits) {
  std::vector<float> x;
  for (float v = -105.0f; v < 90.0f; v += 0.00137f) x.push_back(v);
  std::vector<float> y(x.size());
  table_->exp(x.data(), y.data(), static_cast<int64_t>(x.size()));
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = std::exp(double(x[i]));
    // Two roundings where the result is subnormal: of the value and of its last step.
    worst = std::max(worst, ulps(y[i], expected));
  }
  EXPECT_LE(worst, 1.5);
}

TEST_P(ElementwiseTest, Exp2IsWithinOneUnit) {
  std::vector<float> x;
  for (float v = -126.0f; v <= 0.0f; v += 0.00037f) x.push_back(v);
  x.push_back(0.0f);
  std::vector<float> y(x.size());
  table_->exp2(x.data(), y.data(), static_cast<int64_t>(x.size()));
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    worst = std::max(worst, ulps(y[i], std::exp2(double(x[i]))));
  }
  EXPECT_LE(worst, 1.0);
  EXPECT_EQ(y.back(), 1.0f);
}

TEST_P(ElementwiseTest, Exp2OfExtremes) {
  const float x[] = {-INFINITY, -1e30f, -127.0f, -126.001f, 0.0f, -0.0f, NAN};
  float y[7];
  table_->exp2(x, y, 7);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(bits_from_float(y[i]), 0u) << x[i];
  EXPECT_EQ(y[4], 1.0f);
  EXPECT_EQ(y[5], 1.0f);
  EXPECT_TRUE(std::isnan(y[6]));
}

TEST_P(ElementwiseTest, ExpOfExtremes) {
  const float x[] = {-INFINITY, -1e30f, -106.0f, -104.0f, 0.0f, -0.0f, 89.0f, 1e30f, INFINITY, NAN};
  float y[10];
  table_->exp(x, y, 10);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(bits_from_float(y[i]), 0u) << x[i];
  EXPECT_EQ(y[4], 1.0f);
  EXPECT_EQ(y[5], 1.0f);
  for (int i = 6; i < 9; ++i) EXPECT_EQ(y[i], INFINITY) << x[i];
  EXPECT_TRUE(std::isnan(y[9]));
}

double activation(double x, Activation kind) {
  if (kind == Activation::kSilu) return x / (1 + std::exp(-x));
  const double u = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1 + std::tanh(u));
}

TEST_P(ElementwiseTest, GluAgreesWithDoublePrecision) {
  for (const int64_t n : {1, 7, 8, 9, 1003}) {
    for (const Activation kind : {Activation::kSilu, Activation::kGelu}) {
      auto gate = random_floats(random_, n, 4.0f);
      auto up = random_floats(random_, n);
      std::vector<float> out(static_cast<std::size_t>(n));
      make_backend(GetParam())->glu(mat(gate, 1), mat(up, 1), kind, mat(out, 1));
      for (std::size_t i = 0; i < out.size(); ++i) {
        const double a = activation(gate[i], kind);
        // The exponent of gelu is rounded four times, and exp turns its absolute error into a
        // relative one; then exp 1.5 units, an addition, a division and the product.
        const double exponent = kind == Activation::kGelu
                                    ? 1.6 * std::abs(gate[i] * (1 + 0.045 * gate[i] * gate[i]))
                                    : 0.0;
        const double allowed = (4 * exponent + 7) * kUnit * std::abs(a * up[i]) + 0x1p-140;
        // 1 + tanh(u) cancels in the reference where u is very negative.
        const double reference = 1e-15 * std::abs(gate[i] * up[i]);
        ASSERT_NEAR(out[i], a * up[i], allowed + reference) << gate[i];
      }
    }
  }
}

TEST_P(ElementwiseTest, GluOfExtremes) {
  std::vector<float> gate = {-INFINITY, -3e38f, -200.0f, -0.0f, 0.0f, 1e-45f, 3e38f, NAN};
  std::vector<float> up(8, 1.0f);
  std::vector<float> out(8);
  const auto backend = make_backend(GetParam());
  for (const Activation kind : {Activation::kSilu, Activation::kGelu}) {
    backend->glu(mat(gate, 1), mat(up, 1), kind, mat(out, 1));
    for (int i : {1, 2, 3, 4})
      EXPECT_EQ(out[static_cast<std::size_t>(i)], 0.0f) << gate[static_cast<std::size_t>(i)];
    EXPECT_EQ(out[6], 3e38f);
    EXPECT_TRUE(std::isnan(out[7]));
  }
}

TEST_P(ElementwiseTest, RmsNormAgreesWithDoublePrecision) {
  const auto backend = make_backend(GetParam());
  for (const int64_t cols : {1, 6, 8, 64, 172, 4099}) {
    const auto gain = random_floats(random_, cols);
    const TestWeight weight = vector_weight(*backend, gain);
    for (const float scale : {1e-30f, 1.0f, 1e18f}) {
      auto x = random_floats(random_, 3 * cols, scale);
      std::vector<float> out(x.size());
      backend->rms_norm(mat(x, 3), *weight.weight, 1e-5f, mat(out, 3));
      for (int64_t r = 0; r < 3; ++r) {
        double squares = 0;
        for (int64_t i = 0; i < cols; ++i) squares += std::pow(double(mat(x, 3).row(r)[i]), 2);
        const double factor = 1 / std::sqrt(squares / double(cols) + double(1e-5f));
        for (int64_t i = 0; i < cols; ++i) {
          const double expected = mat(x, 3).row(r)[i] * factor * gain[static_cast<std::size_t>(i)];
          // Three roundings to float: the factor and two products.
          ASSERT_NEAR(mat(out, 3).row(r)[i], expected, 3.01 * kUnit * std::abs(expected) + 1e-44);
        }
      }
    }
  }
}

TEST_P(ElementwiseTest, RmsNormOfZerosIsZero) {
  const auto backend = make_backend(GetParam());
  const TestWeight weight = vector_weight(*backend, std::vector<float>(24, 3.0f));
  std::vector<float> x(24, 0.0f);
  backend->rms_norm(mat(x, 1), *weight.weight, 0.0f, mat(x, 1));
  EXPECT_TRUE(std::isnan(x[0]));  // 0 / 0, as the formula says
  x.assign(24, 0.0f);
  backend->rms_norm(mat(x, 1), *weight.weight, 1e-6f, mat(x, 1));
  EXPECT_EQ(x, std::vector<float>(24, 0.0f));
}

TEST_P(ElementwiseTest, AddRmsNormEqualsItsParts) {
  const auto backend = make_backend(GetParam(), 2);
  const TestWeight weight = vector_weight(*backend, random_floats(random_, 100));
  auto x = random_floats(random_, 700);
  auto y = random_floats(random_, 700);
  std::vector<float> sum(700);
  for (std::size_t i = 0; i < 700; ++i) sum[i] = x[i] + y[i];
  std::vector<float> expected(700);
  backend->rms_norm(mat(sum, 7), *weight.weight, 1e-5f, mat(expected, 7));
  std::vector<float> out(700);
  backend->add_rms_norm(mat(x, 7), mat(y, 7), *weight.weight, 1e-5f, mat(out, 7));
  EXPECT_TRUE(same_bits(x, sum));
  EXPECT_TRUE(same_bits(out, expected));
}

TEST_P(ElementwiseTest, RopeTurnsPairsByTheirAngle) {
  const auto backend = make_backend(GetParam(), 2);
  const int32_t head_dim = 10;
  const std::vector<double> inverse = {1.0, 0.31, 0.0123};
  for (const RopeKind kind : {RopeKind::kNormal, RopeKind::kNeox}) {
    RopeFrequencies rope;
    rope.kind = kind;
    rope.dims = 6;
    rope.inverse = inverse;
    rope.magnitude = 1.25;
    const std::vector<int32_t> positions = {0, 1, 77, 131071};
    std::vector<float> table(4 * 6);
    backend->rope_table(rope, positions, mat(table, 4));
    auto x = random_floats(random_, 4 * 3 * head_dim);
    const auto before = x;
    backend->rope(mat(x, 4), head_dim, rope, mat(table, 4));
    for (std::size_t t = 0; t < 4; ++t) {
      for (std::size_t head = 0; head < 3; ++head) {
        const std::size_t at = (t * 3 + head) * head_dim;
        for (std::size_t i = 0; i < 3; ++i) {
          const std::size_t first = at + (kind == RopeKind::kNormal ? 2 * i : i);
          const std::size_t second = at + (kind == RopeKind::kNormal ? 2 * i + 1 : i + 3);
          const double angle = positions[t] * inverse[i];
          const double a = before[first];
          const double b = before[second];
          // The table's entry, the product and the sum each round once.
          const double allowed = 3.01 * kUnit * 1.25 * (std::abs(a) + std::abs(b));
          EXPECT_NEAR(x[first], 1.25 * (a * std::cos(angle) - b * std::sin(angle)), allowed);
          EXPECT_NEAR(x[second], 1.25 * (a * std::sin(angle) + b * std::cos(angle)), allowed);
        }
        for (std::size_t i = 6; i < head_dim; ++i) EXPECT_EQ(x[at + i], before[at + i]);
      }
    }
  }
}

TEST_P(ElementwiseTest, StoreRoundsAsTheScalarConversionsDo) {
  std::vector<float> x;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 65521) {
    x.push_back(float_from_bits(static_cast<uint32_t>(bits)));
  }
  for (const float v : {65504.0f, 65519.9f, 65520.0f, 3e38f, 5.9e-8f, 2.9e-8f, 1e-45f, -0.0f}) {
    x.push_back(v);
  }
  std::vector<uint16_t> out(x.size());
  const auto n = static_cast<int64_t>(x.size());
  table_->store(DType::kF16, x.data(), reinterpret_cast<std::byte*>(out.data()), n);
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(out[i], half_from_float(x[i])) << x[i];
  table_->store(DType::kBF16, x.data(), reinterpret_cast<std::byte*>(out.data()), n);
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(out[i], bf16_from_float(x[i])) << x[i];
}

// Near the smallest scales rounding leaves codes beyond a byte: they become its ends, and keep
// their sign.
TEST_P(ElementwiseTest, StoreOfTheSmallestBlocksKeepsSigns) {
  const cpu::KernelTable& scalar = *cpu::all_tables().front();
  ASSERT_STREQ(scalar.isa, "scalar");
  for (float largest = 1e-7f; largest < 1e-2f; largest *= 1.07f) {
    std::vector<float> x(32);
    for (int i = 0; i < 32; ++i) {
      x[static_cast<std::size_t>(i)] = largest * static_cast<float>(i - 16) / 16.0f;
    }
    struct Block {
      uint16_t d;
      int8_t q[32];
    };
    static_assert(sizeof(Block) == 34);
    Block block, expected;
    table_->store(DType::kQ8_0, x.data(), reinterpret_cast<std::byte*>(&block), 32);
    scalar.store(DType::kQ8_0, x.data(), reinterpret_cast<std::byte*>(&expected), 32);
    ASSERT_EQ(std::memcmp(&block, &expected, sizeof(block)), 0) << largest;
    for (std::size_t i = 0; i < 32; ++i) {
      ASSERT_GE(static_cast<float>(block.q[i]) * x[i], 0.0f) << largest << " element " << i;
    }
  }
}

// Every operation of this file in a fixed sequence, as one long vector.
std::vector<float> all_operations(const std::string& isa, int threads, int64_t rows_at_once) {
  const int64_t rows = 40;
  const int64_t cols = 1043;
  Random random(3);
  const auto backend = make_backend(isa, threads);
  const TestWeight gain = vector_weight(*backend, random_floats(random, cols));
  auto a = random_floats(random, rows * cols);
  auto b = random_floats(random, rows * cols, 3.0f);
  std::vector<float> out(a.size());
  for (int64_t first = 0; first < rows; first += rows_at_once) {
    const int64_t n = std::min(rows_at_once, rows - first);
    const Mat ma = mat(a, rows).slice(first, n);
    const Mat mb = mat(b, rows).slice(first, n);
    const Mat mo = mat(out, rows).slice(first, n);
    backend->glu(ma, mb, Activation::kSilu, ma);
    backend->add(ma, mb);
    backend->rms_norm(ma, *gain.weight, 1e-6f, mo);
    backend->glu(mo, ma, Activation::kGelu, mo);
  }
  return out;
}

TEST_P(ElementwiseTest, SameBitsForAnyRowsThreadsAndInstructionSet) {
  const auto reference = all_operations("scalar", 1, 40);
  for (const int threads : {1, 2, 3}) {
    for (const int64_t rows : {1, 7, 40}) {
      ASSERT_TRUE(same_bits(all_operations(GetParam(), threads, rows), reference))
          << threads << " threads, " << rows << " rows at once";
    }
  }
}

TEST_P(ElementwiseTest, EmbedDecodesRowsAndGatherCopiesThem) {
  const auto backend = make_backend(GetParam(), 2);
  const TestWeight table(*backend, random_, DType::kQ6_K, 9, 512);
  const std::vector<int32_t> ids = {8, 0, 3, 3};
  std::vector<float> rows(4 * 512);
  backend->embed(*table.weight, ids, mat(rows, 4));
  for (std::size_t t = 0; t < 4; ++t) {
    EXPECT_TRUE(std::equal(rows.begin() + static_cast<int64_t>(t) * 512,
                           rows.begin() + static_cast<int64_t>(t + 1) * 512,
                           table.values.begin() + ids[t] * 512));
  }
  std::vector<float> picked(2 * 512);
  const std::vector<int32_t> wanted = {1, 3};
  backend->gather_rows(mat(rows, 4), wanted, mat(picked, 2));
  EXPECT_TRUE(std::equal(picked.begin(), picked.begin() + 512, rows.begin() + 512));
  EXPECT_TRUE(std::equal(picked.begin() + 512, picked.end(), rows.begin() + 3 * 512));
}

WEFT_INSTANTIATE_ISAS(ElementwiseTest);

}  // namespace
}  // namespace weft::test
