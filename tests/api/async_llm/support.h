// What the tests of AsyncLLM share: a small model with random weights, and the same requests run
// on an engine alone.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api/async_llm/async_llm.h"
#include "tests/support/eventually.h"
#include "tests/support/fixtures.h"

namespace weft::llm {

using test::eventually;

using std::chrono::milliseconds;

inline std::string mini_path() {
  return (test::fixtures_folder() / "weft-mini-qwen3-Q8_0.gguf").string();
}

inline std::shared_ptr<const Model> mini_model() {
  static const auto model = [] {
    auto loaded = Model::load(mini_path(), {.threads = 1});
    EXPECT_TRUE(loaded) << loaded.error().message;
    return *loaded;
  }();
  return model;
}

inline AsyncLLM mini(const AsyncLLMConfig& config = {}) {
  auto llm = AsyncLLM::create(mini_model(), config);
  EXPECT_TRUE(llm) << llm.error().message;
  return std::move(*llm);
}

// Goes on for much longer than a test needs to catch it in its middle.
inline SamplingParams endless() {
  return {.temperature = 0, .max_tokens = 30000, .min_tokens = 30000};
}
inline AsyncLLMConfig long_config() { return {.num_blocks = 2048, .max_seq_length = 31000}; }

// The same on an engine alone.
inline std::string alone(const std::string& prompt, const SamplingParams& params) {
  auto engine = Engine::create(mini_model(), {.num_blocks = 1024, .kv_type = "f16"});
  EXPECT_TRUE(engine) << engine.error().message;
  auto stream = (*engine)->submit({.prompt = prompt,
                                   .max_tokens = params.max_tokens,
                                   .min_tokens = params.min_tokens,
                                   .sampling = {.temperature = params.temperature,
                                                .top_k = params.top_k,
                                                .top_p = params.top_p,
                                                .repetition_penalty = params.repetition_penalty,
                                                .seed = params.seed},
                                   .stop_strings = params.stop_sequences,
                                   .stop_ids = params.stop_token_ids});
  EXPECT_TRUE(stream) << stream.error().message;
  std::string text;
  while (auto token = stream->next().value()) text += token->text;
  return text;
}

inline std::string text_of(std::future<Result<GenerationOutput>> answer) {
  auto output = answer.get();
  EXPECT_TRUE(output) << output.error().message;
  return output ? output->generated_text : "";
}

inline ErrorCode error_of(std::future<Result<GenerationOutput>> answer) {
  const auto output = answer.get();
  EXPECT_FALSE(output) << output->generated_text;
  return output ? ErrorCode::kGenerationFailed : output.error().code;
}

// All blocks are back, and every request is accounted for.
inline void expect_idle(AsyncLLM& llm) {
  EXPECT_TRUE(eventually([&] {
    const AsyncLLMStats s = llm.get_stats();
    return s.running == 0 && s.waiting == 0 && s.blocks_used == 0 &&
           s.submitted == s.completed + s.failed + s.cancelled + s.timed_out;
  }));
}

}  // namespace weft::llm
