// What an AsyncLLM is made of: its model, its memory, its threads, its defaults.
#include <cstdlib>

#include "core/model/decoder.h"
#include "core/platform/thread.h"
#include "tests/api/async_llm/support.h"
#include "tests/support/temp_folder.h"

namespace weft::llm {
namespace {

TEST(AsyncLLMConfig, DefaultsAreTheOnesCallersKnow) {
  const AsyncLLMConfig config;
  EXPECT_EQ(config.model, "Qwen/Qwen3-0.6B");
  EXPECT_EQ(config.device, "auto");
  EXPECT_EQ(config.dtype, "float16");
  EXPECT_EQ(config.max_queue_size, 1000);
  EXPECT_EQ(config.num_blocks, 1024);
  EXPECT_EQ(config.block_size, 16);
  EXPECT_EQ(config.max_seq_length, 4096);
  EXPECT_EQ(config.worker_count, 2);
  const SamplingParams params;
  EXPECT_EQ(params.temperature, 1.0f);
  EXPECT_EQ(params.top_p, 1.0f);
  EXPECT_EQ(params.top_k, -1);
  EXPECT_EQ(params.max_tokens, 100);
  EXPECT_EQ(params.repetition_penalty, 1.0f);
}

TEST(AsyncLLMConfig, PresetsAreGreedyCreativeAndBalanced) {
  EXPECT_EQ(SamplingParams::greedy().temperature, 0.0f);
  const SamplingParams creative = SamplingParams::creative();
  EXPECT_EQ(creative.temperature, 0.8f);
  EXPECT_EQ(creative.top_p, 0.9f);
  EXPECT_EQ(creative.top_k, 50);
  const SamplingParams balanced = SamplingParams::balanced();
  EXPECT_EQ(balanced.temperature, 0.7f);
  EXPECT_EQ(balanced.top_p, 0.9f);
  EXPECT_EQ(balanced.top_k, 40);
}

TEST(AsyncLLMConfig, TheModelIsAPathOrANameBelowTheModelsFolder) {
  auto by_path = AsyncLLM::create({.model = mini_path(), .device = "cpu"});
  ASSERT_TRUE(by_path) << by_path.error().message;
  const test::TempFolder folder;
  std::filesystem::copy_file(mini_path(), folder.path("Qwen3-0.6B-Q8_0.gguf"));
  ::setenv("WEFT_MODELS", folder.path("").c_str(), 1);
  auto by_name = AsyncLLM::create();
  ASSERT_TRUE(by_name) << by_name.error().message;
  EXPECT_EQ(text_of(by_name->generate("Hi", SamplingParams::greedy())),
            text_of(by_path->generate("Hi", SamplingParams::greedy())));
  const auto missing = AsyncLLM::create({.model = "nobody/knows-it"});
  ::unsetenv("WEFT_MODELS");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("nobody/knows-it"), std::string::npos);
  EXPECT_NE(missing.error().message.find(folder.path("")), std::string::npos);
}

TEST(AsyncLLMConfig, MpsIsRefusedByName) {
  const auto llm = AsyncLLM::create({.model = mini_path(), .device = "mps"});
  ASSERT_FALSE(llm);
  EXPECT_EQ(llm.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(llm.error().message.find("mps"), std::string::npos);
}

TEST(AsyncLLMConfig, WhatCannotBeIsRefused) {
  for (const AsyncLLMConfig& config : {AsyncLLMConfig{.dtype = "int8"},
                                       {.max_queue_size = 0},
                                       {.num_blocks = 0},
                                       {.block_size = 12},
                                       {.max_seq_length = 1},
                                       {.worker_count = 0}}) {
    const auto llm = AsyncLLM::create(mini_model(), config);
    ASSERT_FALSE(llm);
    EXPECT_EQ(llm.error().code, ErrorCode::kInvalidArgument) << llm.error().message;
  }
}

TEST(AsyncLLMConfig, DtypeIsTheTypeOfTheKvCacheAndNotOfTheWeights) {
  const auto memory = [](const std::string& dtype) {
    return mini({.dtype = dtype}).engine().memory();
  };
  EXPECT_EQ(memory("float32").kv_bytes, 2 * memory("float16").kv_bytes);
  EXPECT_EQ(memory("bfloat16").kv_bytes, memory("float16").kv_bytes);
  EXPECT_EQ(memory("float32").weight_bytes, memory("float16").weight_bytes);
}

TEST(AsyncLLMConfig, BlocksTimesTheirSizeIsTheWholeCapacity) {
  AsyncLLM llm = mini({.num_blocks = 6, .block_size = 8});
  EXPECT_EQ(llm.get_stats().blocks_total, 6);
  const int32_t prompt = static_cast<int32_t>(mini_model()->tokenize("Hello").value().size());
  SamplingParams params{.temperature = 0, .max_tokens = 48 - prompt};
  const auto full = llm.generate("Hello", params).get();
  ASSERT_TRUE(full) << full.error().message;
  EXPECT_EQ(full->total_tokens, 48);
  EXPECT_EQ(full->block_indices.size(), 6u);
  ++params.max_tokens;
  EXPECT_EQ(error_of(llm.generate("Hello", params)), ErrorCode::kContextOverflow);
}

TEST(AsyncLLMConfig, MaxSeqLengthBoundsPromptAndGenerated) {
  AsyncLLM llm = mini({.max_seq_length = 20});
  const int32_t prompt = static_cast<int32_t>(mini_model()->tokenize("Hello").value().size());
  SamplingParams params{.temperature = 0, .max_tokens = 20 - prompt};
  EXPECT_TRUE(llm.generate("Hello", params).get());
  ++params.max_tokens;
  const auto refused = llm.generate("Hello", params).get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kContextOverflow);
  EXPECT_NE(refused.error().message.find("max_seq_length is 20"), std::string::npos);
}

TEST(AsyncLLMConfig, WorkersAreCountedAndNoThreadIsLeftBehind) {
  const test::ThreadCount count;
  for (const int32_t workers : {1, 2, 5}) {
    {
      AsyncLLM llm = mini({.worker_count = workers});
      EXPECT_TRUE(count.becomes(workers + 1));  // and the step thread
      EXPECT_TRUE(llm.generate("Hello").get());
    }
    EXPECT_TRUE(count.becomes(0));
  }
}

}  // namespace
}  // namespace weft::llm
