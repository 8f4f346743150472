// ParallelProcessor: many prompts, texts or items at once, for programs that want their results and
// no event loop. Every call blocks until its results are there, in the order of its input.
//
//   auto processor = weft::parallel::ParallelProcessor::builder(model)
//                        .thread_pool({.num_threads =
//                        8}).max_batch_size(32).enable_metrics().build();
//   auto results = processor->batch_generate(prompts, {.max_tokens = 50});
//   for (const auto& result : *results) std::cout << result.text;
//
// A thin layer over api/engine.h: the prompts of a batch share every forward pass of an engine of
// the processor's own, over weights that are shared with everybody else's.
#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "api/engine.h"
#include "api/model.h"
#include "api/parallel/thread_pool_config.h"
#include "core/error.h"

namespace weft::parallel {

// How each prompt of a batch is continued.
struct BatchGenerationConfig {
  int32_t max_tokens = 100;  // generated at most
  float temperature = 1.0f;  // 0 takes the most likely token
  int32_t top_k = 40;        // ≤ 0: all
  float top_p = 0.9f;        // (0, 1]
  // Longest time from a prompt's start to its last token; the work on it stops then. Each attempt
  // has it anew. Nothing: no limit.
  std::optional<int64_t> timeout_ms;
  int32_t retry_attempts = 0;  // further attempts at a prompt that failed, whatever the reason
  uint64_t seed = 42;          // of every prompt
};

// What one prompt gives.
struct GenerationResult {
  std::string text;                 // "" where it failed
  int32_t tokens_generated = 0;     // without a stop token
  uint64_t processing_time_ms = 0;  // from its start to its end, all attempts together
  bool success = false;             // there is no error
  std::optional<Error> error;       // of the last attempt, where it failed
  int32_t attempts = 0;             // made at it, the first included
};

// How each text of a batch is embedded.
struct BatchEmbedConfig {
  std::optional<Pooling> pooling;  // nothing: the model's own
  bool normalize = true;           // to Euclidean length 1
  // Longest time from a text's start to its embedding; the work on it stops then. Nothing: no
  // limit.
  std::optional<int64_t> timeout_ms;
};

// What one text gives.
struct EmbeddingResult {
  std::vector<float> embedding;     // [n_embd]; empty where it failed
  int32_t tokens = 0;               // of the text
  uint64_t processing_time_ms = 0;  // from its start to its end
  bool success = false;             // there is no error
  std::optional<Error> error;       // where it failed
};

// Of batch_generate(), batch_embed() and batch_tokenize(); all zero unless metrics are enabled.
struct ParallelStats {
  uint64_t batches_processed = 0;                   // of at most max_batch_size each
  uint64_t items_processed = 0;                     // those that failed too
  std::chrono::duration<double> avg_batch_time{0};  // seconds
  double items_per_second = 0;                      // in the time of all batches together
};

// Thread-safe: several threads' batches run together. Not to be destroyed while a call is under
// way.
class ParallelProcessor {
 public:
  class Builder;
  // A processor over this model, to be built.
  static Builder builder(std::shared_ptr<const Model> model);
  ParallelProcessor(ParallelProcessor&&) noexcept;
  ParallelProcessor& operator=(ParallelProcessor&&) noexcept;
  ~ParallelProcessor();

  // A result for each prompt, in order; one that fails (an empty prompt, one too long for the
  // engine's blocks, its timeout) leaves the others alone. More than max_batch_size prompts are
  // successive batches. Fails as a whole for a config that cannot be: kInvalidArgument.
  Result<std::vector<GenerationResult>> batch_generate(std::span<const std::string> prompts,
                                                       const BatchGenerationConfig& config = {});

  // An embedding for each text, in order, with the bits it has alone; one that fails leaves the
  // others alone. More than max_batch_size texts are successive batches. Fails as a whole for a
  // config that cannot be: kInvalidArgument.
  Result<std::vector<EmbeddingResult>> batch_embed(std::span<const std::string> texts,
                                                   const BatchEmbedConfig& config = {});

  // The ids of each text, as Model::tokenize() gives them; the error of the first text that has
  // one.
  Result<std::vector<std::vector<int32_t>>> batch_tokenize(std::span<const std::string> texts,
                                                           bool add_bos = true);

  // f(item) for every item, on the processor's threads; the results in order, or the error of the
  // first item that has one (items behind it may be left out). `f` returns a Result<T> or a T, is
  // called on several threads at once, and may call the processor again. What it throws is that
  // item's kGenerationFailed.
  template <class T, class F>
  auto parallel_process(const std::vector<T>& items, const F& f);

  ParallelStats stats() const;  // since it was built
  int num_threads() const;      // that compute
  // The engine beneath: its ledger, its figures.
  Engine& engine() const;

 private:
  struct State;
  explicit ParallelProcessor(std::unique_ptr<State> state);
  std::vector<Result<std::vector<int32_t>>> tokenize(std::span<const std::string> prompts);
  void for_each(size_t n, const std::function<void(size_t)>& fn);
  std::unique_ptr<State> state_;
};

// What a processor is to be.
class ParallelProcessor::Builder {
 public:
  // Over a model that is loaded; others may use it too.
  explicit Builder(std::shared_ptr<const Model> model) : model_(std::move(model)) {}
  // Inference runs on that many threads of this kind, and everything else on as many again.
  Builder& thread_pool(ThreadPoolConfig config) {
    thread_pool_ = std::move(config);
    return *this;
  }
  // Prompts or texts that are under way at once; 32.
  Builder& max_batch_size(int32_t size) {
    max_batch_size_ = size;
    return *this;
  }
  // Keep stats().
  Builder& enable_metrics() {
    metrics_ = true;
    return *this;
  }
  // The engine's KV blocks and the like; its threads and max_sequences are those of above.
  Builder& engine(EngineConfig config) {
    engine_ = std::move(config);
    return *this;
  }
  // Starts the threads. Fails with kInvalidArgument (a number out of range, a processor that is not
  // there), kLimitExceeded or kOutOfMemory.
  Result<ParallelProcessor> build() const;

 private:
  std::shared_ptr<const Model> model_;
  ThreadPoolConfig thread_pool_;
  int32_t max_batch_size_ = 32;
  bool metrics_ = false;
  EngineConfig engine_;
};

// ------------------------------------------------------------------ inside

namespace detail {

template <class R>
struct ValueOf {
  using type = R;
};
template <class R>
struct ValueOf<Result<R>> {
  using type = R;
};

Error error_of_exception();  // of the one being handled

}  // namespace detail

template <class T, class F>
auto ParallelProcessor::parallel_process(const std::vector<T>& items, const F& f) {
  using Returned = std::invoke_result_t<const F&, const T&>;
  using Value = typename detail::ValueOf<Returned>::type;
  static_assert(!std::is_void_v<Value>, "f returns what becomes of its item");
  std::vector<std::optional<Result<Value>>> results(items.size());
  std::atomic<size_t> first_failed = items.size();
  for_each(items.size(), [&](size_t i) {
    if (i > first_failed.load(std::memory_order_relaxed)) return;
    try {
      results[i].emplace(f(items[i]));
    } catch (...) {
      results[i].emplace(tl::unexpected(detail::error_of_exception()));
    }
    if (*results[i]) return;
    size_t first = first_failed.load(std::memory_order_relaxed);
    while (i < first && !first_failed.compare_exchange_weak(first, i, std::memory_order_relaxed)) {
    }
  });
  const auto all = [&]() -> Result<std::vector<Value>> {
    if (const size_t first = first_failed; first < items.size()) {
      return tl::unexpected(std::move(results[first]->error()));
    }
    std::vector<Value> values;
    values.reserve(items.size());
    for (auto& result : results) values.push_back(std::move(**result));
    return values;
  };
  return all();
}

}  // namespace weft::parallel
