#include "api/inference/inference_state.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

namespace weft::inference {
namespace {

Error stopped_error() { return {ErrorCode::kShutDown, "the inference was stopped"}; }

size_t max_threads(const Llama& model, const InferenceOptions& options) {
  if (options.max_handlers > 0) return static_cast<size_t>(options.max_handlers);
  return static_cast<size_t>(model.engine().config().max_sequences);
}

// A user's handler may throw: its job ends with an error, and nobody else notices.
template <class F>
Result<void> contained(const F& handler) {
  try {
    return handler();
  } catch (const std::exception& error) {
    return fail(ErrorCode::kGenerationFailed, std::string("the handler threw: ") + error.what());
  } catch (...) {
    return fail(ErrorCode::kGenerationFailed, "the handler threw something unknown");
  }
}

}  // namespace

InferenceState::InferenceState(Llama model, Handler handler, const InferenceOptions& options)
    : model_(std::move(model)),
      handler_(std::move(handler)),
      threads_(max_threads(model_, options),
               static_cast<size_t>(std::max(0, options.max_waiting))) {}

Result<void> InferenceState::check(const GenerateRequest& request,
                                   std::span<const Device> devices) const {
  if (devices.size() != 1) {
    return fail(ErrorCode::kInvalidArgument,
                "devices: " + std::to_string(devices.size()) + " given, expected exactly one");
  }
  if (!model_.runs_on(devices.front())) {
    return fail(ErrorCode::kInvalidArgument, "device: \"" + devices.front() +
                                                 "\", the model was loaded on " +
                                                 model_.engine().device_description());
  }
  if (request.max_tokens < 1) {
    return fail(ErrorCode::kInvalidArgument,
                "max_tokens: " + std::to_string(request.max_tokens) + ", expected at least 1");
  }
  return {};
}

std::shared_ptr<JobState> InferenceState::spawn(GenerateRequest request,
                                                std::span<const Device> devices) {
  auto job = std::make_shared<JobState>(static_cast<size_t>(std::max(0, request.max_tokens)));
  if (auto fine = check(request, devices); !fine) {
    job->fail_with(fine.error());
    return job;
  }
  {
    const std::lock_guard lock(mutex_);
    if (stop_.stop_requested()) {
      job->fail_with(stopped_error());
      return job;
    }
    jobs_.insert(job);
  }
  if (!threads_.run([this, job, request = std::move(request)] { run(request, job); })) {
    job->fail_with({ErrorCode::kQueueFull, "too many jobs wait for a handler"});
    const std::lock_guard lock(mutex_);
    jobs_.erase(job);
  }
  return job;
}

void InferenceState::run(const GenerateRequest& request, const std::shared_ptr<JobState>& job) {
  if (job->start()) {
    const std::stop_token stop = job->stop_token();
    ModelAccessor<Llama> model(model_.stopped_by(stop));
    OutStream<TokenOutput> output(job);
    job->finish(contained([&] { return handler_(request, model, CancelToken(stop), output); }));
  }
  const std::lock_guard lock(mutex_);
  jobs_.erase(job);
}

Result<Llama> InferenceState::lend() const {
  if (stop_.stop_requested()) return tl::unexpected(stopped_error());
  return model_.stopped_by(stop_.get_token());
}

void InferenceState::stop() {
  std::unordered_set<std::shared_ptr<JobState>> jobs;
  {
    const std::lock_guard lock(mutex_);
    stop_.request_stop();
    jobs = jobs_;
  }
  for (const auto& job : jobs) job->fail_with(stopped_error());
  threads_.finish();
}

}  // namespace weft::inference
