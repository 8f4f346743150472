// linear() over weights of floats and activations in BF16: against the exact product of the rounded
// inputs, and the same bits in every instruction set and however it is called.
#include "core/half.h"
#include "tests/kernels/support.h"

namespace weft::test {
namespace {

// Subnormal numbers become zero, as the instructions read them.
float rounded(float x) {
  const float y = float_from_bf16(bf16_from_float(x));
  return std::abs(y) < std::numeric_limits<float>::min() ? 0.0f : y;
}

class Bf16Test : public IsaTestBase<::testing::TestWithParam<std::tuple<std::string, DType>>> {
 protected:
  void SetUp() override {
    require(std::get<0>(GetParam()));
    type_ = std::get<1>(GetParam());
    backend_ = make_backend(std::get<0>(GetParam()), 1, Activations::kBf16);
  }

  DType type_ = DType::kBF16;
  Random random_{23};
  std::unique_ptr<Backend> backend_;
};

TEST_P(Bf16Test, IsTheProductOfTheRoundedInputs) {
  for (const int64_t k : {32, 96, 1056}) {
    for (const int64_t n : {2, 16, 100, 230}) {
      const TestWeight w(*backend_, random_, type_, n, k);
      ASSERT_TRUE(w.weight->has_own_layout());
      const auto bias = random_floats(random_, n);
      const TestWeight b = vector_weight(*backend_, bias);
      for (const int64_t rows : {1, 4, 131}) {
        auto x = random_floats(random_, rows * k);
        const auto out = run_linear(*backend_, w, b.weight.get(), x, rows);
        for (int64_t t = 0; t < rows; ++t) {
          for (int64_t j = 0; j < n; ++j) {
            double sum = bias[static_cast<std::size_t>(j)];
            double magnitude = std::abs(sum);
            for (int64_t i = 0; i < k; ++i) {
              const double term = double{rounded(x[static_cast<std::size_t>(t * k + i)])} *
                                  rounded(w.values[static_cast<std::size_t>(j * k + i)]);
              sum += term;
              magnitude += std::abs(term);
            }
            const double error = std::abs(out[static_cast<std::size_t>(t * n + j)] - sum);
            ASSERT_LE(error, static_cast<double>(k + 1) * kUnit * magnitude + 1e-30)
                << "k " << k << " n " << n << " row " << t << " column " << j;
          }
        }
      }
    }
  }
}

TEST_P(Bf16Test, SameBitsForAnyRowsThreadsAndInstructionSet) {
  const int64_t k = 1056;
  const int64_t n = 133;
  const int64_t rows = 150;
  const TestWeight w(*backend_, random_, type_, n, k);
  // With a quantised weight beside it, whose inputs are rounded otherwise.
  const TestWeight other(*backend_, random_, DType::kQ8_0, 17, k);
  auto x = random_floats(random_, rows * k);
  // Where an order of sums is named, nobody shares it: then one row at a time is what counts.
  const bool shared = table_->bf16.order[0] == '\0';
  const auto reference =
      shared ? run_linear(*make_backend("scalar", 1, Activations::kBf16), w, nullptr, x, rows)
             : run_linear_in_chunks(*backend_, w, other, x, rows, 1);
  for (const int threads : {1, 3}) {
    const auto backend = make_backend(std::get<0>(GetParam()), threads, Activations::kBf16);
    for (const int64_t chunk : {1, 2, 3, 6, 7, 37, 150}) {
      const auto out = run_linear_in_chunks(*backend, w, other, x, rows, chunk);
      ASSERT_TRUE(same_bits(out, reference)) << threads << " threads, chunks of " << chunk;
    }
  }
}

TEST_P(Bf16Test, AnEmbeddingThatIsTheHeadIsLookedUpRounded) {
  const int64_t k = 64;
  const TestWeight w(*backend_, random_, type_, 40, k);
  const int32_t ids[] = {39, 0, 17};
  std::vector<float> out(3 * k);
  backend_->embed(*w.weight, ids, mat(out, 3));
  for (std::size_t t = 0; t < 3; ++t) {
    for (std::size_t i = 0; i < k; ++i) {
      ASSERT_EQ(out[t * k + i], rounded(w.values[static_cast<std::size_t>(ids[t]) * k + i]));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Bf16Test,
                         ::testing::Combine(::testing::ValuesIn(all_isas()),
                                            ::testing::Values(DType::kF32, DType::kF16,
                                                              DType::kBF16)),
                         [](const auto& each) {
                           return std::get<0>(each.param) + "_" +
                                  std::string(dtype_name(std::get<1>(each.param)));
                         });

}  // namespace
}  // namespace weft::test
