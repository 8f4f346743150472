// PendingRequest: one request of an AsyncLLM from its submission to the fetching of its answer.
// Everything but what its worker or reader holds alone is guarded by the Core's mutex.
#pragma once

#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/async_llm/async_llm.h"

namespace weft::llm {

using Clock = std::chrono::steady_clock;
using Timers = std::multimap<Clock::time_point, std::weak_ptr<PendingRequest>>;

struct PendingRequest {
  enum class Kind { kCallback, kKept, kStream };
  // Where it is. It leaves kWithWorker by that worker's doing alone.
  enum class Place { kInLine, kToPrepare, kWithWorker, kWithEngine, kToRead, kWithReader, kDone };

  // --- Set before it is submitted ---
  RequestId id = 0;
  Kind kind = Kind::kKept;
  std::string prompt;  // of a talk: what it was rendered to, by the worker that prepares it
  struct Talk {
    std::vector<ChatMessage> messages;
    ChatOptions options;
  };
  std::optional<Talk> talk;
  SamplingParams params;
  RequestOptions options;
  AsyncLLM::OnDone on_done;  // kCallback

  // --- Guarded by Core::mutex_ ---
  Place place = Place::kInLine;
  bool with_engine = false;          // it was given to the engine
  bool has_news = false;             // the engine has told of a token
  bool ended = false;                // the engine is done with it
  std::optional<Error> ended_early;  // why it is ended from outside
  std::shared_ptr<TokenStream> stream;
  std::optional<Timers::iterator> timer;
  std::optional<Result<GenerationOutput>> answer;  // kKept, once done
  std::vector<AsyncLLM::OnDone> waiting_for;       // kKept
  std::function<void()> on_prepared;               // kStream: its reader's hook

  // --- Of the worker that has it ---
  std::string text;
  int32_t num_tokens = 0;

  // --- kStream: given to the reader once it is prepared ---
  using Prepared = Result<std::shared_ptr<TokenStream>>;
  std::optional<std::promise<Prepared>> prepared;
};

}  // namespace weft::llm
