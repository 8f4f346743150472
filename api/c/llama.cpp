// Llama: a model with its engine, a token at a time.
#include "api/llama.h"

#include "api/c/boundary.h"
#include "api/c/convert.h"
#include "api/c/handles.h"
#include "api/c/inference_handles.h"

using namespace weft;
using namespace weft::c;

struct weft_state {
  inference::GenerationState value;
  std::string text;  // of the last turn
};

struct weft_sampler {
  inference::Sampler value;
};

namespace weft::c {

Result<void> run_alone(weft_alone f, void* user_data, const inference::Llama& llama) {
  const weft_llama lent{.value = llama};
  weft_error* error = nullptr;
  const weft_status status = call_out(f, user_data, &lent, &error);
  return outcome_of(status, error);
}

}  // namespace weft::c

extern "C" {

weft_status weft_llama_load(const char* path, const char* device, const weft_engine_config* config,
                            weft_llama** llama, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{path, "path"}, {llama, "llama"}}));
    WEFT_TRY_ASSIGN(const auto all, engine_config_of(config, "config"));
    WEFT_TRY_ASSIGN(auto loaded, inference::Llama::load(path, text_or(device, "auto"), all));
    hand_out(llama, std::move(loaded));
    return {};
  });
}

weft_status weft_llama_over(const weft_model* model, const weft_engine_config* config,
                            weft_llama** llama, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}, {llama, "llama"}}));
    WEFT_TRY_ASSIGN(const auto all, engine_config_of(config, "config"));
    WEFT_TRY_ASSIGN(auto made, inference::Llama::create(model->value, all));
    hand_out(llama, std::move(made));
    return {};
  });
}

void weft_llama_free(weft_llama* llama) { free_handle(llama); }

int32_t weft_llama_runs_on(const weft_llama* llama, const char* device) {
  return llama != nullptr && device != nullptr && llama->value.runs_on(device) ? 1 : 0;
}

weft_status weft_llama_get_model(const weft_llama* llama, weft_model** model, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llama, "llama"}, {model, "model"}}));
    const auto owner = std::make_shared<inference::Llama>(llama->value);
    hand_out(model, std::shared_ptr<const Model>(owner, &owner->model()));
    return {};
  });
}

weft_status weft_llama_get_engine(const weft_llama* llama, weft_runtime* runtime,
                                  weft_engine** engine, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llama, "llama"}, {engine, "engine"}}));
    WEFT_TRY_ASSIGN(auto callbacks, runtime_of(runtime));
    const auto owner = std::make_shared<inference::Llama>(llama->value);
    hand_out(engine, std::move(callbacks), std::shared_ptr<Engine>(owner, &owner->engine()), false);
    return {};
  });
}

weft_status weft_llama_new_state(const weft_llama* llama, const char* prompt, size_t size,
                                 int32_t max_tokens, weft_state** state, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llama, "llama"}, {state, "state"}}));
    WEFT_TRY_ASSIGN(const auto text, text_of(prompt, size, "prompt"));
    WEFT_TRY_ASSIGN(auto made, llama->value.create_generation_state(text, max_tokens));
    hand_out(state, std::move(made), std::string());
    return {};
  });
}

int32_t weft_state_num_generated(const weft_state* state) {
  return state != nullptr ? state->value.num_generated() : 0;
}

void weft_state_free(weft_state* state) { free_handle(state); }

weft_status weft_sampler_new(double top_p, uint64_t seed, weft_sampler** sampler,
                             weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{sampler, "sampler"}}));
    hand_out(sampler, inference::Sampler(top_p, seed));
    return {};
  });
}

void weft_sampler_free(weft_sampler* sampler) { free_handle(sampler); }

weft_status weft_llama_generate_single_token(const weft_llama* llama, weft_state* state,
                                             double temperature, weft_sampler* sampler,
                                             weft_single_token* token, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llama, "llama"}, {state, "state"}, {sampler, "sampler"}, {token, "token"}}));
    WEFT_TRY(check_size(*token, "token"));
    WEFT_TRY_ASSIGN(auto turn,
                    llama->value.generate_single_token(state->value, temperature, sampler->value));
    state->text = std::move(turn.text);
    return fill(token,
                weft_single_token{.struct_size = 0,
                                  .token_id = turn.token_id,
                                  .done = turn.done ? 1 : 0,
                                  .text = state->text.c_str(),
                                  .size = state->text.size()},
                "token");
  });
}

size_t weft_outputs_count(const weft_outputs* outputs) {
  return outputs != nullptr ? outputs->value.size() : 0;
}

weft_status weft_outputs_get(const weft_outputs* outputs, size_t i, weft_output* output,
                             weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{outputs, "outputs"}}));
    WEFT_TRY(in_range(i, outputs->value.size()));
    return fill(output, output_of(outputs->value[i]), "output");
  });
}

void weft_outputs_free(weft_outputs* outputs) { free_handle(outputs); }

weft_status weft_llama_generate_streaming(
    const weft_llama* llama, const char* prompt, size_t size, int32_t max_tokens,
    double temperature, weft_sampler* sampler,
    weft_status (*on_output)(void* user_data, const weft_output* output, weft_error** error),
    void* user_data, weft_outputs** outputs, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llama, "llama"}, {sampler, "sampler"}}));
    WEFT_TRY_ASSIGN(const auto text, text_of(prompt, size, "prompt"));
    inference::Llama::OnOutput tell;
    if (on_output != nullptr) {
      tell = [&](const inference::TokenOutput& output) -> Result<void> {
        const weft_output told = output_of(output);
        weft_error* why = nullptr;
        const weft_status status = call_out(on_output, user_data, &told, &why);
        return outcome_of(status, why);
      };
    }
    WEFT_TRY_ASSIGN(auto all, llama->value.generate_streaming(text, max_tokens, temperature,
                                                              sampler->value, tell));
    if (outputs != nullptr) hand_out(outputs, std::move(all));
    return {};
  });
}

weft_status weft_llama_submit(const weft_llama* llama, weft_alone f, void* user_data,
                              weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llama, "llama"}, {f, "f"}}));
    return llama->value.submit(
        [&](inference::Llama& alone) { return run_alone(f, user_data, alone); });
  });
}

}  // extern "C"
