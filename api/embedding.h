// Embeddings: texts as vectors, made by the model that also generates. A text is computed as any
// prompt is, in the same steps, over the same paged KV; what it gives is its final hidden states
// (the last layer's output after the final norm) instead of a next token.
//
//   auto vectors = engine->embed(texts);                      // one vector a text, of length 1
//   auto pages = engine->embed_tokens(texts);                 // one vector a token, for MaxSim
//
// The bits of a result depend on the text, the options and the model alone: not on who shares the
// step, how the text is cut into chunks, the prefix cache, or preemptions. What pooling needs of a
// text is always computed: "last" takes a cached prefix as generations do and computes the rest;
// the others need every token's state, which the cache does not keep, so they take nothing from it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/model/pooling.h"
#include "scheduler/priority.h"

namespace weft {

class Engine;

namespace engine {
class Inbox;
class StepLoop;
struct Job;
struct StreamHooks;
}  // namespace engine

// How a text becomes its embedding.
struct EmbedOptions {
  std::optional<Pooling> pooling;         // nothing: the model's own (ModelInfo::pooling)
  bool normalize = true;                  // to Euclidean length 1; of tokens, each
  bool add_bos = true;                    // put around the text what the model puts there
  bool parse_special = false;             // control tokens in the text become their ids
  Priority priority = Priority::kNormal;  // whose turn comes first where texts wait
  uint64_t cache_salt = 0;                // prefixes are shared only between equal salts
};

// One text to embed.
struct EmbedRequest {
  std::string text;                 // or …
  std::vector<int32_t> prompt_ids;  // … ids, used as they are where not empty
  bool tokens = false;              // a vector for each token instead of one for the text
  EmbedOptions options;             // how
};

// What one text gives.
struct Embedding {
  int32_t dim = 0;            // elements of a vector: the model's n_embd
  std::vector<float> values;  // [1, dim], or [tokens, dim] where tokens were asked for
  std::vector<int32_t> ids;   // of the text, as it was computed
  int32_t cached_tokens = 0;  // of them, found in the prefix cache

  // Vectors: 1, or one a token.
  int64_t rows() const { return dim > 0 ? std::ssize(values) / dim : 0; }
  // One of them, [dim]; valid as long as this object.
  std::span<const float> row(int64_t i) const {
    return std::span(values).subspan(static_cast<size_t>(i * dim), static_cast<size_t>(dim));
  }
};

// An embedding that is being computed. Movable; one thread waits at a time, cancel() may be called
// from any. Destroying it cancels the work that is left.
class PendingEmbedding {
 public:
  PendingEmbedding(PendingEmbedding&&) noexcept;
  PendingEmbedding& operator=(PendingEmbedding&&) noexcept;
  ~PendingEmbedding();

  // Waits for the result and gives it, once. Fails with kCancelled, kShutDown, kDeviceError, or
  // kNonFiniteLogits where the model computed a NaN or an infinity.
  Result<Embedding> get();
  // The same without waiting longer than until `deadline`: kTimedOut then, and the work goes on.
  Result<Embedding> get_until(std::chrono::steady_clock::time_point deadline);
  bool is_ready() const;  // get() will not wait

  // Ends the work before its next step; get() says kCancelled unless the result is there already.
  void cancel();

 private:
  friend class Engine;
  friend struct engine::StreamHooks;
  PendingEmbedding(std::shared_ptr<engine::Job> job, engine::StepLoop& loop);

  std::shared_ptr<engine::Job> job_;  // null once moved from
  engine::StepLoop* loop_ = nullptr;  // only named in posted work, never used here
  std::shared_ptr<engine::Inbox> inbox_;
};

}  // namespace weft
