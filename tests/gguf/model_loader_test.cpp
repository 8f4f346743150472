#include "gguf/model_loader.h"

#include <limits>

#include <gtest/gtest.h>

#include "tests/gguf/tiny_model.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_data.h"

namespace weft::gguf {
namespace {

using test::Bytes;
using test::GgufBuilder;
using test::load_bytes;
using test::TinyModel;

TEST(GgufModelLoader, LlamaTakesItsDefaultsWhereTheFileIsSilent) {
  const auto model = load_bytes(TinyModel().build());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->config.architecture, "llama");
  EXPECT_EQ(model->config.n_vocab, 4);
  EXPECT_EQ(model->config.n_embd, 8);
  ASSERT_EQ(model->config.layers.size(), 2u);
  const LayerConfig& layer = model->config.layers[1];
  EXPECT_EQ(layer.n_heads, 2);
  EXPECT_EQ(layer.n_kv_heads, 2);
  EXPECT_EQ(layer.head_dim, 4);
  EXPECT_EQ(layer.ffn_dim, 16);
  const RopeConfig& rope = model->config.ropes.at(0);
  EXPECT_EQ(rope.kind, RopeKind::kNormal);
  EXPECT_EQ(rope.dims, 4);
  EXPECT_EQ(rope.freq_base, 10000.0);
  EXPECT_EQ(rope.scaling, RopeScaling::kNone);
  EXPECT_FALSE(model->tensors.output.present());
  EXPECT_FALSE(model->tensors.rope_factors.present());
  EXPECT_EQ(model->tensors.layers[1].wq.name, "blk.1.attn_q.weight");
  EXPECT_FALSE(model->tensors.layers[1].bq.present());
  EXPECT_TRUE(model->warnings.empty());
}

TEST(GgufModelLoader, Qwen2NeedsItsBiasesAndQwen3ItsNorms) {
  TinyModel qwen2;
  qwen2.architecture = "qwen2";
  EXPECT_EQ(load_bytes(qwen2.build()).error().message,
            "blk.0.attn_q.bias: missing, expected shape [8]");
  qwen2.qkv_bias = true;
  auto model = load_bytes(qwen2.build());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->config.ropes[0].kind, RopeKind::kNeox);
  EXPECT_TRUE(model->tensors.layers[0].bv.present());

  TinyModel qwen3;
  qwen3.architecture = "qwen3";
  EXPECT_EQ(load_bytes(qwen3.build()).error().code, ErrorCode::kGgufMissingTensor);
  qwen3.qk_norm = true;
  model = load_bytes(qwen3.build());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->tensors.layers[1].k_norm.cols(), 4);
}

TEST(GgufModelLoader, PoolingTypeIsTheDefaultOfEmbeddings) {
  EXPECT_EQ(load_bytes(TinyModel().build())->config.pooling, Pooling::kLast);
  constexpr Pooling kTypes[] = {Pooling::kLast, Pooling::kMean, Pooling::kFirst, Pooling::kLast,
                                Pooling::kLast};
  for (uint32_t type = 0; type < std::size(kTypes); ++type) {
    TinyModel model;
    model.extra.number<uint32_t>("llama.pooling_type", type);
    EXPECT_EQ(load_bytes(model.build())->config.pooling, kTypes[type]) << type;
  }
  TinyModel unknown;
  unknown.extra.number<uint32_t>("llama.pooling_type", 5);
  EXPECT_EQ(load_bytes(unknown.build()).error().message, "llama.pooling_type: 5, expected 0 … 4");
  TinyModel text;
  text.extra.string("llama.pooling_type", "mean");
  EXPECT_EQ(load_bytes(text.build()).error().code, ErrorCode::kGgufWrongKeyType);
}

TEST(GgufModelLoader, RecommendedSamplingIsTakenWhereADrawCanUseIt) {
  EXPECT_FALSE(load_bytes(TinyModel().build())->config.sampling.temperature);
  TinyModel tiny;
  tiny.extra.number<float>("general.sampling.temp", 0.5f);
  tiny.extra.number<int32_t>("general.sampling.top_k", 20);
  tiny.extra.number<float>("general.sampling.top_p", 0.0f);
  tiny.extra.string("general.sampling.min_p", "little");
  tiny.extra.number<float>("general.sampling.penalty_repeat",
                           std::numeric_limits<float>::infinity());
  const auto model = load_bytes(tiny.build());
  ASSERT_TRUE(model) << model.error().message;
  const SamplingAdvice& advice = model->config.sampling;
  EXPECT_EQ(advice.temperature, 0.5f);
  EXPECT_EQ(advice.top_k, 20);
  EXPECT_FALSE(advice.top_p);
  EXPECT_FALSE(advice.min_p);
  EXPECT_FALSE(advice.repetition_penalty);
  EXPECT_EQ(
      model->warnings,
      std::vector<std::string>(
          {"general.sampling.top_p: 0.000000, expected a number in (0, 1]; not used",
           "general.sampling.min_p: string \"little\", expected a float; not used",
           "general.sampling.penalty_repeat: inf, expected a finite number above 0; not used"}));
}

TEST(GgufModelLoader, RopeScalingKeysBecomeTheConfig) {
  TinyModel yarn;
  yarn.extra.string("llama.rope.scaling.type", "yarn")
      .number<float>("llama.rope.scaling.factor", 4)
      .number<uint32_t>("llama.rope.scaling.original_context_length", 16)
      .number<float>("llama.rope.scaling.attn_factor", 0.5f)
      .number<float>("llama.rope.scaling.yarn_beta_fast", 16);
  auto model = load_bytes(yarn.build());
  ASSERT_TRUE(model) << model.error().message;
  const RopeConfig& rope = model->config.ropes[0];
  EXPECT_EQ(rope.scaling, RopeScaling::kYarn);
  EXPECT_EQ(rope.factor, 4.0);
  EXPECT_EQ(rope.original_context, 16);
  EXPECT_EQ(rope.attention_factor, 0.5);
  EXPECT_EQ(rope.yarn_beta_fast, 16.0);
  EXPECT_EQ(rope.yarn_ext_factor, 1.0);

  TinyModel old;
  old.extra.number<float>("llama.rope.scale_linear", 2);
  model = load_bytes(old.build());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->config.ropes[0].scaling, RopeScaling::kLinear);
  EXPECT_EQ(model->config.ropes[0].factor, 2.0);

  TinyModel other;
  other.extra.string("llama.rope.scaling.type", "longrope");
  EXPECT_EQ(load_bytes(other.build()).error().code, ErrorCode::kUnsupported);
}

TEST(GgufModelLoader, NormsInOtherTypesBecomeFloat32) {
  TinyModel tiny;
  tiny.norm_type = DType::kF16;
  const auto model = load_bytes(tiny.build());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->tensors.output_norm.type, DType::kF32);
  EXPECT_EQ(model->tensors.output_norm.bytes.size(), 8 * sizeof(float));
}

TEST(GgufModelLoader, SizesThatAreArraysMustBeAlike) {
  TinyModel alike;
  alike.skip = "llama.attention.head_count";
  alike.extra.array<int32_t>("llama.attention.head_count", {2, 2});
  ASSERT_TRUE(load_bytes(alike.build()));
  TinyModel differing;
  differing.skip = "llama.attention.head_count";
  differing.extra.array<uint32_t>("llama.attention.head_count", {2, 1});
  EXPECT_EQ(load_bytes(differing.build()).error().code, ErrorCode::kUnsupported);
  TinyModel few;
  few.skip = "llama.attention.head_count";
  few.extra.array<int32_t>("llama.attention.head_count", {2});
  EXPECT_EQ(load_bytes(few.build()).error().code, ErrorCode::kGgufBadValue);
}

TEST(GgufModelLoader, UnusedTensorsAreWarningsAndMeaningfulOnesErrors) {
  TinyModel unused;
  unused.extra.zeros("something.weight", {3});
  const auto model = load_bytes(unused.build());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->warnings,
            std::vector<std::string>{"something.weight: a tensor that is not used"});
  for (const char* name : {"blk.0.ffn_gate_exps.weight", "blk.0.ffn_up.bias",
                           "blk.0.attn_q_norm.weight", "blk.1.attn_qkv.weight"}) {
    TinyModel meaningful;
    meaningful.extra.zeros(name, {4});
    EXPECT_EQ(load_bytes(meaningful.build()).error().code, ErrorCode::kUnsupported) << name;
  }
}

TEST(GgufModelLoader, ModelOutlivesItsFile) {
  const test::TempFolder folder;
  const std::string path = folder.write("m.gguf", TinyModel().build());
  std::optional<LoadedModel> model;
  {
    const auto file = File::open(path);
    ASSERT_TRUE(file) << file.error().message;
    model = load_model(*file).value();
  }
  EXPECT_EQ(model->tensors.token_embedding.bytes.back(), std::byte{0});
}

TEST(GgufModelLoader, EverySharedModelLoads) {
  WEFT_NEED_TEST_DATA("models");
  int loaded = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(test::test_data_folder() / "models")) {
    if (entry.path().extension() != ".gguf") continue;
    const auto file = File::open(entry.path().string());
    ASSERT_TRUE(file) << file.error().message;
    const auto model = load_model(*file);
    ASSERT_TRUE(model) << entry.path() << ": " << model.error().message;
    EXPECT_TRUE(model->warnings.empty()) << entry.path() << ": " << model->warnings[0];
    const std::string name = entry.path().filename().string();
    const bool is_llama3 = name.starts_with("mini-llama3");
    EXPECT_EQ(model->tensors.rope_factors.present(), is_llama3) << name;
    EXPECT_EQ(model->tensors.layers[0].bq.present(), name.starts_with("mini-qwen2")) << name;
    EXPECT_EQ(model->tensors.layers[0].q_norm.present(), name.starts_with("mini-qwen3")) << name;
    EXPECT_EQ(model->config.n_vocab, 512) << name;
    ++loaded;
  }
  EXPECT_GE(loaded, 20);
}

}  // namespace
}  // namespace weft::gguf
