#include "api/engine/request.h"

#include <algorithm>
#include <string>
#include <utility>

#include "api/engine/step_loop.h"
#include "api/runner_factory.h"
#include "core/text/tokenizer.h"

namespace weft::engine {
namespace {

Result<void> check_range(const char* field, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return {};
  return fail(ErrorCode::kInvalidArgument, std::string(field) + ": " + std::to_string(value) +
                                               ", expected " + std::to_string(low) + " … " +
                                               std::to_string(high));
}

Result<void> check_ids(const char* field, std::span<const int32_t> ids, int32_t n_vocab) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] >= 0 && ids[i] < n_vocab) continue;
    return fail(ErrorCode::kTokenOutOfRange, std::string(field) + "[" + std::to_string(i) +
                                                 "]: token id " + std::to_string(ids[i]) +
                                                 ", expected 0 … " + std::to_string(n_vocab - 1));
  }
  return {};
}

// The ids a request begins with: those given, or else those of its text.
Result<std::vector<int32_t>> prompt_of(const Model& model, std::span<const int32_t> given,
                                       const std::string& text, bool add_bos, bool parse_special) {
  if (!given.empty()) {
    WEFT_TRY(check_ids("prompt_ids", given, model.info().n_vocab));
    return std::vector<int32_t>(given.begin(), given.end());
  }
  WEFT_TRY_ASSIGN(auto ids, model.tokenize(text, add_bos, parse_special));
  if (ids.empty()) return fail(ErrorCode::kInvalidArgument, "prompt: empty, expected a token");
  return ids;
}

Result<void> fill_job(const Request& request, const StepLoop& loop, Job& job) {
  const Model& model = *loop.model();
  const int32_t n_vocab = model.info().n_vocab;
  WEFT_TRY(check_at_least_one("max_tokens", request.max_tokens));
  WEFT_TRY(check_range("min_tokens", request.min_tokens, 0, request.max_tokens));
  WEFT_TRY(check_range("logprobs", request.logprobs, -1, n_vocab));
  WEFT_TRY(check_range("buffer", request.buffer, 0, INT32_MAX));
  WEFT_TRY(check_ids("stop_ids", request.stop_ids, n_vocab));

  GenerationState& state = job.state;
  WEFT_TRY_ASSIGN(state.sequence.ids, prompt_of(model, request.prompt_ids, request.prompt,
                                                request.add_bos, request.parse_special));
  state.num_prompt = std::ssize(state.sequence.ids);
  WEFT_TRY(loop.check_fits(state.num_prompt, request.max_tokens));
  state.limits.max_tokens = request.max_tokens;
  state.limits.min_tokens = request.min_tokens;
  state.limits.stop_ids = request.stop_ids;
  if (!request.ignore_eos) {
    const auto& model_stops = model.tokenizer().stop_ids();
    state.limits.stop_ids.insert(state.limits.stop_ids.end(), model_stops.begin(),
                                 model_stops.end());
  }
  std::sort(state.limits.stop_ids.begin(), state.limits.stop_ids.end());
  state.priority = request.priority;
  state.cache_salt = request.cache_salt;
  if (request.prompt_logprobs) state.logits_from = 0;
  // A stop string that is found late takes tokens back: they must not be found in the cache.
  job.has_stop_strings = !request.stop_strings.empty();
  if (job.has_stop_strings) state.publish_limit = state.num_prompt;
  return {};
}

}  // namespace

Result<std::vector<std::shared_ptr<Job>>> make_jobs(const Request& request, const StepLoop& loop) {
  WEFT_TRY(check_range("n", request.n, 1, loop.config().max_sequences));
  std::vector<std::shared_ptr<Job>> jobs;
  for (int32_t i = 0; i < request.n; ++i) {
    SamplingParams params = request.sampling;
    params.sample_index += static_cast<uint32_t>(i);
    WEFT_TRY_ASSIGN(Sampler sampler, Sampler::create(params, loop.model()->info().n_vocab));
    auto job = std::make_shared<Job>();
    job->logprobs = request.logprobs;
    job->emit_stop_token = request.emit_stop_token;
    job->buffer = request.buffer;
    job->report_blocks = request.report_blocks;
    job->sampler = std::move(sampler);
    WEFT_TRY(fill_job(request, loop, *job));
    jobs.push_back(std::move(job));
  }
  return jobs;
}

Result<std::shared_ptr<Job>> make_stepped_job(const Request& request, const StepLoop& loop) {
  if (!request.stop_strings.empty() || request.n != 1) {
    return fail(ErrorCode::kInvalidArgument, "a stepped generation has no stop_strings, and n = 1");
  }
  auto job = std::make_shared<Job>();
  job->stepped = true;
  WEFT_TRY(fill_job(request, loop, *job));
  return job;
}

Result<std::shared_ptr<Job>> make_embedding_job(const EmbedRequest& request, const StepLoop& loop) {
  const Model& model = *loop.model();
  const EmbedOptions& options = request.options;
  auto job = std::make_shared<Job>();
  GenerationState& state = job->state;
  WEFT_TRY_ASSIGN(state.sequence.ids, prompt_of(model, request.prompt_ids, request.text,
                                                options.add_bos, options.parse_special));
  state.num_prompt = std::ssize(state.sequence.ids);
  state.limits.max_tokens = 0;
  WEFT_TRY(loop.check_fits(state.num_prompt, 0));
  state.priority = options.priority;
  state.cache_salt = options.cache_salt;
  job->embedder =
      std::make_unique<Embedder>(request.tokens, options.pooling.value_or(model.info().pooling),
                                 options.normalize, state.num_prompt);
  state.hidden_from = job->embedder->first_needed();
  return job;
}

}  // namespace weft::engine
