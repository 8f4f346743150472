// Generation: one request of the engine from the asynchronous call that asks for it to its end:
// the place it waits for, the deadline, the wish to stop, the steps in between, and its reader.
//
// Nothing here runs on the engine's step thread but a few lines that post to an executor, and those
// hold only weak references: the last of an engine's owners never goes on its step thread.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/async/cancellation.h"
#include "api/async/gate.h"
#include "api/async/runtime_core.h"
#include "api/async/token_stream.h"
#include "api/engine.h"

namespace weft {
class Tokenizer;
}

namespace weft::async::detail {

struct GenerationSpec {
  std::shared_ptr<RuntimeCore> core;
  std::shared_ptr<void> keep_alive;  // what owns the engine, the gate and the rest
  Gate* gate = nullptr;              // whose place it needs; null: none
  // The place is kept until its reader is done with it, not only until the engine is.
  bool place_until_read = false;

  struct Prepared {
    Engine* engine;
    Request request;
  };
  // On a blocking thread, once it has its place.
  std::function<Result<Prepared>()> prepare;
  // Once engine and reader are done with it, before the place goes: the ids given to the reader,
  // without a stop token. Only of a generation that was begun.
  std::function<void(const std::vector<int32_t>& given)> done;

  StreamConfig config;
  std::vector<std::stop_token> stops;  // any of which stops it
};

class Generation final : public Activity, public std::enable_shared_from_this<Generation> {
 public:
  using Clock = std::chrono::steady_clock;

  // A stream that can be read, or why there is none.
  static void open(GenerationSpec spec, OpPtr<TokenStream> op);
  // The whole.
  static void collect(GenerationSpec spec, OpPtr<std::string> op);
  // The same, told by a call: from the runtime, or at once where it is refused.
  struct Whole {
    std::string text;
    std::vector<int32_t> ids;  // without a stop token
  };
  using WithWhole = std::function<void(Result<Whole>)>;
  static std::shared_ptr<Generation> collect(GenerationSpec spec, WithWhole with_whole);

  explicit Generation(GenerationSpec spec) : spec_(std::move(spec)) {}
  // Where a runtime's end has dropped it, its place goes to the next in line, who is refused then.
  ~Generation() override { release_place(); }

  // Any thread. Ends it with `why`, unless it has ended or was stopped before.
  void stop(Error why) override;

  // --- The reader ---
  void next(OpPtr<std::optional<TokenData>> op);
  std::optional<Result<std::optional<TokenData>>> try_next();
  bool is_finished() const;
  int32_t num_given() const;
  const StreamConfig& config() const { return spec_.config; }
  // The reader has gone.
  void abandon();

 private:
  enum class Stage { kWaiting, kPreparing, kRunning, kEnded };

  // Once: it runs (and can be read), or why not. Never under a lock.
  using Started = std::function<void(Result<void>)>;
  using Ended = std::function<void()>;
  void begin(Started started, Ended ended);
  void placed();
  void prepare();
  void begin_reading(weft::TokenStream stream, const Tokenizer& tokenizer);
  void refuse(Error why);
  std::optional<Error> why_stopped() const;
  void engine_ended(bool finished);
  void settle();
  void release_place();
  void remove_deadline();
  void count();

  using NextOp = OpPtr<std::optional<TokenData>>;
  using Given = std::optional<Result<std::optional<TokenData>>>;
  void advance(const NextOp& op, bool on_its_executor);
  void wait_to_advance(const NextOp& op);  // with reader_mutex_
  void cancel_next(const NextOp& op);
  Given take_token();                     // with reader_mutex_; settle() follows, without it
  TokenData data_of(TokenOutput output);  // with reader_mutex_
  void reader_done();
  void reader_at_end();
  Result<Whole> read_whole();

  GenerationSpec spec_;
  const Clock::time_point began_ = Clock::now();

  mutable std::mutex mutex_;
  Stage stage_ = Stage::kWaiting;  // guarded by mutex_, as is all that follows
  std::optional<Error> stopped_;
  Started started_;
  Ended ended_;
  std::optional<TimerQueue::Key> deadline_;
  bool has_place_ = false;
  bool engine_done_ = false, reader_done_ = false;
  std::deque<std::stop_callback<std::function<void()>>> on_stop_;  // filled once, by begin()

  mutable std::mutex reader_mutex_;  // may be held while mutex_ is taken, never the other way
  std::optional<weft::TokenStream> stream_;  // set once, by begin_reading()
  const Tokenizer* tokenizer_ = nullptr;     // as well
  OpPtr<std::optional<TokenData>> reading_;  // guarded by reader_mutex_, as is all that follows
  Clock::time_point not_before_{};
  std::vector<int32_t> given_;  // without a stop token
  int32_t num_given_ = 0;
  bool settled_ = false;
  std::atomic<bool> counted_ = false;
};

}  // namespace weft::async::detail
