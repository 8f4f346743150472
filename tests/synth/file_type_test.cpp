#include "tools/synth/file_type.h"

#include <map>

#include <gtest/gtest.h>

#include "tools/synth/tensor_plan.h"

namespace weft::synth {
namespace {

std::map<std::string, DType> types_of(const char* shape_name, const char* type_name) {
  const Shape shape = find_shape(shape_name).value();
  const FileType type = find_file_type(type_name).value();
  std::map<std::string, DType> types;
  for (const PlannedTensor& t : plan_tensors(shape)) {
    types[t.name] = tensor_type(type, shape, t.role, t.layer, t.cols);
  }
  return types;
}

int64_t bytes_of(const char* shape_name, const char* type_name) {
  const Shape shape = find_shape(shape_name).value();
  const FileType type = find_file_type(type_name).value();
  int64_t bytes = 0;
  for (const PlannedTensor& t : plan_tensors(shape)) {
    const DType dtype = tensor_type(type, shape, t.role, t.layer, t.cols);
    bytes += t.rows * row_bytes(dtype, t.cols).value();
  }
  return bytes;
}

TEST(SynthFileType, MixesOfMRaiseValuesAndDownProjectionsInHalfTheLayers) {
  auto types = types_of("llama3.2-1b", "Q4_K_M");
  // Of 16 layers: the first two, the last two, and every third between from the fifth on.
  for (int layer = 0; layer < 16; ++layer) {
    const bool more = layer < 2 || layer >= 14 || (layer - 2) % 3 == 2;
    const std::string blk = "blk." + std::to_string(layer) + ".";
    EXPECT_EQ(types[blk + "attn_v.weight"], more ? DType::kQ6_K : DType::kQ4_K) << layer;
    EXPECT_EQ(types[blk + "ffn_down.weight"], more ? DType::kQ6_K : DType::kQ4_K) << layer;
    EXPECT_EQ(types[blk + "ffn_up.weight"], DType::kQ4_K);
    EXPECT_EQ(types[blk + "attn_norm.weight"], DType::kF32);
  }
  EXPECT_EQ(types["token_embd.weight"], DType::kQ6_K);
}

TEST(SynthFileType, AnUntiedEmbeddingStaysSmallAndTheHeadIsRaised) {
  auto types = types_of("llama3.1-8b", "Q4_0");
  EXPECT_EQ(types["token_embd.weight"], DType::kQ4_0);
  EXPECT_EQ(types["output.weight"], DType::kQ6_K);
  EXPECT_EQ(types["blk.0.attn_v.weight"], DType::kQ4_0);
}

TEST(SynthFileType, RowsThatAreNoWholeBlocksFallBack) {
  auto types = types_of("qwen2.5-0.5b", "Q4_K_M");  // rows of 896; 4864 for ffn_down
  EXPECT_EQ(types["token_embd.weight"], DType::kQ8_0);
  EXPECT_EQ(types["blk.0.attn_q.weight"], DType::kQ5_0);
  EXPECT_EQ(types["blk.0.attn_v.weight"], DType::kQ8_0);
  EXPECT_EQ(types["blk.3.attn_v.weight"], DType::kQ5_0);
  EXPECT_EQ(types["blk.0.ffn_down.weight"], DType::kQ6_K);
  EXPECT_EQ(types["blk.3.ffn_down.weight"], DType::kQ4_K);
  EXPECT_EQ(types["blk.0.attn_q.bias"], DType::kF32);
}

TEST(SynthFileType, ABlockTypeIsGivenToEveryMatrix) {
  for (const auto& [name, type] : types_of("tiny", "Q4_K")) {
    const bool vector = name.find("norm") != std::string::npos || name == "rope_freqs.weight";
    EXPECT_EQ(type, vector ? DType::kF32 : DType::kQ4_K) << name;
  }
  const FileType pure = find_file_type("q4_0", true).value();
  const Shape shape = find_shape("tiny").value();
  EXPECT_EQ(tensor_type(pure, shape, TensorRole::kTokenEmbedding, 0, 256), DType::kQ4_0);
}

TEST(SynthFileType, UnknownNamesAndTypesThatHoldNoWeightsAreRefused) {
  for (const char* name : {"Q4_K_XL", "", "I32", "Q8_1", "F64"}) {
    EXPECT_FALSE(find_file_type(name)) << name;
  }
}

// Sizes of published files of instruct models; what is not tensors is metadata, mostly the
// tokenizer, and the same in every file of a model.
TEST(SynthFileType, BytesAreThoseOfGenuineFiles) {
  EXPECT_EQ(1'321'083'008 - bytes_of("llama3.2-1b", "Q8_0"), 7'831'552);
  EXPECT_EQ(807'694'464 - bytes_of("llama3.2-1b", "Q4_K_M"), 7'831'552);
  EXPECT_EQ(4'920'739'232 - bytes_of("llama3.1-8b", "Q4_K_M"), 7'840'928);
  EXPECT_EQ(397'808'192 - bytes_of("qwen2.5-0.5b", "Q4_K_M"), 5'948'480);
}

}  // namespace
}  // namespace weft::synth
