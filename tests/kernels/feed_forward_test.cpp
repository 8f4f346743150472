// feed_forward() gives the bits of the operations it is made of: Backend::feed_forward().
#include <array>
#include <tuple>

#include "tests/kernels/support.h"

namespace weft::test {
namespace {

class FeedForwardTest
    : public IsaTestBase<::testing::TestWithParam<std::tuple<std::string, Activations>>> {
 protected:
  void SetUp() override { require(std::get<0>(GetParam())); }

  std::unique_ptr<Backend> backend(int threads) const {
    return make_backend(std::get<0>(GetParam()), threads, std::get<1>(GetParam()));
  }

  // A layer of n_embd → n_hidden → n_embd, against its parts.
  void compare(DType gate_type, DType up_type, DType down_type, int64_t n_embd, int64_t n_hidden,
               int threads) {
    const auto ours = backend(threads);
    const TestWeight gate(*ours, random_, gate_type, n_hidden, n_embd);
    const TestWeight up(*ours, random_, up_type, n_hidden, n_embd);
    const TestWeight down(*ours, random_, down_type, n_embd, n_hidden);
    const FeedForward layer = {*gate.weight, *up.weight, *down.weight, Activation::kSilu};
    for (const int64_t rows : {1, 63, 64, 191, 200, 401}) {
      auto x = random_floats(random_, rows * n_embd, 0.01f);
      const auto size = static_cast<std::size_t>(rows * n_hidden);
      std::vector<float> hidden[2] = {std::vector<float>(size), std::vector<float>(size)};
      const std::array between = {mat(hidden[0], rows), mat(hidden[1], rows)};
      std::vector<float> fused(x.size(), NAN), parts(x.size());
      ours->feed_forward(mat(x, rows), layer, between, mat(fused, rows));
      ours->Backend::feed_forward(mat(x, rows), layer, between, mat(parts, rows));
      ASSERT_TRUE(same_bits(fused, parts))
          << rows << " rows, " << n_hidden << " between, " << threads << " threads";
    }
  }

  Random random_{23};
};

TEST_P(FeedForwardTest, EqualsItsParts) {
  for (const int threads : {1, 2}) {
    compare(DType::kQ4_0, DType::kQ8_0, DType::kQ4_1, 96, 1088, threads);  // no whole blocks
    compare(DType::kQ4_K, DType::kQ4_K, DType::kQ6_K, 256, 1280, threads);
    compare(DType::kQ8_0, DType::kQ8_0, DType::kQ8_0, 64, 32, threads);  // too little to share out
  }
}

TEST_P(FeedForwardTest, EqualsItsPartsOverFloats) {
  compare(DType::kF16, DType::kBF16, DType::kF32, 96, 1088, 2);
  compare(DType::kQ8_0, DType::kQ8_0, DType::kF16, 96, 1088, 2);
  compare(DType::kF16, DType::kQ8_0, DType::kQ8_0, 96, 1088, 2);
}

// What is not finite spoils its own row.
TEST_P(FeedForwardTest, NotFiniteRowsStayApart) {
  const auto ours = backend(2);
  const TestWeight gate(*ours, random_, DType::kQ8_0, 1088, 64);
  const TestWeight down(*ours, random_, DType::kQ8_0, 64, 1088);
  const FeedForward layer = {*gate.weight, *gate.weight, *down.weight, Activation::kSilu};
  constexpr int64_t kRows = 70;
  auto x = random_floats(random_, kRows * 64, 0.01f);
  std::vector<float> hidden(kRows * 1088), other(kRows * 1088), clean(x.size()), spoiled(x.size());
  const std::array between = {mat(hidden, kRows), mat(other, kRows)};
  ours->feed_forward(mat(x, kRows), layer, between, mat(clean, kRows));
  x[5 * 64 + 3] = NAN;
  ours->feed_forward(mat(x, kRows), layer, between, mat(spoiled, kRows));
  for (std::size_t j = 5 * 64; j < 6 * 64; ++j) {
    EXPECT_TRUE(std::isnan(spoiled[j])) << j;
    spoiled[j] = clean[j];
  }
  EXPECT_TRUE(same_bits(spoiled, clean));
}

using Case = std::tuple<std::string, Activations>;
std::string case_name(const ::testing::TestParamInfo<Case>& test) {
  return std::get<0>(test.param) + "_" + std::string(activations_name(std::get<1>(test.param)));
}

INSTANTIATE_TEST_SUITE_P(Isa, FeedForwardTest,
                         ::testing::Combine(::testing::ValuesIn(all_isas()),
                                            ::testing::ValuesIn(all_activations().begin(),
                                                                all_activations().end())),
                         case_name);

}  // namespace
}  // namespace weft::test
