#include "api/engine.h"

#include <algorithm>
#include <utility>

#include "api/engine/request.h"
#include "api/engine/step_loop.h"
#include "api/engine/stream_reader.h"
#include "core/model/decoder.h"

namespace weft {

Engine::Engine(std::unique_ptr<engine::StepLoop> loop) : loop_(std::move(loop)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::create(std::shared_ptr<const Model> model,
                                               const EngineConfig& config) {
  WEFT_TRY_ASSIGN(auto loop, engine::StepLoop::create(std::move(model), config));
  return std::unique_ptr<Engine>(new Engine(std::move(loop)));
}

Result<TokenStream> Engine::submit(const Request& request) {
  if (request.n != 1) {
    return fail(ErrorCode::kInvalidArgument,
                "n: " + std::to_string(request.n) + ", expected 1 (submit_all() gives several)");
  }
  WEFT_TRY_ASSIGN(auto streams, submit_all(request));
  return std::move(streams.front());
}

Result<TokenStream> Engine::chat(const std::vector<ChatMessage>& messages, Request request,
                                 const ChatOptions& options) {
  WEFT_TRY_ASSIGN(request.prompt_ids, tokenize_chat(model(), messages, options));
  if (request.prompt_ids.empty()) {
    return fail(ErrorCode::kInvalidArgument, "messages: the chat template made no prompt of them");
  }
  return submit(request);
}

Result<std::vector<TokenStream>> Engine::submit_all(const Request& request) {
  WEFT_TRY_ASSIGN(auto jobs, engine::make_jobs(request, *loop_));
  // Readers are made first: a job may be over before submit() returns.
  std::vector<TokenStream> streams;
  for (const auto& job : jobs) {
    streams.push_back(
        TokenStream(std::make_unique<TokenStream::Reader>(job, *loop_, request.stop_strings)));
  }
  WEFT_TRY(loop_->submit(std::move(jobs)));
  return streams;
}

Result<void> Engine::run_between_steps(std::function<void()> work) {
  return loop_->run_between_steps(std::move(work));
}
Result<EngineHold> Engine::hold(std::stop_token stop) {
  auto hold = std::make_shared<engine::Hold>();
  std::future<Result<void>> granted = hold->granted.get_future();
  if (!loop_->inbox()->post([loop = loop_.get(), hold] { loop->line_up(hold); })) {
    return fail(ErrorCode::kShutDown, "the engine was shut down");
  }
  EngineHold held(std::move(hold), *loop_);
  {
    const std::stop_callback on_stop(stop, [&held] { held.give_up(); });
    WEFT_TRY(granted.get());
  }
  // Stopped just after it was granted: it was given up again.
  if (stop.stop_requested()) return fail(ErrorCode::kCancelled, "cancelled while waiting");
  return held;
}

void Engine::shutdown(Shutdown how) { loop_->shutdown(how); }
EngineStats Engine::stats() const { return loop_->stats(); }
int32_t Engine::num_waiting() const { return loop_->num_waiting(); }
const Model& Engine::model() const { return *loop_->model(); }
const EngineConfig& Engine::config() const { return loop_->config(); }
MemoryLedger Engine::memory() const { return loop_->memory(); }
std::string Engine::device_description() const { return loop_->device_description(); }

EngineHold::EngineHold(std::shared_ptr<engine::Hold> hold, engine::StepLoop& loop)
    : hold_(std::move(hold)), loop_(&loop), inbox_(loop.inbox()) {}
EngineHold::EngineHold(EngineHold&&) noexcept = default;
EngineHold& EngineHold::operator=(EngineHold&& other) noexcept {
  give_up();
  hold_ = std::move(other.hold_);
  loop_ = other.loop_;
  inbox_ = std::move(other.inbox_);
  return *this;
}
EngineHold::~EngineHold() { give_up(); }

void EngineHold::give_up() {
  if (hold_) inbox_->post([loop = loop_, hold = hold_] { loop->give_up(hold); });
}

}  // namespace weft
