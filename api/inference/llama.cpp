#include "api/llama.h"

#include "core/text/tokenizer.h"

namespace weft::inference {

// ------------------------------------------------------------------ Sampler

Sampler::Sampler(double top_p, uint64_t seed) {
  params_.top_k = 0;  // all
  params_.top_p = static_cast<float>(top_p);
  params_.seed = seed;
}

Result<weft::Sampler*> Sampler::at(double temperature, int32_t n_vocab) {
  const auto wanted = static_cast<float>(temperature);
  if (!sampler_ || params_.temperature != wanted) {
    params_.temperature = wanted;
    sampler_.reset();
    WEFT_TRY_ASSIGN(sampler_, weft::Sampler::create(params_, n_vocab));
  }
  return &*sampler_;
}

// ------------------------------------------------------------------ Llama

struct Llama::Core {
  std::shared_ptr<const Model> model;
  std::unique_ptr<Engine> engine;
};

struct GenerationState::Impl {
  Impl(std::shared_ptr<const Llama::Core> its_core, SteppedGeneration its_generation,
       const std::stop_token& stop)
      : core(std::move(its_core)),
        generation(std::move(its_generation)),
        on_stop(stop, [this] { generation.cancel(); }) {}

  std::shared_ptr<const Llama::Core> core;  // its engine outlives it
  SteppedGeneration generation;
  std::stop_callback<std::function<void()>> on_stop;
};

GenerationState::GenerationState(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GenerationState::GenerationState(GenerationState&&) noexcept = default;
GenerationState& GenerationState::operator=(GenerationState&&) noexcept = default;
GenerationState::~GenerationState() = default;
int32_t GenerationState::num_generated() const { return impl_->generation.num_generated(); }

Llama::Llama(std::shared_ptr<const Core> core) : core_(std::move(core)) {}

Result<Llama> Llama::load(const std::string& path, const Device& device,
                          const EngineConfig& config) {
  WEFT_TRY_ASSIGN(auto model, Model::load(path, {.device = device}));
  return create(std::move(model), config);
}

Result<Llama> Llama::create(std::shared_ptr<const Model> model, const EngineConfig& config) {
  WEFT_TRY_ASSIGN(auto engine, Engine::create(model, config));
  auto core = std::make_shared<Core>();
  core->model = std::move(model);
  core->engine = std::move(engine);
  return Llama(std::move(core));
}

Result<GenerationState> Llama::create_generation_state(std::string_view prompt,
                                                       int32_t max_tokens) const {
  const Request request{.prompt = std::string(prompt), .max_tokens = max_tokens};
  WEFT_TRY_ASSIGN(auto generation, SteppedGeneration::create(*core_->engine, request));
  return GenerationState(
      std::make_unique<GenerationState::Impl>(core_, std::move(generation), stop_));
}

Result<SingleToken> Llama::generate_single_token(GenerationState& state, double temperature,
                                                 Sampler& sampler) const {
  if (state.impl_->core != core_) {
    return fail(ErrorCode::kInvalidArgument, "the generation state belongs to another model");
  }
  WEFT_TRY_ASSIGN(auto* draws, sampler.at(temperature, core_->model->info().n_vocab));
  const auto held = hold_.lock();
  WEFT_TRY_ASSIGN(auto turn, state.impl_->generation.next(*draws, held.get()));
  return SingleToken{.token_id = turn.id, .text = std::move(turn.text), .done = turn.done};
}

Result<std::vector<TokenOutput>> Llama::generate_streaming(std::string_view prompt,
                                                           int32_t max_tokens, double temperature,
                                                           Sampler& sampler,
                                                           const OnOutput& on_output) const {
  WEFT_TRY_ASSIGN(GenerationState state, create_generation_state(prompt, max_tokens));
  std::vector<TokenOutput> outputs;
  for (bool done = false; !done;) {
    WEFT_TRY_ASSIGN(SingleToken token, generate_single_token(state, temperature, sampler));
    done = token.done;
    outputs.push_back({.token = std::move(token.text),
                       .token_id = token.token_id,
                       .index = state.num_generated() - 1});
    if (on_output) WEFT_TRY(on_output(outputs.back()));
  }
  return outputs;
}

Llama Llama::stopped_by(std::stop_token stop) const {
  Llama model = *this;
  model.stop_ = std::move(stop);
  return model;
}

Result<std::shared_ptr<const EngineHold>> Llama::hold() const {
  if (auto held = hold_.lock()) return held;
  WEFT_TRY_ASSIGN(EngineHold held, core_->engine->hold(stop_));
  return std::make_shared<const EngineHold>(std::move(held));
}

bool Llama::runs_on(const Device& device) const {
  // "cpu avx2, 8 threads": the kind comes first.
  const std::string description = core_->engine->device_description();
  return device == "auto" || device == description.substr(0, description.find(' '));
}
const Model& Llama::model() const { return *core_->model; }
Engine& Llama::engine() const { return *core_->engine; }

}  // namespace weft::inference
