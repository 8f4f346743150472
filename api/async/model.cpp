#include "api/async/model.h"

#include <utility>

#include <boost/asio/system_executor.hpp>

#include "api/async/model_core.h"
#include "core/model/decoder.h"

namespace weft::async {
namespace {

// A model without a runtime of the caller's gets one of this size: the worker runs callbacks and
// keeps time, the others load and tokenise.
constexpr int kOwnWorkers = 1;
constexpr int kOwnBlocking = 2;

Result<AsyncModel> load_now(std::shared_ptr<Runtime> own,
                            const std::shared_ptr<detail::RuntimeCore>& core, AsyncConfig config) {
  std::vector<std::string> warnings;
  const ModelOptions options{.device = "auto",
                             .gpu_layers = config.gpu_layers,
                             .threads = config.threads,
                             .on_note = [&](const std::string& note) { warnings.push_back(note); }};
  WEFT_TRY_ASSIGN(auto model, Model::load(config.model_path, options));
  if (config.on_warning) {
    for (const std::string& warning : warnings) {
      try {
        config.on_warning(warning);
      } catch (...) {
        // The caller's sink is the caller's; the warning is kept.
      }
    }
  }
  WEFT_TRY_ASSIGN(auto made, detail::ModelCore::create(std::move(own), core, std::move(model),
                                                       std::move(config), std::move(warnings)));
  return AsyncModel(std::move(made));
}

}  // namespace

void AsyncModel::load_into(std::shared_ptr<detail::RuntimeCore> core, AsyncConfig config,
                           const std::shared_ptr<detail::OpBase>& op,
                           std::function<void(Result<AsyncModel>)> with_model) {
  std::shared_ptr<Runtime> own;
  if (!core) {
    auto made =
        Runtime::create({.worker_threads = kOwnWorkers, .max_blocking_threads = kOwnBlocking});
    if (!made) {
      op->begin(asio::system_executor());
      return with_model(tl::unexpected(made.error()));
    }
    own = std::make_shared<Runtime>(std::move(*made));
    core = own->core();
  }
  // The runtime stays until the answer has been given on it.
  op->begin(core->fallback(), own);
  op->on_cancel([weak = std::weak_ptr(op)] {
    if (const auto waiting = weak.lock()) waiting->fail_with(detail::waiting_cancelled());
  });
  core->blocking().run(
      [own, core, config = std::move(config), with_model = std::move(with_model)]() mutable {
        with_model(load_now(std::move(own), core, std::move(config)));
      });
}

void AsyncModel::start_load(std::shared_ptr<detail::RuntimeCore> core, AsyncConfig config,
                            detail::OpPtr<AsyncModel> op) {
  const detail::Answer<AsyncModel> answer(op);
  load_into(std::move(core), std::move(config), op,
            [answer](Result<AsyncModel> model) { answer(std::move(model)); });
}

Result<AsyncModel> AsyncModel::over(const Runtime& runtime, std::shared_ptr<const Model> model,
                                    AsyncConfig config) {
  WEFT_TRY_ASSIGN(auto core, detail::ModelCore::create(nullptr, runtime.core(), std::move(model),
                                                       std::move(config), {}));
  return AsyncModel(std::move(core));
}

void AsyncModel::start_generate(const Core& core, std::string prompt, StreamConfig config,
                                const CancellationToken& cancel, detail::OpPtr<std::string> op) {
  config.buffer = 0;  // it is read at the end
  config.delay_ms = 0;
  detail::Generation::collect(core->spec(std::move(prompt), std::move(config), cancel),
                              std::move(op));
}

void AsyncModel::start_stream(const Core& core, std::string prompt, StreamConfig config,
                              const CancellationToken& cancel, detail::OpPtr<TokenStream> op) {
  detail::Generation::open(core->spec(std::move(prompt), std::move(config), cancel), std::move(op));
}

void AsyncModel::start_tokenize(const Core& core, std::string text, bool add_bos,
                                detail::OpPtr<std::vector<int32_t>> op) {
  op->begin(core->runtime()->fallback(), core);
  op->on_cancel([weak = std::weak_ptr(op)] {
    if (const auto waiting = weak.lock()) waiting->fail_with(detail::waiting_cancelled());
  });
  const detail::Answer<std::vector<int32_t>> answer(op);
  core->runtime()->blocking().run([core, text = std::move(text), add_bos, answer] {
    answer(core->model()->tokenize(text, add_bos));
  });
}

const ModelInfo& AsyncModel::model_info() const { return core_->model()->info(); }
bool AsyncModel::is_ready() const { return !core_->runtime()->closing(); }
const std::vector<std::string>& AsyncModel::warnings() const { return core_->warnings(); }
const AsyncConfig& AsyncModel::config() const { return core_->config(); }
const std::shared_ptr<const Model>& AsyncModel::model() const { return core_->model(); }
EngineStats AsyncModel::stats() const { return core_->stats(); }
MemoryLedger AsyncModel::memory() const { return core_->memory(); }
int32_t AsyncModel::waiting() const { return core_->waiting(); }

}  // namespace weft::async
