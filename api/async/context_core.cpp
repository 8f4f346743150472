#include "api/async/context_core.h"

#include <utility>

#include "api/runner_factory.h"

namespace weft::async::detail {

// ------------------------------------------------------------------ Turn

std::shared_ptr<Turn> Turn::take(std::shared_ptr<RuntimeCore> core, std::shared_ptr<void> owner,
                                 Gate& gate, Granted granted) {
  auto self = std::make_shared<Turn>(std::move(core), std::move(owner), gate, std::move(granted));
  if (!self->core_->enter(self)) {
    self->answer(fail(ErrorCode::kShutDown, "the runtime was shut down"));
    return self;
  }
  gate.enter(self.get(), [self] {
    self->has_place_ = true;
    self->answer(self);
  });
  return self;
}

void Turn::answer(Result<std::shared_ptr<Turn>> result) {
  Granted granted;
  {
    const std::lock_guard lock(mutex_);
    granted = std::exchange(granted_, nullptr);
  }
  if (granted) granted(std::move(result));
}

void Turn::stop(Error why) {
  if (!gate_.leave_line(this)) return;
  const auto self = shared_from_this();
  core_->leave(*this);
  answer(tl::unexpected(std::move(why)));
}

void Turn::hand_over() {
  const auto self = shared_from_this();
  has_place_ = false;
  core_->leave(*this);
}

void Turn::leave() {
  const auto self = shared_from_this();
  core_->leave(*this);
  if (has_place_.exchange(false)) gate_.release();
}

// Dropped with its runtime.
Turn::~Turn() {
  if (has_place_) gate_.release();
}

// ------------------------------------------------------------------ ContextCore

Result<std::vector<std::shared_ptr<ContextCore>>> ContextCore::create(
    std::shared_ptr<ModelCore> model, const ContextParams& params, int32_t n) {
  WEFT_TRY(check_at_least_one("n_ctx", params.n_ctx));
  WEFT_TRY(check_at_least_one("block_size", params.block_size));
  WEFT_TRY(check_at_least_one("instances", n));
  EngineConfig config;
  config.max_sequences = n;
  config.max_batch_tokens = std::min(params.max_batch_tokens, params.n_ctx);
  config.block_size = params.block_size;
  config.num_blocks = n * ((params.n_ctx - 1) / params.block_size + 1);
  config.kv_type = params.kv_type;
  WEFT_TRY_ASSIGN(std::shared_ptr<Engine> engine, Engine::create(model->model(), config));
  std::vector<std::shared_ptr<ContextCore>> contexts;
  for (int32_t i = 0; i < n; ++i) {
    contexts.push_back(std::shared_ptr<ContextCore>(new ContextCore(model, params, engine)));
  }
  return contexts;
}

std::vector<int32_t> ContextCore::ids() const {
  const std::lock_guard lock(mutex_);
  return ids_;
}

void ContextCore::set_ids(std::vector<int32_t> ids) {
  const std::lock_guard lock(mutex_);
  ids_ = std::move(ids);
}

GenerationSpec ContextCore::from_text(std::string prompt, StreamConfig config,
                                      const CancellationToken& cancel) {
  GenerationSpec made =
      spec([this, text = std::move(prompt)] { return model_->model()->tokenize(text); },
           std::move(config), false);
  made.stops.push_back(cancel.stop_token());
  return made;
}

GenerationSpec ContextCore::from_here(std::vector<int32_t> ids, StreamConfig config,
                                      bool has_place) {
  return spec(
      [this, after = std::move(ids)]() -> Result<std::vector<int32_t>> {
        std::vector<int32_t> all = this->ids();
        all.insert(all.end(), after.begin(), after.end());
        return all;
      },
      std::move(config), has_place);
}

GenerationSpec ContextCore::spec(Ids ids, StreamConfig config, bool has_place) {
  GenerationSpec spec;
  spec.core = runtime();
  spec.keep_alive = shared_from_this();
  spec.gate = has_place ? nullptr : &calls_;
  spec.place_until_read = true;
  spec.config = config;
  {
    const std::lock_guard lock(mutex_);
    spec.stops.push_back(reset_.get_token());
  }
  spec.prepare = [this, ids = std::move(ids),
                  request = request_of(config)]() mutable -> Result<GenerationSpec::Prepared> {
    WEFT_TRY_ASSIGN(request.prompt_ids, ids());
    if (request.prompt_ids.empty()) {
      return fail(ErrorCode::kInvalidArgument, "the sequence is empty, expected a token");
    }
    WEFT_TRY(check_context(request.prompt_ids.size(), request.max_tokens, params_.n_ctx));
    submitted_ = request.prompt_ids;
    return GenerationSpec::Prepared{engine_.get(), std::move(request)};
  };
  spec.done = [this](const std::vector<int32_t>& given) {
    std::vector<int32_t> all = std::exchange(submitted_, {});
    all.insert(all.end(), given.begin(), given.end());
    set_ids(std::move(all));
  };
  return spec;
}

void ContextCore::reset(std::function<void()> clean) {
  std::stop_source stop;
  {
    const std::lock_guard lock(mutex_);
    std::swap(stop, reset_);
  }
  stop.request_stop();
  calls_.enter(this, [self = shared_from_this(), clean = std::move(clean)] {
    self->set_ids({});
    self->calls_.release();
    clean();
  });
}

}  // namespace weft::async::detail
