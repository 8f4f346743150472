// ModelCore: what the copies of an AsyncModel share: weights, the line for its engine, and the
// engine, which the first request makes. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/async/gate.h"
#include "api/async/generation.h"
#include "api/async/model.h"
#include "api/async/runtime_core.h"
#include "api/engine.h"

namespace weft::async::detail {

class ModelCore : public std::enable_shared_from_this<ModelCore> {
 public:
  // `own` is null on a runtime of the caller's. Fails with kInvalidArgument, naming the field.
  static Result<std::shared_ptr<ModelCore>> create(std::shared_ptr<Runtime> own,
                                                   std::shared_ptr<RuntimeCore> core,
                                                   std::shared_ptr<const Model> model,
                                                   AsyncConfig config,
                                                   std::vector<std::string> warnings);

  // May take long: on a blocking thread.
  Result<Engine*> engine();
  // A request of this model's engine, for `prompt` as text.
  GenerationSpec spec(std::string prompt, StreamConfig config, const CancellationToken& cancel);

  const std::shared_ptr<RuntimeCore>& runtime() const { return runtime_; }
  const std::shared_ptr<const Model>& model() const { return model_; }
  const AsyncConfig& config() const { return config_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  EngineStats stats() const;
  MemoryLedger memory() const;
  int32_t waiting() const { return gate_.waiting(); }

 private:
  ModelCore(std::shared_ptr<Runtime> own, std::shared_ptr<RuntimeCore> core,
            std::shared_ptr<const Model> model, AsyncConfig config,
            std::vector<std::string> warnings);

  const std::shared_ptr<Runtime> own_;  // goes last: the engine's end is told on it
  const std::shared_ptr<RuntimeCore> runtime_;
  const std::shared_ptr<const Model> model_;
  const AsyncConfig config_;
  const std::vector<std::string> warnings_;
  Gate gate_;
  std::mutex engine_mutex_;  // while the engine is made
  std::unique_ptr<Engine> engine_;
  std::atomic<Engine*> ready_ = nullptr;  // engine_, once it is made
};

// How the engine draws and stops what `config` describes.
Request request_of(const StreamConfig& config);

// kContextOverflow, with the numbers.
Result<void> check_context(size_t num_prompt, int32_t max_tokens, int32_t context_size);

}  // namespace weft::async::detail
