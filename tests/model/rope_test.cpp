// Rope's tables and turns against the oracle's, up to the longest contexts.
#include "core/model/rope.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/model/isa_test.h"
#include "tests/support/random.h"
#include "tests/support/reference_model.h"

namespace weft::test {
namespace {

struct RopeCase {
  std::string name;
  RopeConfig rope;
  bool factors = false;
};

void PrintTo(const RopeCase& rope, std::ostream* out) { *out << rope.name; }

std::vector<RopeCase> rope_cases() {
  return {
      {.name = "normal", .rope = {.dims = 64}},
      {.name = "neox_base_1e6", .rope = {.kind = RopeKind::kNeox, .dims = 128, .freq_base = 1e6}},
      {.name = "six_of_a_head", .rope = {.kind = RopeKind::kNeox, .dims = 6}},
      {.name = "one_pair", .rope = {.dims = 2}},
      {.name = "llama3_factors", .rope = {.dims = 64, .freq_base = 5e5}, .factors = true},
      {.name = "linear", .rope = {.dims = 64, .scaling = RopeScaling::kLinear, .factor = 8.0}},
      {.name = "yarn",
       .rope = {.kind = RopeKind::kNeox,
                .dims = 128,
                .freq_base = 1e6,
                .scaling = RopeScaling::kYarn,
                .factor = 4.0,
                .original_context = 32768}},
      {.name = "yarn_attention_factor",
       .rope = {.dims = 64,
                .scaling = RopeScaling::kYarn,
                .factor = 40.0,
                .original_context = 4096,
                .attention_factor = 0.7,
                .yarn_beta_fast = 16.0,
                .yarn_beta_slow = 2.0}},
      {.name = "yarn_without_ext_factor",
       .rope = {.dims = 64,
                .scaling = RopeScaling::kYarn,
                .factor = 8.0,
                .original_context = 2048,
                .yarn_ext_factor = 0.0}},
      {.name = "yarn_short_context",  // every pair is slower than beta_fast
       .rope = {.dims = 16, .scaling = RopeScaling::kYarn, .factor = 2.0, .original_context = 8}},
  };
}

constexpr std::array<int32_t, 8> kPositions = {0, 1, 17, 4095, 32768, 65537, 131071, 131072};
// Rounding to float32 twice (table, and the product that uses it) and a libm's last bit.
constexpr double kStep = 0x1p-23;

class Rope : public IsaCaseTest<RopeCase> {
 protected:
  std::vector<float> factors() const {
    if (!test_case().factors) return {};
    // As Llama 3 has them: 1 for fast pairs, 8 for slow ones, between the two in between.
    std::vector<float> result(test_case().rope.dims / 2);
    for (size_t i = 0; i < result.size(); ++i) {
      result[i] = std::clamp(0.5f * static_cast<float>(i) - 5.0f, 1.0f, 8.0f);
    }
    return result;
  }
};

TEST_P(Rope, TableIsRightAtAnyPosition) {
  const RopeConfig& rope = test_case().rope;
  const auto backend = make_cpu_backend(isa(), 1);
  const RopeTable frequencies(rope, factors());
  std::vector<float> table(kPositions.size() * rope.dims);
  backend->rope_table(frequencies.frequencies(), kPositions,
                      {table.data(), static_cast<int64_t>(kPositions.size()), rope.dims});
  for (size_t t = 0; t < kPositions.size(); ++t) {
    const auto turns = reference_rope_turns(rope, factors(), kPositions[t]);
    const float* row = table.data() + t * rope.dims;
    for (size_t i = 0; i < turns.size(); ++i) {
      const double bound = kStep * std::hypot(turns[i].cosine, turns[i].sine);
      EXPECT_NEAR(row[i], turns[i].cosine, bound) << "position " << kPositions[t] << ", pair " << i;
      EXPECT_NEAR(row[turns.size() + i], turns[i].sine, bound)
          << "position " << kPositions[t] << ", pair " << i;
    }
  }
}

TEST_P(Rope, TurnsEveryHead) {
  const RopeConfig& rope = test_case().rope;
  const int64_t head_dim = rope.dims + 3;  // what is beyond the turned part stays
  constexpr int64_t kHeads = 3;
  const auto tokens = static_cast<int64_t>(kPositions.size());
  const auto backend = make_cpu_backend(isa(), 2);
  const RopeTable frequencies(rope, factors());
  std::vector<float> table(tokens * rope.dims), x(tokens * kHeads * head_dim);
  Random random(5);
  for (float& value : x) value = static_cast<float>(random.bell());
  std::vector<double> expected(x.begin(), x.end());
  for (int64_t t = 0; t < tokens; ++t) {
    const auto turns = reference_rope_turns(rope, factors(), kPositions[t]);
    for (int64_t h = 0; h < kHeads; ++h) {
      reference_rope(rope, turns,
                     std::span(expected).subspan((t * kHeads + h) * head_dim, head_dim));
    }
  }
  const Mat table_view{table.data(), tokens, rope.dims};
  backend->rope_table(frequencies.frequencies(), kPositions, table_view);
  backend->rope({x.data(), tokens, kHeads * head_dim}, static_cast<int32_t>(head_dim),
                frequencies.frequencies(), table_view);
  for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], expected[i], 16 * kStep) << i;
}

INSTANTIATE_TEST_SUITE_P(Cpu, Rope,
                         testing::Combine(testing::ValuesIn(cpu_isas()),
                                          testing::ValuesIn(rope_cases())),
                         isa_case_name<RopeCase>);

}  // namespace
}  // namespace weft::test
