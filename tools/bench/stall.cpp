#include "tools/bench/stall.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <thread>

#include "tools/bench/first_token.h"
#include "tools/bench/some_ids.h"

namespace weft::tools {
namespace {

using Clock = std::chrono::steady_clock;

// From one token of a stream to the next.
struct Gap {
  Clock::time_point begin, end;
};

// Reads one generation after the other, each of a prompt of one token. The first is shorter, so
// that streams do not all begin anew in the same step.
class Stream {
 public:
  Stream(Engine& engine, uint64_t number, int32_t first_tokens, int32_t tokens)
      : engine_(engine),
        first_tokens_(first_tokens),
        request_{.prompt_ids = some_ids(number, 1, engine.model().info().n_vocab),
                 .max_tokens = tokens,
                 .sampling = {.temperature = 0},
                 .ignore_eos = true,
                 // A new generation does not wait for the long prompt to be done.
                 .priority = Priority::kUrgent},
        thread_([this](const std::stop_token& stop) { ended_ = run(stop); }) {}

  int64_t num_tokens() const { return num_tokens_; }
  bool has_failed() const { return failed_; }
  // Ends it and gives all that was recorded.
  Result<std::vector<Gap>> finish() {
    thread_.request_stop();
    thread_.join();
    WEFT_TRY(ended_);
    return std::move(gaps_);
  }

 private:
  Result<void> run(const std::stop_token& stop) {
    auto done = read_until(stop);
    failed_ = !done;
    return done;
  }
  Result<void> read_until(const std::stop_token& stop) {
    Request request = request_;
    request.max_tokens = first_tokens_;
    while (!stop.stop_requested()) {
      WEFT_TRY_ASSIGN(TokenStream stream, engine_.submit(request));
      request.max_tokens = request_.max_tokens;
      Clock::time_point before{};
      while (!stop.stop_requested()) {
        WEFT_TRY_ASSIGN(const auto token, stream.next());
        if (!token) break;
        if (token->index > 0) gaps_.push_back({before, token->made_at});
        before = token->made_at;
        ++num_tokens_;
      }
    }
    return {};
  }

  Engine& engine_;
  const int32_t first_tokens_;
  const Request request_;
  std::vector<Gap> gaps_;
  std::atomic<int64_t> num_tokens_ = 0;
  std::atomic<bool> failed_ = false;
  Result<void> ended_;
  std::jthread thread_;  // last: it uses the rest
};

class Streams {
 public:
  Streams(Engine& engine, const StallCase& wanted) {
    for (int32_t i = 0; i < wanted.streams; ++i) {
      const int64_t first_tokens = int64_t{wanted.stream_tokens} * (i + 1) / wanted.streams;
      streams_.push_back(std::make_unique<Stream>(
          engine, static_cast<uint64_t>(i),
          static_cast<int32_t>(std::max<int64_t>(1, first_tokens)), wanted.stream_tokens));
    }
  }
  // Returns when each stream has made so many more tokens, or one has failed.
  void wait_for(int64_t tokens) const {
    std::vector<int64_t> until;
    for (const auto& stream : streams_) until.push_back(stream->num_tokens() + tokens);
    for (size_t i = 0; i < streams_.size(); ++i) {
      while (streams_[i]->num_tokens() < until[i] && !any_failed()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  }
  Result<std::vector<Gap>> finish() {
    std::vector<Gap> all;
    for (const auto& stream : streams_) {
      WEFT_TRY_ASSIGN(const auto gaps, stream->finish());
      all.insert(all.end(), gaps.begin(), gaps.end());
    }
    return all;
  }

 private:
  bool any_failed() const {
    return std::ranges::any_of(streams_, [](const auto& stream) { return stream->has_failed(); });
  }

  std::vector<std::unique_ptr<Stream>> streams_;
};

// The gaps of a stretch of time, in seconds.
class Pace {
 public:
  void add(std::span<const Gap> gaps, Clock::time_point from, Clock::time_point to) {
    seconds_ += std::chrono::duration<double>(to - from).count();
    for (const Gap& gap : gaps) {
      if (gap.begin < from || gap.end > to) continue;
      gaps_.push_back(std::chrono::duration<double>(gap.end - gap.begin).count());
    }
    std::ranges::sort(gaps_);
  }
  // The least of them that `share` of them do not exceed.
  double quantile(double share) const {
    if (gaps_.empty()) return 0;
    const auto n = static_cast<double>(gaps_.size());
    return gaps_[static_cast<size_t>(std::max(1.0, std::ceil(share * n))) - 1];
  }
  BenchRow row(const std::string& test, double p50_alone) const {
    const double p99 = quantile(0.99);
    BenchRow row{.test = test, .peak_rss_bytes = peak_rss_bytes()};
    set_rate(row, {static_cast<double>(gaps_.size()) / seconds_});
    row.figures = {{"p50_ms", 1000 * quantile(0.5)},
                   {"p99_ms", 1000 * p99},
                   {"p99_over_p50_alone", p50_alone > 0 ? p99 / p50_alone : 0}};
    return row;
  }

 private:
  std::vector<double> gaps_;
  double seconds_ = 0;
};

// Prompts one after the other.
struct Prompts {
  std::vector<double> rates, seconds;

  Result<void> run(Engine& engine, const StallCase& wanted, uint64_t first_seed, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
      const auto seed = first_seed + static_cast<uint64_t>(i);
      WEFT_TRY_ASSIGN(const FirstToken first,
                      time_to_first_token(engine, some_ids(seed, wanted.prompt_tokens,
                                                           engine.model().info().n_vocab)));
      rates.push_back(first.rate());
      seconds.push_back(first.seconds);
    }
    return {};
  }
  BenchRow row(const std::string& test) const {
    BenchRow row{.test = test, .peak_rss_bytes = peak_rss_bytes()};
    set_rate(row, rates);
    row.figures = {{"ttft_ms", 1000 * median(seconds)}};
    return row;
  }
};

int32_t blocks_for(const StallCase& wanted, int32_t block_size) {
  const auto blocks = [&](int32_t tokens) { return tokens / block_size + 2; };
  // Twice: what has ended may stay cached.
  return 2 * (wanted.streams * blocks(wanted.stream_tokens) + blocks(wanted.prompt_tokens));
}

}  // namespace

Result<std::vector<BenchRow>> measure_stall(const std::shared_ptr<const Model>& model,
                                            const EngineConfig& base, const StallCase& wanted,
                                            int32_t repetitions) {
  EngineConfig config = base;
  config.max_sequences = wanted.streams + 1;
  config.num_blocks = blocks_for(wanted, config.block_size);
  WEFT_TRY_ASSIGN(const auto engine, Engine::create(model, config));
  constexpr uint64_t kSeed = 100000;
  Prompts warm_up, alone, beside;
  WEFT_TRY(warm_up.run(*engine, {.prompt_tokens = std::min(wanted.prompt_tokens, 512)}, kSeed, 1));
  WEFT_TRY(alone.run(*engine, wanted, 2 * kSeed, repetitions));

  Streams streams(*engine, wanted);
  streams.wait_for(16);  // all run, and the scheduler knows what a step takes
  const auto quiet = Clock::now();
  streams.wait_for(wanted.stream_tokens);
  const auto busy = Clock::now();
  WEFT_TRY(beside.run(*engine, wanted, 3 * kSeed, repetitions));
  const auto quiet_again = Clock::now();
  streams.wait_for(wanted.stream_tokens);
  const auto end = Clock::now();
  WEFT_TRY_ASSIGN(const auto gaps, streams.finish());
  Pace undisturbed, disturbed;
  undisturbed.add(gaps, quiet, busy);
  undisturbed.add(gaps, quiet_again, end);
  disturbed.add(gaps, busy, quiet_again);

  const std::string pp = "pp" + std::to_string(wanted.prompt_tokens);
  const std::string tg =
      "tg" + std::to_string(wanted.stream_tokens) + "@" + std::to_string(wanted.streams);
  const double p50 = undisturbed.quantile(0.5);
  std::vector<BenchRow> rows = {alone.row("stall:" + pp), undisturbed.row("stall:" + tg, p50),
                                disturbed.row("stall:" + tg + "+" + pp, p50),
                                beside.row("stall:" + pp + "+" + tg)};
  rows.back().figures.emplace_back("share_of_rate_alone",
                                   median(beside.rates) / median(alone.rates));
  return rows;
}

}  // namespace weft::tools
