// What the tests of ParallelProcessor share: a small model with random weights, and its prompts run
// on an engine alone.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api/parallel/parallel_processor.h"
#include "tests/support/eventually.h"
#include "tests/support/fixtures.h"

namespace weft::parallel {

using std::chrono::milliseconds;
using test::eventually;

inline std::shared_ptr<const Model> mini_model() {
  static const auto model = [] {
    const auto path = test::fixtures_folder() / "weft-mini-qwen3-Q8_0.gguf";
    auto loaded = Model::load(path.string(), {.threads = 1});
    EXPECT_TRUE(loaded) << loaded.error().message;
    return *loaded;
  }();
  return model;
}

inline ParallelProcessor built(const ParallelProcessor::Builder& builder) {
  auto processor = builder.build();
  EXPECT_TRUE(processor) << processor.error().message;
  return std::move(*processor);
}

// Two threads, 32,768 tokens.
inline ParallelProcessor mini(int32_t max_batch_size = 32) {
  return built(ParallelProcessor::builder(mini_model())
                   .thread_pool({.num_threads = 2})
                   .max_batch_size(max_batch_size)
                   .engine({.num_blocks = 2048})
                   .enable_metrics());
}

inline std::string alone(const std::string& prompt, const BatchGenerationConfig& config) {
  auto engine = Engine::create(mini_model());
  EXPECT_TRUE(engine) << engine.error().message;
  auto stream = (*engine)->submit({.prompt = prompt,
                                   .max_tokens = config.max_tokens,
                                   .sampling = {.temperature = config.temperature,
                                                .top_k = config.top_k,
                                                .top_p = config.top_p,
                                                .seed = config.seed}});
  EXPECT_TRUE(stream) << stream.error().message;
  std::string text;
  while (auto token = stream->next().value()) text += token->text;
  return text;
}

inline std::vector<std::string> numbered(int n) {
  std::vector<std::string> prompts;
  for (int i = 0; i < n; ++i) prompts.push_back("Prompt " + std::to_string(i));
  return prompts;
}

// Longer than the engine's blocks hold.
inline std::string too_long() { return std::string(40000, 'x'); }

inline void expect_idle(Engine& engine) {
  EXPECT_TRUE(eventually([&] {
    const EngineStats stats = engine.stats();
    return stats.running == 0 && engine.num_waiting() == 0 && stats.blocks_owned == 0;
  }));
}

}  // namespace weft::parallel
