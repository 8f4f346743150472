// The handles that callers hold: Inference, InferenceCall, Job and its stream.
#include "api/inference.h"

#include "api/inference/inference_state.h"
#include "api/inference/job_hooks.h"
#include "api/inference/job_state.h"

namespace weft::inference {

// ------------------------------------------------------------------ Inference

Inference::Inference(Llama model, Handler handler, const InferenceOptions& options)
    : state_(std::make_shared<InferenceState>(std::move(model), std::move(handler), options)) {}

Inference& Inference::operator=(Inference&& other) noexcept {
  if (this != &other) {
    if (state_) stop();
    state_ = std::move(other.state_);
  }
  return *this;
}

Inference::~Inference() {
  if (state_) stop();
}

InferenceCall Inference::infer(GenerateRequest request) {
  return InferenceCall(state_, std::move(request));
}

Result<Llama> Inference::lend() const { return state_->lend(); }
void Inference::stop() { state_->stop(); }

Llama Inference::into_model() {
  stop();
  return state_->model();
}

Job InferenceCall::spawn() { return Job(inference_->spawn(request_, devices_)); }

Result<std::vector<TokenOutput>> InferenceCall::run() {
  Job job = spawn();
  std::vector<TokenOutput> outputs;
  for (const TokenOutput& output : job.stream) outputs.push_back(output);
  WEFT_TRY(job.join());
  return outputs;
}

// ------------------------------------------------------------------ Job

JobStream& JobStream::operator=(JobStream&& other) noexcept {
  if (this != &other) {
    if (job_) job_->cancel();
    job_ = std::move(other.job_);
  }
  return *this;
}

JobStream::~JobStream() {
  if (job_) job_->cancel();
}

std::optional<TokenOutput> JobStream::next() { return job_->next(); }

Job::Job(std::shared_ptr<JobState> state) : stream(state), state_(std::move(state)) {}
void Job::cancel() { state_->cancel(); }
Result<void> Job::join() const { return state_->join(); }

void JobHooks::when_ready(JobStream& stream, Hook hook) {
  stream.job_->when_ready(std::move(hook));
}
std::optional<std::optional<TokenOutput>> JobHooks::try_next(JobStream& stream) {
  return stream.job_->try_next();
}
void JobHooks::when_ended(const Job& job, Hook hook) { job.state_->when_ended(std::move(hook)); }

OutStream<TokenOutput>::OutStream(std::shared_ptr<JobState> job) : job_(std::move(job)) {}
Result<void> OutStream<TokenOutput>::emit(TokenOutput output) {
  return job_->emit(std::move(output));
}

}  // namespace weft::inference
