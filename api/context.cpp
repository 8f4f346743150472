#include <algorithm>
#include <chrono>
#include <utility>

#include "api/model.h"
#include "api/runner_factory.h"
#include "api/session/session_file.h"
#include "api/step_trace.h"
#include "api/stop_matcher.h"
#include "core/check.h"
#include "core/model/decoder.h"
#include "core/row_draw.h"
#include "core/text/tokenizer.h"
#include "scheduler/generation_state.h"
#include "scheduler/model_runner.h"

namespace weft {

std::string_view finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kStopString:
      return "stop_string";
    case FinishReason::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

namespace {

// Keeps the last row of logits a step gave, or the id that the backend drew from it.
class LastRow final : public LogitSink {
 public:
  // Before a step: how its last row is drawn, where a backend can do so in memory of its own.
  void draw_by(std::optional<RowDraw> draw) { draw_ = draw; }

  void consume(Backend& backend, int64_t, Mat logits) override {
    DrawnRow drawn;
    if (draw_) {
      draw_->row = logits.rows - 1;
      backend.sample(logits, {&*draw_, 1}, {&drawn, 1});
    }
    id_ = drawn.id;
    if (id_ >= 0) return;
    row_.resize(logits.cols);
    backend.download(row_.data(), logits.row(logits.rows - 1), logits.cols * sizeof(float));
  }
  // Negative where the row is to be drawn here.
  int32_t id() const { return id_; }
  std::span<float> row() { return row_; }

 private:
  std::optional<RowDraw> draw_;
  int32_t id_ = -1;
  std::vector<float> row_;
};

// Hands every row on, counted from `first`.
class EachRow final : public LogitSink {
 public:
  EachRow(int64_t first, const Context::OnRow& on_row) : first_(first), on_row_(on_row) {}
  void consume(Backend& backend, int64_t first_row, Mat logits) override {
    row_.resize(logits.cols);
    for (int64_t r = 0; r < logits.rows; ++r) {
      backend.download(row_.data(), logits.row(r), logits.cols * sizeof(float));
      on_row_(first_ + first_row + r, row_);
    }
  }

 private:
  int64_t first_;
  const Context::OnRow& on_row_;
  std::vector<float> row_;
};

Result<RunnerSpec> runner_spec(const ContextParams& params) {
  WEFT_TRY(check_at_least_one("n_ctx", params.n_ctx));
  WEFT_TRY(check_at_least_one("max_batch_tokens", params.max_batch_tokens));
  WEFT_TRY(check_at_least_one("max_logit_rows", params.max_logit_rows));
  WEFT_TRY(check_at_least_one("block_size", params.block_size));
  const int32_t most_tokens = std::min(params.max_batch_tokens, params.n_ctx);
  return RunnerSpec{.limits = {.max_tokens = most_tokens,
                               .max_logit_rows = std::min(params.max_logit_rows, most_tokens)},
                    .block_size = params.block_size,
                    .num_blocks = (params.n_ctx - 1) / params.block_size + 1,
                    .kv_type = params.kv_type};
}

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

struct Context::State {
  std::shared_ptr<const Model> model;
  ContextParams params;
  std::unique_ptr<ModelRunner> runner;
  MemoryLedger ledger;
  GenerationState generation;  // no scheduler has it; stop ids and limits are in GenerateOptions
  Sequence& sequence = generation.sequence;
  SamplingParams sampling;  // of the last generation
  LastRow last_row;
  std::unique_ptr<StepTrace> trace;  // may be null
  StepScheduler::Counts counts{.running = 1};

  std::span<const int32_t> prompt() const {
    return std::span(sequence.ids).first(static_cast<size_t>(generation.num_prompt));
  }
  std::span<const int32_t> generated() const {
    return std::span(sequence.ids).subspan(static_cast<size_t>(generation.num_prompt));
  }

  // The next `num_tokens`, with the logits of the last `num_logits` of them.
  Result<void> step(int32_t num_tokens, int32_t num_logits, LogitSink& sink) {
    const bool decodes = generation.decoding();
    const SequenceStep step{
        .sequence = &sequence, .num_tokens = num_tokens, .num_logits = num_logits};
    const auto begin = Clock::now();
    WEFT_TRY(runner->run({&step, 1}, &sink));
    if (!trace) return {};
    GenerationState* const state = &generation;
    const StepPlan plan{.steps = {&step, 1},
                        .states = {&state, 1},
                        .num_decodes = decodes,
                        .shape = {.decodes = decodes, .prompt_tokens = num_tokens - decodes}};
    trace->step(plan, begin, Clock::now(), counts, runner->blocks().ledger());
    return {};
  }

  // What was recorded of a sequence ends with what it came to.
  template <class T>
  Result<T> traced(Result<T> result, std::string_view reason) {
    if (trace) trace->ended(generation, result ? reason : error_code_name(result.error().code));
    return result;
  }

  // Computes every id that is not computed yet; last_row then holds the last one's logits.
  // Stops between steps where `cancel` asks for it.
  Result<void> advance(const std::stop_token& cancel) {
    while (sequence.num_computed < std::ssize(sequence.ids) && !cancel.stop_requested()) {
      const int64_t left = std::ssize(sequence.ids) - sequence.num_computed;
      const auto n = static_cast<int32_t>(std::min<int64_t>(left, params.max_batch_tokens));
      WEFT_TRY(step(n, n == left, last_row));
    }
    return {};
  }

  Result<void> check_ids(std::span<const int32_t> ids) const {
    const int32_t n_vocab = model->info().n_vocab;
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] >= 0 && ids[i] < n_vocab) continue;
      return fail(ErrorCode::kTokenOutOfRange, "token " + std::to_string(i) +
                                                   " of the prompt: id " + std::to_string(ids[i]) +
                                                   ", expected 0 … " + std::to_string(n_vocab - 1));
    }
    return {};
  }

  Result<void> check_room(int64_t num_ids, int32_t max_tokens) const {
    const int64_t wanted = num_ids + max_tokens;
    if (wanted <= params.n_ctx) return {};
    return fail(ErrorCode::kContextOverflow,
                "prompt of " + std::to_string(num_ids) + " tokens + max_tokens " +
                    std::to_string(max_tokens) + " = " + std::to_string(wanted) +
                    ", the context holds " + std::to_string(params.n_ctx));
  }

  Result<void> start(std::span<const int32_t> ids) {
    WEFT_TRY(check_ids(ids));
    if (ids.empty()) return fail(ErrorCode::kInvalidArgument, "prompt: empty, expected a token");
    runner->release(sequence);
    sequence.ids.assign(ids.begin(), ids.end());
    generation.num_prompt = std::ssize(ids);
    return {};
  }

  Result<Generation> generate(std::span<const int32_t> prompt_ids, const GenerateOptions& options,
                              const OnToken& on_token);
  Result<Generation> resume(std::span<const int32_t> more, const GenerateOptions& options,
                            const OnToken& on_token);
  Result<Generation> go_on(const GenerateOptions& options, Sampler sampler,
                           const OnToken& on_token);
  Result<void> save(const std::string& path) const;
  Result<void> load(const std::string& path);
  Result<void> evaluate(std::span<const int32_t> ids, int32_t chunk, const OnRow& on_row,
                        const std::stop_token& cancel);
};

Context::Context(std::unique_ptr<State> state) : state_(std::move(state)) {}
Context::~Context() = default;

Result<MemoryLedger> Context::required_memory(const Model& model, const ContextParams& params) {
  WEFT_TRY_ASSIGN(const RunnerSpec spec, runner_spec(params));
  return runner_memory(model, spec);
}

Result<std::unique_ptr<Context>> Context::create(std::shared_ptr<const Model> model,
                                                 const ContextParams& params) {
  WEFT_TRY_ASSIGN(const RunnerSpec spec, runner_spec(params));
  WEFT_TRY_ASSIGN(auto made, create_runner(*model, spec));
  auto state = std::make_unique<State>();
  state->params = params;
  state->params.max_batch_tokens = spec.limits.max_tokens;
  state->runner = std::move(made.runner);
  state->ledger = made.ledger;
  state->model = std::move(model);
  if (params.trace) state->trace = std::make_unique<StepTrace>(params.trace, "context");
  return std::unique_ptr<Context>(new Context(std::move(state)));
}

Result<Generation> Context::generate(std::string_view prompt, const GenerateOptions& options,
                                     const OnToken& on_token) {
  WEFT_TRY_ASSIGN(const std::vector<int32_t> ids,
                  state_->model->tokenize(prompt, options.add_bos, options.parse_special));
  return generate(ids, options, on_token);
}

Result<Generation> Context::generate(std::span<const int32_t> prompt_ids,
                                     const GenerateOptions& options, const OnToken& on_token) {
  auto result = state_->generate(prompt_ids, options, on_token);
  const auto reason = result ? finish_reason_name(result->finish_reason) : std::string_view();
  return state_->traced(std::move(result), reason);
}

Result<Generation> Context::resume(std::span<const int32_t> more, const GenerateOptions& options,
                                   const OnToken& on_token) {
  auto result = state_->resume(more, options, on_token);
  const auto reason = result ? finish_reason_name(result->finish_reason) : std::string_view();
  return state_->traced(std::move(result), reason);
}

Result<void> Context::save(const std::string& path) const { return state_->save(path); }
Result<void> Context::load(const std::string& path) { return state_->load(path); }
std::span<const int32_t> Context::ids() const { return state_->sequence.ids; }
int64_t Context::num_computed() const { return state_->sequence.num_computed; }
const SamplingParams& Context::sampling() const { return state_->sampling; }

Result<void> Context::evaluate(std::span<const int32_t> ids, int32_t chunk, const OnRow& on_row,
                               const std::stop_token& cancel) {
  return state_->traced(state_->evaluate(ids, chunk, on_row, cancel), "evaluated");
}

Result<Generation> Context::State::generate(std::span<const int32_t> prompt_ids,
                                            const GenerateOptions& options,
                                            const OnToken& on_token) {
  WEFT_TRY(check_at_least_one("max_tokens", options.max_tokens));
  WEFT_TRY(check_room(std::ssize(prompt_ids), options.max_tokens));
  WEFT_TRY_ASSIGN(Sampler sampler, Sampler::create(options.sampling, model->info().n_vocab));
  WEFT_TRY(start(prompt_ids));
  return go_on(options, std::move(sampler), on_token);
}

Result<Generation> Context::State::resume(std::span<const int32_t> more,
                                          const GenerateOptions& options, const OnToken& on_token) {
  WEFT_TRY(check_at_least_one("max_tokens", options.max_tokens));
  WEFT_TRY(check_room(std::ssize(sequence.ids) + std::ssize(more), options.max_tokens));
  WEFT_TRY_ASSIGN(Sampler sampler, Sampler::create(options.sampling, model->info().n_vocab));
  WEFT_TRY(check_ids(more));
  if (sequence.ids.empty() && more.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the sequence is empty, expected a token");
  }
  sequence.ids.insert(sequence.ids.end(), more.begin(), more.end());
  if (!more.empty()) generation.num_prompt = std::ssize(sequence.ids);
  // The last id's logits are wanted: where they are gone, it is computed again, to the same bits.
  sequence.num_computed = std::min(sequence.num_computed, std::ssize(sequence.ids) - 1);
  return go_on(options, std::move(sampler), on_token);
}

// Generates after what the sequence holds.
Result<Generation> Context::State::go_on(const GenerateOptions& options, Sampler sampler,
                                         const OnToken& on_token) {
  const Tokenizer& tokenizer = model->tokenizer();
  sampling = options.sampling;
  Generation result;
  result.prompt_ids = sequence.ids;
  DetokenizerStream detokenizer(tokenizer, false, DetokenizerStream::Start::kContinuation);
  StopMatcher stops(options.stop_strings);
  const auto start = Clock::now();
  auto first_token = start;
  while (std::ssize(result.ids) < options.max_tokens) {
    if (!runner->backend().memory_is_hosts()) {
      last_row.draw_by(sampler.row_draw(prompt(), generated(), std::ssize(sequence.ids)));
    }
    WEFT_TRY(advance(options.cancel));
    if (options.cancel.stop_requested()) {
      result.finish_reason = FinishReason::kCancelled;
      break;
    }
    int32_t id = last_row.id();
    if (id < 0) {
      WEFT_TRY_ASSIGN(
          id, sampler.sample(last_row.row(), prompt(), generated(), std::ssize(sequence.ids)));
    }
    if (result.ids.empty()) {
      first_token = Clock::now();
      result.prompt_seconds = seconds_since(start);
    }
    if (!options.ignore_eos && tokenizer.is_stop(id)) {
      result.finish_reason = FinishReason::kStop;
      break;
    }
    sequence.ids.push_back(id);
    result.ids.push_back(id);
    const std::string text = stops.push(detokenizer.push(id));
    result.text += text;
    if (on_token && !on_token(id, text)) {
      result.finish_reason = FinishReason::kCancelled;
      break;
    }
    if (stops.stopped()) {
      result.finish_reason = FinishReason::kStopString;
      break;
    }
  }
  result.text += stops.push(detokenizer.finish());
  result.text += stops.finish();
  result.generate_seconds = seconds_since(first_token);
  return result;
}

Result<void> Context::State::save(const std::string& path) const {
  Session session{.model = model->info().fingerprint,
                  .ids = sequence.ids,
                  .num_prompt = generation.num_prompt,
                  .sampling = sampling,
                  .kv_identity = runner->kv_identity()};
  KvBlocks kv{.block_bytes = runner->kv_block_bytes(),
              .read = [this](int64_t index, std::span<std::byte> into) {
                runner->export_block(sequence.blocks.blocks[static_cast<size_t>(index)], into);
              }};
  if (!session.kv_identity.empty()) kv.count = sequence.num_computed / params.block_size;
  session.kv_tokens = kv.count * params.block_size;
  return write_session(path, session, kv);
}

Result<void> Context::State::load(const std::string& path) {
  const ModelInfo& info = model->info();
  const size_t block_bytes = runner->kv_block_bytes();
  WEFT_TRY_ASSIGN(Session session, read_session(path, {.max_ids = params.n_ctx,
                                                       .kv_identity = runner->kv_identity(),
                                                       .block_tokens = params.block_size,
                                                       .block_bytes = block_bytes}));
  WEFT_TRY(check_session(path, session, info));
  runner->release(sequence);
  const int64_t blocks = session.kv_tokens / params.block_size;
  const auto reserved = runner->blocks().reserve(sequence.blocks, session.kv_tokens);
  WEFT_CHECK(reserved, "a pool of n_ctx tokens does not hold a session of fewer");
  for (int64_t i = 0; i < blocks; ++i) {
    runner->import_block(
        sequence.blocks.blocks[static_cast<size_t>(i)],
        std::span(session.kv).subspan(static_cast<size_t>(i) * block_bytes, block_bytes));
  }
  sequence.num_computed = session.kv_tokens;
  sequence.ids = std::move(session.ids);
  generation.num_prompt = session.num_prompt;
  sampling = std::move(session.sampling);
  return {};
}

Result<void> Context::State::evaluate(std::span<const int32_t> ids, int32_t chunk,
                                      const OnRow& on_row, const std::stop_token& cancel) {
  if (std::ssize(ids) > params.n_ctx) {
    return fail(
        ErrorCode::kContextOverflow,
        std::to_string(ids.size()) + " tokens, the context holds " + std::to_string(params.n_ctx));
  }
  if (chunk == 0) chunk = params.max_batch_tokens;
  WEFT_TRY(check_at_least_one("chunk", chunk));
  chunk = std::min(chunk, params.max_batch_tokens);
  WEFT_TRY(start(ids));
  while (sequence.num_computed < std::ssize(ids)) {
    if (cancel.stop_requested()) return fail(ErrorCode::kCancelled, "evaluate: cancelled");
    const int64_t first = sequence.num_computed;
    const auto n = static_cast<int32_t>(std::min<int64_t>(chunk, std::ssize(ids) - first));
    EachRow sink(first, on_row);
    WEFT_TRY(step(n, n, sink));
  }
  return {};
}

void Context::clear() {
  state_->runner->release(state_->sequence);
  state_->sequence.ids.clear();
  state_->generation.num_prompt = 0;
}

MemoryLedger Context::memory() const { return state_->ledger; }

std::string Context::device_description() const { return state_->runner->backend().description(); }

}  // namespace weft
