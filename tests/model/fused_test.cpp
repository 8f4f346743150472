// Fused operations give the bits of their parts: the default bodies in core/backend.cpp.
#include <cstring>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/model/isa_test.h"
#include "tests/support/compare.h"
#include "tests/support/delegating_backend.h"
#include "tests/support/random.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_model.h"

namespace weft::test {
namespace {

class Fused : public IsaTest {};

std::vector<float> random_values(int64_t count, uint64_t seed) {
  std::vector<float> values(count);
  Random random(seed);
  for (float& value : values) value = static_cast<float>(random.bell());
  return values;
}

TEST_P(Fused, AddRmsNormEqualsAddThenRmsNorm) {
  const auto backend = make_cpu_backend(isa(), 2);
  for (const int64_t cols : {1, 7, 8, 64, 67, 1000}) {
    for (const int64_t rows : {1, 2, 19}) {
      const auto gain_values = random_values(cols, 1);
      const HostTensor gain_tensor{.name = "gain",
                                   .type = DType::kF32,
                                   .shape = {cols, 1, 1, 1},
                                   .bytes = std::as_bytes(std::span(gain_values))};
      const auto gain = backend->load_weight(gain_tensor);
      ASSERT_TRUE(gain.has_value());
      auto y = random_values(rows * cols, 2);
      auto x = random_values(rows * cols, 3);
      auto x_parts = x;
      std::vector<float> out(x.size()), out_parts(x.size());
      const auto mat = [&](std::vector<float>& values) { return Mat{values.data(), rows, cols}; };
      backend->add_rms_norm(mat(x), mat(y), **gain, 1e-5f, mat(out));
      backend->add(mat(x_parts), mat(y));
      backend->rms_norm(mat(x_parts), **gain, 1e-5f, mat(out_parts));
      EXPECT_EQ(std::memcmp(x.data(), x_parts.data(), x.size() * sizeof(float)), 0)
          << rows << " x " << cols;
      EXPECT_EQ(std::memcmp(out.data(), out_parts.data(), out.size() * sizeof(float)), 0)
          << rows << " x " << cols;
    }
  }
}

// The wrapper composes every fused operation and the whole step from the plain ones.
TEST_P(Fused, AModelEqualsItsComposition) {
  const TestModel model = make_test_model({.qk_norm = true});
  const TokenIds ids = Random(9, "ids").ids(50, model.config.n_vocab);
  const auto fused = make_cpu_backend(isa(), 2);
  DelegatingBackend composed(make_cpu_backend(isa(), 2));
  EXPECT_TRUE(same_bits(run_chunked(*make_decoder(model, *fused), *fused, ids, 0),
                        run_chunked(*make_decoder(model, composed), composed, ids, 0)));
}

INSTANTIATE_TEST_SUITE_P(Cpu, Fused, testing::ValuesIn(cpu_isas()), isa_name);

}  // namespace
}  // namespace weft::test
