// Batch: prompts of one generate_batch(), of which so many are under way at once; whoever ends
// makes room for the next. Kept alive by its requests. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/async_llm/async_llm.h"

namespace weft::llm {

class Batch : public std::enable_shared_from_this<Batch> {
 public:
  using Answers = std::vector<Result<GenerationOutput>>;

  // `on_done` is called once, on a worker thread, or on this one where there is nothing to do.
  using OnDone = std::function<void(Answers)>;
  static void start(std::shared_ptr<Core> core, std::vector<std::string> prompts,
                    const SamplingParams& params, int32_t batch_size, OnDone on_done);

 private:
  Batch(std::shared_ptr<Core> core, std::vector<std::string> prompts, const SamplingParams& params,
        OnDone on_done);
  void submit_next();
  void put(size_t index, Result<GenerationOutput> answer);

  const std::shared_ptr<Core> core_;
  const SamplingParams params_;
  OnDone on_done_;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<std::string> prompts_;
  Answers answers_;
  size_t next_ = 0;
  size_t num_answered_ = 0;
};

}  // namespace weft::llm
