// Job: one generation inside an engine, shared by the step thread that advances it and the reader
// that takes its tokens.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "api/engine.h"
#include "api/engine/embedder.h"
#include "api/engine/hold.h"
#include "api/engine/rounds.h"
#include "scheduler/generation_state.h"
#include "scheduler/sampler.h"

namespace weft::engine {

// A token as the step thread hands it over; text is the reader's business.
struct Token {
  int32_t id = 0;
  std::chrono::steady_clock::time_point made_at;
  std::optional<float> logprob;
  std::vector<TokenLogprob> top_logprobs;
};

// How a generation ended: by itself, or by an error.
struct End {
  std::optional<FinishReason> reason;
  std::optional<Error> error;
};

// The hand-over of tokens from the step thread to one reader. The writer never waits.
class TokenQueue {
 public:
  // Step thread. Returns how many tokens the reader has not taken.
  int32_t push(Token token);
  // Step thread; the first call counts. The last token, if it comes with the end, is known for the
  // last from the moment it can be taken.
  void end(End end, std::optional<Token> last = std::nullopt);

  // Reader: a token if there is one, else the end if it is known; nothing by `deadline`.
  struct Taken {
    std::optional<Token> token;
    const End* end = nullptr;
    int32_t left = 0;  // tokens not taken yet
  };
  static constexpr auto kForever = std::chrono::steady_clock::time_point::max();
  Taken take(std::chrono::steady_clock::time_point deadline);

  bool ended() const;
  bool empty() const;

  // For a reader that does not wait in take(): called once, without the lock, when there is
  // something to take (or the end is known), by who puts it there; at once where it is so already.
  using Hook = std::function<void()>;
  using EndHook = std::function<void(bool finished)>;
  void when_ready(Hook hook);
  void when_ended(EndHook hook);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Token> tokens_;
  std::optional<End> end_;  // never changes once set
  Hook on_ready_;           // null: nobody asks
  EndHook on_end_;
};

struct Job {
  // --- Set before the job is submitted ---
  int32_t logprobs = -1;
  bool emit_stop_token = false;
  int32_t buffer = 0;             // tokens the reader may be behind; 0: any number
  bool has_stop_strings = false;  // its reader may take tokens back
  bool report_blocks = false;     // block_ids are kept when it ends
  bool stepped = false;           // advances only by turns (SteppedGeneration)

  // --- The step thread's alone, once submitted; the reader's again once `tokens` has ended ---
  GenerationState state;
  std::unique_ptr<Embedder> embedder;       // of an embedding, which has no sampler
  std::optional<Sampler> sampler;           // of a stream
  Sampler* turn_sampler = nullptr;          // of the turn that is asked for
  std::vector<std::shared_ptr<Job>> forks;  // further samples, started when the prompt is computed
  bool counted_as_queued = false;
  int64_t num_counted = 0;     // its tokens in EngineStats::generated_tokens
  bool paused = false;         // its reader is behind, or its handler has not asked for a turn
  std::shared_ptr<Hold> hold;  // with which its last turn was asked for
  Rounds::Member round;        // of one that is stepped
  bool ended = false;

  // --- Shared ---
  TokenQueue tokens;
  std::mutex prompt_mutex;
  std::vector<TokenLogprob> prompt_logprobs;  // guarded by prompt_mutex
  int32_t num_cached = 0;                     // guarded by prompt_mutex
  std::vector<int32_t> block_ids;             // guarded by prompt_mutex
};

}  // namespace weft::engine
