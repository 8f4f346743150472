// InferenceState: a model, a handler and the jobs that run through them. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <unordered_set>

#include "api/inference.h"
#include "api/inference/handler_threads.h"
#include "api/inference/job_state.h"

namespace weft::inference {

class InferenceState {
 public:
  InferenceState(Llama model, Handler handler, const InferenceOptions& options);

  // The job may have ended when this returns: with what is wrong with it.
  std::shared_ptr<JobState> spawn(GenerateRequest request, std::span<const Device> devices);
  // The model, for a caller whose waiting ends with this inference; kShutDown once stopped.
  Result<Llama> lend() const;
  const Llama& model() const { return model_; }
  // Ends every job and returns when no handler runs any more.
  void stop();

 private:
  Result<void> check(const GenerateRequest& request, std::span<const Device> devices) const;
  void run(const GenerateRequest& request, const std::shared_ptr<JobState>& job);

  const Llama model_;
  const Handler handler_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::unordered_set<std::shared_ptr<JobState>> jobs_;  // not ended; guarded by mutex_
  HandlerThreads threads_;                              // last: they end before the rest goes
};

}  // namespace weft::inference
