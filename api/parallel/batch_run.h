// BatchRun: one batch of prompts on an engine. Waits for whichever ends or runs out of time, and
// tries again what failed. Lives on the stack of one call.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "api/engine.h"
#include "api/parallel/parallel_processor.h"

namespace weft::parallel {

class BatchRun {
 public:
  // `prompts`: the ids of each, or why it has none. `results` [prompts] are filled in.
  BatchRun(Engine& engine, const BatchGenerationConfig& config,
           std::span<const Result<std::vector<int32_t>>> prompts,
           std::span<GenerationResult> results);
  // Returns when every prompt has its result.
  void run();

 private:
  using Clock = std::chrono::steady_clock;

  struct Item {
    std::optional<TokenStream> stream;
    Clock::time_point start, deadline = Clock::time_point::max();
  };
  // Told by the engine: which item's which attempt has ended. Outlives the run, for what ends late.
  struct Ends {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::pair<size_t, int32_t>> ended;
  };

  void attempt(size_t index);
  void take_result(size_t index);
  void failed(size_t index, Error error);
  void finish(size_t index, Clock::time_point end);
  std::vector<size_t> wait_for_ends();
  void stop_late_ones();

  Engine& engine_;
  const BatchGenerationConfig& config_;
  std::span<const Result<std::vector<int32_t>>> prompts_;
  std::span<GenerationResult> results_;
  std::vector<Item> items_;
  size_t unfinished_;
  std::shared_ptr<Ends> ends_ = std::make_shared<Ends>();
};

// The engine's request for a prompt of these ids.
Request request_of(const BatchGenerationConfig& config, std::vector<int32_t> prompt_ids);

}  // namespace weft::parallel
