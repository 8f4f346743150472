#include "api/parallel/embed_batch.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace weft::parallel {
namespace {

using Clock = std::chrono::steady_clock;

struct Item {
  std::optional<PendingEmbedding> pending;
  Clock::time_point start, deadline = Clock::time_point::max();
};

void start(Engine& engine, const BatchEmbedConfig& config, const Result<std::vector<int32_t>>& ids,
           Item& item, EmbeddingResult& result) {
  item.start = Clock::now();
  if (config.timeout_ms) {
    item.deadline = item.start + std::chrono::milliseconds(*config.timeout_ms);
  }
  if (!ids) {
    result.error = ids.error();
    return;
  }
  auto pending = engine.submit_embedding(
      {.prompt_ids = *ids, .options = {.pooling = config.pooling, .normalize = config.normalize}});
  if (pending) {
    item.pending.emplace(std::move(*pending));
  } else {
    result.error = pending.error();
  }
}

// Dropping what is pending stops its work before the next step.
void take(const BatchEmbedConfig& config, Item& item, EmbeddingResult& result) {
  if (item.pending) {
    auto embedding = item.pending->get_until(item.deadline);
    item.pending.reset();
    if (embedding) {
      result.tokens = static_cast<int32_t>(embedding->ids.size());
      result.embedding = std::move(embedding->values);
      result.success = true;
    } else if (embedding.error().code == ErrorCode::kTimedOut) {
      result.error = Error{ErrorCode::kTimedOut, "not finished within the " +
                                                     std::to_string(*config.timeout_ms) +
                                                     " ms that a text may take"};
    } else {
      result.error = embedding.error();
    }
  }
  result.processing_time_ms = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - item.start).count());
}

}  // namespace

// All of a batch start together, so waiting for one after the other keeps each one's deadline.
void embed_batch(Engine& engine, const BatchEmbedConfig& config,
                 std::span<const Result<std::vector<int32_t>>> texts,
                 std::span<EmbeddingResult> results) {
  std::vector<Item> items(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) start(engine, config, texts[i], items[i], results[i]);
  for (size_t i = 0; i < texts.size(); ++i) take(config, items[i], results[i]);
}

}  // namespace weft::parallel
