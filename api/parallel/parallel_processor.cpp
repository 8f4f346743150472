#include "api/parallel/parallel_processor.h"

#include <algorithm>
#include <exception>
#include <mutex>

#include "api/parallel/batch_run.h"
#include "api/parallel/embed_batch.h"
#include "api/parallel/work_pool.h"
#include "core/platform/cpus.h"
#include "core/thread_pool.h"

namespace weft::parallel {
namespace {

using Clock = std::chrono::steady_clock;

// More than the batches of any number of threads: the processor bounds itself by its batches.
constexpr int32_t kMaxQueue = 1 << 24;

Result<void> check_range(const char* field, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return {};
  return fail(ErrorCode::kInvalidArgument, std::string(field) + ": " + std::to_string(value) +
                                               ", expected " + std::to_string(low) + " to " +
                                               std::to_string(high));
}

}  // namespace

Error detail::error_of_exception() {
  try {
    throw;
  } catch (const std::exception& exception) {
    return {ErrorCode::kGenerationFailed, std::string("threw: ") + exception.what()};
  } catch (...) {
    return {ErrorCode::kGenerationFailed, "threw something that is no std::exception"};
  }
}

struct ParallelProcessor::State {
  std::unique_ptr<Engine> engine;
  std::unique_ptr<WorkPool> pool;
  size_t max_batch_size = 0;
  bool metrics = false;

  std::mutex mutex;
  uint64_t batches = 0, items = 0;        // guarded by mutex
  std::chrono::duration<double> time{0};  // of all batches; guarded by mutex

  // run(first, size) for one batch after the other.
  template <class Run>
  void in_batches(size_t n, const Run& run) {
    for (size_t first = 0; first < n; first += max_batch_size) {
      const size_t size = std::min(max_batch_size, n - first);
      const auto start = Clock::now();
      run(first, size);
      if (!metrics) continue;
      const std::lock_guard lock(mutex);
      ++batches;
      items += size;
      time += Clock::now() - start;
    }
  }
};

ParallelProcessor::ParallelProcessor(std::unique_ptr<State> state) : state_(std::move(state)) {}
ParallelProcessor::ParallelProcessor(ParallelProcessor&&) noexcept = default;
ParallelProcessor& ParallelProcessor::operator=(ParallelProcessor&&) noexcept = default;
ParallelProcessor::~ParallelProcessor() = default;

ParallelProcessor::Builder ParallelProcessor::builder(std::shared_ptr<const Model> model) {
  return Builder(std::move(model));
}

Result<ParallelProcessor> ParallelProcessor::Builder::build() const {
  WEFT_TRY(check_range("max_batch_size", max_batch_size_, 1, 1 << 16));
  WEFT_TRY(check_range("num_threads", thread_pool_.num_threads, 0, ThreadPool::kMaxThreads));
  const int threads = thread_pool_.num_threads != 0
                          ? thread_pool_.num_threads
                          : std::min(platform::usable_cpus(), ThreadPool::kMaxThreads);
  EngineConfig config = engine_;
  config.max_sequences = max_batch_size_;
  config.max_queue = kMaxQueue;
  config.threads = threads;
  config.thread_setup = thread_setup(
      thread_pool_, threads,
      thread_pool_.numa_aware ? platform::numa_nodes() : std::vector<std::vector<int>>{},
      platform::allowed_cpus());
  auto state = std::make_unique<State>();
  WEFT_TRY_ASSIGN(state->pool, WorkPool::create(threads, config.thread_setup));
  WEFT_TRY_ASSIGN(state->engine, Engine::create(model_, config));
  state->max_batch_size = static_cast<size_t>(max_batch_size_);
  state->metrics = metrics_;
  return ParallelProcessor(std::move(state));
}

Result<std::vector<GenerationResult>> ParallelProcessor::batch_generate(
    std::span<const std::string> prompts, const BatchGenerationConfig& config) {
  WEFT_TRY(check_range("max_tokens", config.max_tokens, 1, INT32_MAX));
  WEFT_TRY(check_range("retry_attempts", config.retry_attempts, 0, INT32_MAX - 1));
  if (config.timeout_ms) WEFT_TRY(check_range("timeout_ms", *config.timeout_ms, 0, INT32_MAX));
  const Model& model = state_->engine->model();
  WEFT_TRY(Sampler::create(request_of(config, {}).sampling, model.info().n_vocab));

  std::vector<GenerationResult> results(prompts.size());
  state_->in_batches(prompts.size(), [&](size_t first, size_t size) {
    const std::vector<Result<std::vector<int32_t>>> ids = tokenize(prompts.subspan(first, size));
    BatchRun(*state_->engine, config, ids, std::span(results).subspan(first, size)).run();
  });
  return results;
}

Result<std::vector<EmbeddingResult>> ParallelProcessor::batch_embed(
    std::span<const std::string> texts, const BatchEmbedConfig& config) {
  if (config.timeout_ms) WEFT_TRY(check_range("timeout_ms", *config.timeout_ms, 0, INT32_MAX));
  std::vector<EmbeddingResult> results(texts.size());
  state_->in_batches(texts.size(), [&](size_t first, size_t size) {
    std::vector<Result<std::vector<int32_t>>> ids = tokenize(texts.subspan(first, size));
    embed_batch(*state_->engine, config, ids, std::span(results).subspan(first, size));
  });
  return results;
}

Result<std::vector<std::vector<int32_t>>> ParallelProcessor::batch_tokenize(
    std::span<const std::string> texts, bool add_bos) {
  const Model& model = state_->engine->model();
  std::vector<Result<std::vector<int32_t>>> ids(texts.size());
  state_->in_batches(texts.size(), [&](size_t first, size_t size) {
    for_each(size, [&](size_t i) { ids[first + i] = model.tokenize(texts[first + i], add_bos); });
  });
  std::vector<std::vector<int32_t>> all;
  all.reserve(ids.size());
  for (auto& result : ids) {
    WEFT_TRY_ASSIGN(auto one, std::move(result));
    all.push_back(std::move(one));
  }
  return all;
}

// The ids of each prompt, of which there is at least one, or why it has none.
std::vector<Result<std::vector<int32_t>>> ParallelProcessor::tokenize(
    std::span<const std::string> prompts) {
  const Model& model = state_->engine->model();
  std::vector<Result<std::vector<int32_t>>> ids(prompts.size());
  for_each(prompts.size(), [&](size_t i) {
    ids[i] = model.tokenize(prompts[i]);
    if (ids[i] && ids[i]->empty()) {
      ids[i] = fail(ErrorCode::kInvalidArgument, "prompt: empty, expected a token");
    }
  });
  return ids;
}

void ParallelProcessor::for_each(size_t n, const std::function<void(size_t)>& fn) {
  state_->pool->run(n, fn);
}

ParallelStats ParallelProcessor::stats() const {
  const std::lock_guard lock(state_->mutex);
  ParallelStats stats{.batches_processed = state_->batches, .items_processed = state_->items};
  if (state_->batches == 0) return stats;
  stats.avg_batch_time = state_->time / static_cast<double>(state_->batches);
  stats.items_per_second =
      static_cast<double>(state_->items) / std::max(state_->time.count(), 1e-9);
  return stats;
}

int ParallelProcessor::num_threads() const { return state_->pool->size(); }
Engine& ParallelProcessor::engine() const { return *state_->engine; }

}  // namespace weft::parallel
