// The committed reference models are what their generator makes today.
#include "tests/support/fixtures.h"

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "tests/model/isa_test.h"
#include "tests/support/model_file.h"
#include "tests/support/temp_folder.h"

namespace weft::test {

void PrintTo(const Fixture& fixture, std::ostream* out) { *out << fixture.name; }

namespace {

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

class Fixtures : public testing::TestWithParam<Fixture> {
 protected:
  std::string committed(const std::string& extension) const {
    return (fixtures_folder() / (GetParam().name + extension)).string();
  }
};

TEST_P(Fixtures, AreMadeAgainAlike) {
  const TempFolder folder;
  const auto written = write_fixture(GetParam(), folder.path(""));
  ASSERT_TRUE(written.has_value()) << written.error().message;
  const std::string name = GetParam().name;
  EXPECT_TRUE(bytes_of(folder.path(name + ".gguf")) == bytes_of(committed(".gguf")));
  const int64_t n_vocab = GetParam().spec.n_vocab;
  const auto made = read_logits(folder.path(name + ".logits.f32"), n_vocab);
  const auto kept = read_logits(committed(".logits.f32"), n_vocab);
  ASSERT_TRUE(made.has_value() && kept.has_value());
  ASSERT_EQ(made->values.size(), kept->values.size());
  // Another machine's exp and sin may differ in the last bit of a double: what is then rounded to
  // float32 is the same number or its neighbour.
  for (size_t i = 0; i < kept->values.size(); ++i) {
    const float value = kept->values[i];
    EXPECT_NEAR(made->values[i], value, std::abs(value) * 0x1p-23) << "logit " << i;
  }
}

TEST_P(Fixtures, LoadAsWhatTheyWereMadeFrom) {
  const auto loaded = load_model_file(committed(".gguf"));
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  const TestModel model = make_test_model(GetParam().spec);
  const ModelConfig& a = loaded->config;
  const ModelConfig& b = model.config;
  EXPECT_EQ(a.architecture, b.architecture);
  EXPECT_EQ(a.n_vocab, b.n_vocab);
  EXPECT_EQ(a.n_embd, b.n_embd);
  EXPECT_EQ(a.n_ctx_train, b.n_ctx_train);
  EXPECT_EQ(a.rms_norm_eps, b.rms_norm_eps);
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (size_t i = 0; i < a.layers.size(); ++i) {
    EXPECT_EQ(a.layers[i].n_heads, b.layers[i].n_heads);
    EXPECT_EQ(a.layers[i].n_kv_heads, b.layers[i].n_kv_heads);
    EXPECT_EQ(a.layers[i].head_dim, b.layers[i].head_dim);
    EXPECT_EQ(a.layers[i].ffn_dim, b.layers[i].ffn_dim);
  }
  const RopeConfig& rope = a.ropes.at(0);
  const RopeConfig& expected = b.ropes.at(0);
  EXPECT_EQ(rope.kind, expected.kind);
  EXPECT_EQ(rope.dims, expected.dims);
  EXPECT_EQ(rope.freq_base, expected.freq_base);
  EXPECT_EQ(rope.scaling, expected.scaling);
  EXPECT_EQ(rope.factor, expected.factor);
  EXPECT_EQ(rope.original_context, expected.original_context);
  EXPECT_EQ(loaded->tensors.output.present(), model.tensors.output.present());
  EXPECT_EQ(loaded->tensors.rope_factors.present(), model.tensors.rope_factors.present());
}

INSTANTIATE_TEST_SUITE_P(Committed, Fixtures, testing::ValuesIn(fixtures()), case_name<Fixture>);

TEST(FixtureIds, AreMadeAgainAlike) {
  const auto ids = read_ids(fixtures_folder() / "weft-mini.tokens");
  ASSERT_TRUE(ids.has_value()) << ids.error().message;
  EXPECT_EQ(*ids, fixture_ids());
}

}  // namespace
}  // namespace weft::test
