#include "tools/bench/measure.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <span>
#include <thread>
#include <utility>

#include "core/model/decoder.h"
#include "tools/bench/some_ids.h"

namespace weft::tools {
namespace {

using Clock = std::chrono::steady_clock;

// Nothing here is to be slowed down for the sake of something else.
constexpr double kAnyPaceMs = 1e9;

// FNV-1a.
uint64_t hash_bytes(uint64_t hash, std::span<const std::byte> bytes) {
  for (const std::byte b : bytes) hash = (hash ^ static_cast<uint64_t>(b)) * 0x100000001b3;
  return hash;
}
constexpr uint64_t kHashStart = 0xcbf29ce484222325;

double seconds_between(Clock::time_point a, Clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

struct Started {
  std::vector<TokenStream> streams;
  Clock::time_point at;
};

// Submits requests so that the first step finds all of them: the step thread waits meanwhile.
Result<Started> submit_together(Engine& engine, std::span<const Request> requests) {
  std::promise<void> entered, opened;
  std::jthread gate([&] {
    auto held = engine.run_between_steps([&] {
      entered.set_value();
      opened.get_future().wait();
    });
    if (!held) entered.set_value();  // shut down: submit() says so below
  });
  entered.get_future().wait();
  Started started;
  Result<void> submitted;
  for (const Request& request : requests) {
    auto stream = engine.submit(request);
    if (!stream) {
      submitted = tl::unexpected(stream.error());
      break;
    }
    started.streams.push_back(std::move(*stream));
  }
  started.at = Clock::now();
  opened.set_value();
  gate.join();
  WEFT_TRY(submitted);
  return started;
}

struct Repetition {
  double seconds = 0;
  int64_t tokens = 0;
  uint64_t ids_hash = kHashStart;
};

class Bench {
 public:
  Bench(Engine& engine, const BenchCase& wanted) : engine_(engine), wanted_(wanted) {}

  Result<Repetition> run(uint64_t repetition) {
    const auto requests = make_requests(repetition);
    WEFT_TRY_ASSIGN(Started started, submit_together(engine_, requests));
    Repetition result;
    Clock::time_point first, last;  // until all have begun; until all are done
    std::vector<Clock::time_point> made_at;
    std::vector<int32_t> ids;
    // All go in step, so reading them in turn waits for each token once.
    for (bool any = true; any;) {
      any = false;
      for (size_t i = 0; i < started.streams.size(); ++i) {
        WEFT_TRY_ASSIGN(const auto token, started.streams[i].next());
        if (!token) continue;
        any = true;
        if (i == 0) ids.push_back(token->id);
        if (token->index == 0) first = std::max(first, token->made_at);
        last = std::max(last, token->made_at);
        made_at.push_back(token->made_at);
      }
    }
    result.ids_hash = hash_bytes(kHashStart, std::as_bytes(std::span(ids)));
    if (wanted_.kind == BenchCase::Kind::kPrompt) {
      const Usage usage = started.streams.front().usage();
      result.tokens = usage.prompt_tokens - usage.cached_tokens;
      result.seconds = seconds_between(started.at, first);
    } else {
      result.tokens = std::ranges::count_if(made_at, [&](auto at) { return at > first; });
      result.seconds = seconds_between(first, last);
    }
    return result;
  }

 private:
  std::vector<Request> make_requests(uint64_t repetition) const {
    const bool prompt = wanted_.kind == BenchCase::Kind::kPrompt;
    const int32_t n_vocab = engine_.model().info().n_vocab;
    std::vector<Request> requests(static_cast<size_t>(wanted_.concurrency));
    for (size_t i = 0; i < requests.size(); ++i) {
      Request& request = requests[i];
      // What is there before is the same each time, and so found in the cache; what is to be
      // computed is new each time. A generation needs one token to begin from.
      request.prompt_ids = some_ids(i, wanted_.depth, n_vocab);
      const int32_t more = prompt ? wanted_.tokens : wanted_.depth == 0 ? 1 : 0;
      const auto fresh =
          some_ids(1000 + i + (prompt ? 100000 * (repetition + 1) : 0), more, n_vocab);
      request.prompt_ids.insert(request.prompt_ids.end(), fresh.begin(), fresh.end());
      request.max_tokens = prompt ? 1 : wanted_.tokens + 1;
      request.sampling.temperature = 0;
      request.ignore_eos = true;
    }
    return requests;
  }

  Engine& engine_;
  const BenchCase& wanted_;
};

EngineConfig config_for(const EngineConfig& base, const BenchCase& wanted) {
  EngineConfig config = base;
  config.max_sequences = wanted.concurrency;
  config.prefix_cache = true;
  config.max_inter_token_ms = kAnyPaceMs;
  const int64_t tokens = int64_t{wanted.depth} + wanted.tokens + 2;
  // A prompt that was computed before stays cached beside the one under way.
  const int64_t blocks = tokens / config.block_size + 2;
  config.num_blocks = static_cast<int32_t>(blocks * (wanted.concurrency + 1));
  if (wanted.kind == BenchCase::Kind::kGenerate) {
    // Room for what the cache lacks of every prompt, the last block, in one step.
    config.max_batch_tokens =
        std::max(config.max_batch_tokens, wanted.concurrency * (config.block_size + 1));
  }
  return config;
}

Cost cost_of(const BenchCase& wanted, const EngineConfig& config, const StepCosts& costs) {
  Cost cost;
  if (wanted.kind == BenchCase::Kind::kPrompt) {
    for (int32_t done = 0; done < wanted.tokens; done += config.max_batch_tokens) {
      cost += costs.step({.tokens = std::min(config.max_batch_tokens, wanted.tokens - done),
                          .from = int64_t{wanted.depth} + done});
    }
  } else {
    for (int32_t i = 0; i < wanted.tokens; ++i) {
      cost += costs.step({.sequences = wanted.concurrency,
                          .tokens = 1,
                          .from = int64_t{std::max(wanted.depth, 1)} + i});
    }
  }
  return cost;
}

}  // namespace

std::string BenchCase::name() const {
  std::string name = (kind == Kind::kPrompt ? "pp" : "tg") + std::to_string(tokens);
  if (concurrency > 1) name += "@" + std::to_string(concurrency);
  if (depth > 0) name += "@d" + std::to_string(depth);
  return name;
}

Result<Measured> measure(const std::shared_ptr<const Model>& model, const EngineConfig& base,
                         const BenchCase& wanted, int32_t repetitions, const StepCosts& costs,
                         cpu::ReadProbe& weights) {
  const EngineConfig config = config_for(base, wanted);
  WEFT_TRY_ASSIGN(const auto engine, Engine::create(model, config));
  Bench bench(*engine, wanted);
  WEFT_TRY(bench.run(0));
  Measured measured{.cost = cost_of(wanted, config, costs)};
  double before = weights.bytes_per_second();
  for (int32_t r = 1; r <= repetitions; ++r) {
    WEFT_TRY_ASSIGN(const Repetition repetition, bench.run(static_cast<uint64_t>(r)));
    const double after = weights.bytes_per_second();
    // As if half of the bytes were read at either rate.
    measured.read_bytes_per_second.push_back(before > 0 && after > 0 ? 2 / (1 / before + 1 / after)
                                                                     : 0);
    before = after;
    measured.seconds.push_back(repetition.seconds);
    measured.tokens_per_second.push_back(static_cast<double>(repetition.tokens) /
                                         repetition.seconds);
    measured.ids_hash = repetition.ids_hash;
  }
  return measured;
}

Result<uint64_t> logits_hash(const std::shared_ptr<const Model>& model,
                             const std::string& kv_type) {
  constexpr int32_t kIds = 32;
  const auto ids = some_ids(7, kIds, model->info().n_vocab);
  WEFT_TRY_ASSIGN(auto context, Context::create(model, {.n_ctx = kIds,
                                                        .max_batch_tokens = kIds,
                                                        .max_logit_rows = kIds,
                                                        .kv_type = kv_type}));
  uint64_t hash = kHashStart;
  WEFT_TRY(context->evaluate(ids, kIds, [&](int64_t, std::span<const float> logits) {
    hash = hash_bytes(hash, std::as_bytes(logits));
  }));
  return hash;
}

}  // namespace weft::tools
