// linear(): against a double-precision product, and the same bits however it is called.
#include <Eigen/Dense>

#include "tests/kernels/support.h"

namespace weft::test {
namespace {

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

RowMatrix as_double(const std::vector<float>& values, int64_t rows, int64_t cols) {
  return Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
             values.data(), rows, cols)
      .cast<double>();
}

// Each lane adds up a segment's share, the lanes are added in three steps, then the segments and
// the bias; every step rounds once, relative to at most the sum of magnitudes (Higham, 2002, 3.1).
double linear_tolerance(int64_t k) {
  const auto segment = static_cast<double>(std::min<int64_t>(k, cpu::kSegment));
  const double steps = segment / cpu::kLanes + 1 + 3 + std::ceil(double(k) / cpu::kSegment) + 1;
  return steps * kUnit / (1 - steps * kUnit);
}

class LinearTest : public IsaTestBase<::testing::TestWithParam<std::tuple<std::string, DType>>> {
 protected:
  void SetUp() override {
    require(std::get<0>(GetParam()));
    type_ = std::get<1>(GetParam());
    block_ = dtype_info(type_).block_size;
  }
  std::string isa() const { return std::get<0>(GetParam()); }

  // One block, an odd number of them, more than a segment and no whole number of segments; for
  // plain types also lengths that fill no vector.
  std::vector<int64_t> lengths() const {
    if (block_ > 1) return {block_, 3 * block_, cpu::kSegment + 3 * block_};
    return {1, 7, 8, 172, cpu::kSegment, 2 * cpu::kSegment + 45};
  }

  // Cases for the fast instruction sets, and fewer for the scalar loops, which take no decisions.
  std::vector<int64_t> few(std::vector<int64_t> fast, std::vector<int64_t> scalar) const {
    return isa() == "scalar" ? scalar : fast;
  }

  DType type_ = DType::kF32;
  int64_t block_ = 1;
  Random random_{7};
};

TEST_P(LinearTest, AgreesWithDoublePrecision) {
  const auto backend = make_backend(isa());
  for (const int64_t k : lengths()) {
    for (const int64_t n : few({1, 5, 131}, {1, 29})) {
      const TestWeight w(*backend, random_, type_, n, k);
      const auto bias = random_floats(random_, n);
      const TestWeight b = vector_weight(*backend, bias);
      for (const int64_t rows : few({1, 2, 3, 4, 5, 8, 13, 64}, {1, 5})) {
        auto x = random_floats(random_, rows * k);
        const auto out = run_linear(*backend, w, b.weight.get(), x, rows);

        const RowMatrix dw = as_double(w.values, n, k);
        const RowMatrix dx = as_double(x, rows, k);
        const RowMatrix expected = (dx * dw.transpose()).rowwise() + as_double(bias, 1, n).row(0);
        const RowMatrix magnitude = (dx.cwiseAbs() * dw.cwiseAbs().transpose()).rowwise() +
                                    as_double(bias, 1, n).row(0).cwiseAbs();
        const RowMatrix error = (as_double(out, rows, n) - expected).cwiseAbs();
        const double worst =
            (error.array() / (magnitude.array() + std::numeric_limits<float>::min())).maxCoeff();
        ASSERT_LE(worst, linear_tolerance(k)) << "k " << k << " n " << n << " rows " << rows;
      }
    }
  }
}

TEST_P(LinearTest, SameBitsForAnyRowsThreadsAndCompany) {
  const int64_t k = lengths().back();
  const int64_t n = isa() == "scalar" ? 23 : 101;
  const int64_t rows = isa() == "scalar" ? 5 : 37;
  const auto one = make_backend(isa(), 1);
  const TestWeight w(*one, random_, type_, n, k);
  const TestWeight other(*one, random_, type_, 17, k);
  auto x = random_floats(random_, rows * k);
  const auto reference = run_linear(*one, w, nullptr, x, rows);

  for (const int threads : {1, 2, 3}) {
    const auto backend = make_backend(isa(), threads);
    for (const int64_t chunk : few({1, 2, 3, 4, 5, 7, 16, 33}, {1, 2, 3, 4})) {
      const auto out = run_linear_in_chunks(*backend, w, other, x, rows, chunk);
      ASSERT_TRUE(same_bits(out, reference)) << threads << " threads, chunks of " << chunk;
    }
  }
}

class LinearParityTest : public LinearTest {};

TEST_P(LinearParityTest, AgreesWithScalarBitForBit) {
  const auto scalar = make_backend("scalar");
  const auto backend = make_backend(isa());
  for (const int64_t k : lengths()) {
    const TestWeight w(*scalar, random_, type_, 29, k);
    for (const int64_t rows : {1, 6, 17, 35}) {
      auto x = random_floats(random_, rows * k);
      ASSERT_TRUE(same_bits(run_linear(*scalar, w, nullptr, x, rows),
                            run_linear(*backend, w, nullptr, x, rows)))
          << "k " << k << " rows " << rows;
    }
  }
}

// Inputs from the ends of float32: subnormals are not flushed, sums may overflow, zeros keep quiet.
TEST_P(LinearParityTest, AgreesWithScalarOnExtremes) {
  const auto scalar = make_backend("scalar");
  const auto backend = make_backend(isa());
  const int64_t k = lengths().back();
  const TestWeight w(*scalar, random_, type_, 7, k);
  const float kMax = std::numeric_limits<float>::max();
  const float kTiny = std::numeric_limits<float>::denorm_min();
  for (const auto& [low, high] :
       {std::pair{kTiny, -kTiny}, {-0.0f, 0.0f}, {kMax, kMax}, {kMax, kTiny}, {1e-38f, -1e-38f}}) {
    for (const int64_t rows : {1, 6, 17, 35}) {
      auto x = random_floats(random_, rows * k);
      for (float& v : x) v = v < 0 ? low : high;
      auto expected = run_linear(*scalar, w, nullptr, x, rows);
      auto got = run_linear(*backend, w, nullptr, x, rows);
      // Infinities of both signs add up to NaN, of which there are many.
      for (std::size_t i = 0; i < got.size(); ++i) {
        if (std::isnan(expected[i]) && std::isnan(got[i])) expected[i] = got[i] = 0.0f;
      }
      ASSERT_TRUE(same_bits(expected, got)) << low << ", " << high << ", rows " << rows;
    }
  }
}

std::string case_name(const ::testing::TestParamInfo<std::tuple<std::string, DType>>& param) {
  return std::get<0>(param.param) + "_" + std::string(dtype_name(std::get<1>(param.param)));
}

INSTANTIATE_TEST_SUITE_P(All, LinearTest,
                         ::testing::Combine(::testing::ValuesIn(all_isas()),
                                            ::testing::ValuesIn(weight_types())),
                         case_name);

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LinearParityTest);
INSTANTIATE_TEST_SUITE_P(All, LinearParityTest,
                         ::testing::Combine(::testing::ValuesIn(all_isas_but_scalar()),
                                            ::testing::ValuesIn(weight_types())),
                         case_name);

}  // namespace
}  // namespace weft::test
