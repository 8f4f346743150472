#include "api/async_llm/async_llm.h"

#include <utility>

#include "api/async_llm/batch.h"
#include "api/async_llm/core.h"
#include "api/model_path.h"

namespace weft::llm {
namespace {

using Kind = PendingRequest::Kind;
using Answer = std::promise<Result<GenerationOutput>>;

std::shared_ptr<PendingRequest> pending(Kind kind, std::string prompt, const SamplingParams& params,
                                        const RequestOptions& options) {
  auto request = std::make_shared<PendingRequest>();
  request->kind = kind;
  request->prompt = std::move(prompt);
  request->params = params;
  request->options = options;
  return request;
}

std::shared_ptr<PendingRequest> pending_talk(Kind kind, std::vector<ChatMessage> messages,
                                             const ChatOptions& chat_options,
                                             const SamplingParams& params,
                                             const RequestOptions& options) {
  auto request = pending(kind, "", params, options);
  request->talk = {.messages = std::move(messages), .options = chat_options};
  return request;
}

Result<std::string> path_of(const std::string& model) {
  const std::string folder = models_directory();
  if (auto path = find_model(model, folder)) return *path;
  return fail(ErrorCode::kNotFound,
              "model \"" + model + "\": no such file, and " +
                  (folder.empty() ? "WEFT_MODELS, the folder to look in, is not set"
                                  : "none by this name below WEFT_MODELS=" + folder));
}

}  // namespace

AsyncLLM::AsyncLLM(std::shared_ptr<Core> core) : core_(std::move(core)) {}
AsyncLLM::AsyncLLM(AsyncLLM&&) noexcept = default;
AsyncLLM& AsyncLLM::operator=(AsyncLLM&& other) noexcept {
  if (core_) core_->shutdown(Engine::Shutdown::kNow);
  core_ = std::move(other.core_);
  return *this;
}
AsyncLLM::~AsyncLLM() {
  if (core_) core_->shutdown(Engine::Shutdown::kNow);
}

Result<AsyncLLM> AsyncLLM::create(const AsyncLLMConfig& config) {
  if (config.device == "mps") {
    return fail(ErrorCode::kUnsupported,
                "device mps: weft does not run on Metal; use auto, cpu or cuda");
  }
  WEFT_TRY_ASSIGN(const std::string path, path_of(config.model));
  WEFT_TRY_ASSIGN(auto model, Model::load(path, {.device = config.device,
                                                 .gpu_layers = config.gpu_layers,
                                                 .threads = config.threads}));
  return create(std::move(model), config);
}

Result<AsyncLLM> AsyncLLM::create(std::shared_ptr<const Model> model,
                                  const AsyncLLMConfig& config) {
  WEFT_TRY_ASSIGN(auto core, Core::create(std::move(model), config));
  return AsyncLLM(std::move(core));
}

std::future<Result<GenerationOutput>> AsyncLLM::generate(std::string prompt,
                                                         const SamplingParams& params,
                                                         const RequestOptions& options) {
  auto answer = std::make_shared<Answer>();
  auto future = answer->get_future();
  generate(std::move(prompt), params, options,
           [answer](Result<GenerationOutput> output) { answer->set_value(std::move(output)); });
  return future;
}

void AsyncLLM::generate(std::string prompt, const SamplingParams& params,
                        const RequestOptions& options, OnDone on_done) {
  auto request = pending(Kind::kCallback, std::move(prompt), params, options);
  request->on_done = std::move(on_done);
  core_->submit_or_answer(request, Core::WhenFull::kWait);
}

Stream AsyncLLM::generate_stream(std::string prompt, const SamplingParams& params,
                                 const RequestOptions& options) {
  auto request = pending(Kind::kStream, std::move(prompt), params, options);
  auto prepared = request->prepared.emplace().get_future();
  core_->submit_or_answer(request, Core::WhenFull::kWait);
  return Stream(core_, std::move(request), std::move(prepared));
}

std::future<Result<GenerationOutput>> AsyncLLM::chat(std::vector<ChatMessage> messages,
                                                     const SamplingParams& params,
                                                     const RequestOptions& options,
                                                     const ChatOptions& chat_options) {
  auto answer = std::make_shared<Answer>();
  auto future = answer->get_future();
  chat(std::move(messages), params, options, chat_options,
       [answer](Result<GenerationOutput> output) { answer->set_value(std::move(output)); });
  return future;
}

void AsyncLLM::chat(std::vector<ChatMessage> messages, const SamplingParams& params,
                    const RequestOptions& options, const ChatOptions& chat_options,
                    OnDone on_done) {
  auto request = pending_talk(Kind::kCallback, std::move(messages), chat_options, params, options);
  request->on_done = std::move(on_done);
  core_->submit_or_answer(request, Core::WhenFull::kWait);
}

Stream AsyncLLM::chat_stream(std::vector<ChatMessage> messages, const SamplingParams& params,
                             const RequestOptions& options, const ChatOptions& chat_options) {
  auto request = pending_talk(Kind::kStream, std::move(messages), chat_options, params, options);
  auto prepared = request->prepared.emplace().get_future();
  core_->submit_or_answer(request, Core::WhenFull::kWait);
  return Stream(core_, std::move(request), std::move(prepared));
}

std::future<AsyncLLM::Answers> AsyncLLM::generate_batch(std::vector<std::string> prompts,
                                                        const SamplingParams& params,
                                                        int32_t batch_size) {
  auto answers = std::make_shared<std::promise<Answers>>();
  auto future = answers->get_future();
  generate_batch(std::move(prompts), params, batch_size,
                 [answers](Answers all) { answers->set_value(std::move(all)); });
  return future;
}

void AsyncLLM::generate_batch(std::vector<std::string> prompts, const SamplingParams& params,
                              int32_t batch_size, std::function<void(Answers)> on_done) {
  Batch::start(core_, std::move(prompts), params, batch_size, std::move(on_done));
}

Result<RequestId> AsyncLLM::submit_request(std::string prompt, const SamplingParams& params,
                                           const RequestOptions& options) {
  const auto request = pending(Kind::kKept, std::move(prompt), params, options);
  WEFT_TRY(core_->submit(request, Core::WhenFull::kWait));
  return request->id;
}

Result<RequestId> AsyncLLM::try_submit(std::string prompt, const SamplingParams& params,
                                       const RequestOptions& options) {
  const auto request = pending(Kind::kKept, std::move(prompt), params, options);
  WEFT_TRY(core_->submit(request, Core::WhenFull::kRefuse));
  return request->id;
}

std::future<Result<GenerationOutput>> AsyncLLM::get_result(RequestId id) {
  auto answer = std::make_shared<Answer>();
  auto future = answer->get_future();
  get_result(id,
             [answer](Result<GenerationOutput> output) { answer->set_value(std::move(output)); });
  return future;
}
void AsyncLLM::get_result(RequestId id, OnDone on_done) {
  core_->get_result(id, std::move(on_done));
}
Polled AsyncLLM::try_get_result(RequestId id) { return core_->try_get_result(id); }
bool AsyncLLM::cancel(RequestId id) { return core_->cancel(id); }
AsyncLLMStats AsyncLLM::get_stats() const { return core_->stats(); }
const AsyncLLMConfig& AsyncLLM::config() const { return core_->config(); }
const Model& AsyncLLM::model() const { return core_->engine().model(); }
Engine& AsyncLLM::engine() const { return core_->engine(); }
void AsyncLLM::shutdown(Engine::Shutdown how) { core_->shutdown(how); }

}  // namespace weft::llm
