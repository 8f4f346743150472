#include "tools/bench/prefix.h"

#include <algorithm>
#include <string>

#include "tools/bench/first_token.h"
#include "tools/bench/some_ids.h"

namespace weft::tools {
namespace {

constexpr int64_t kSharedPercent = 95;
constexpr double kAnyPaceMs = 1e9;

BenchRow row(const std::string& test, const std::vector<FirstToken>& runs) {
  std::vector<double> rates, seconds;
  for (const FirstToken& run : runs) {
    rates.push_back(run.rate());
    seconds.push_back(run.seconds);
  }
  BenchRow row{.test = test, .peak_rss_bytes = peak_rss_bytes()};
  set_rate(row, rates);
  row.figures = {{"ttft_ms", 1000 * median(seconds)},
                 {"cached_tokens", static_cast<double>(runs.front().cached)}};
  return row;
}

}  // namespace

Result<std::vector<BenchRow>> measure_prefix(const std::shared_ptr<const Model>& model,
                                             const EngineConfig& base, int32_t tokens,
                                             int32_t repetitions) {
  EngineConfig config = base;
  config.max_sequences = 1;
  config.prefix_cache = true;
  config.max_inter_token_ms = kAnyPaceMs;
  // The pair under way, and the tail of the one before.
  config.num_blocks = 3 * (tokens / config.block_size + 2);
  WEFT_TRY_ASSIGN(const auto engine, Engine::create(model, config));
  const int32_t n_vocab = model->info().n_vocab;
  const auto shared = static_cast<std::ptrdiff_t>(tokens * kSharedPercent / 100);
  std::vector<FirstToken> fresh, like_it;
  for (int32_t r = 0; r <= repetitions; ++r) {
    const auto seed = 2 * static_cast<uint64_t>(r);
    const auto ids = some_ids(seed, tokens, n_vocab);
    auto other = some_ids(seed + 1, tokens, n_vocab);
    std::copy_n(ids.begin(), shared, other.begin());
    WEFT_TRY_ASSIGN(const FirstToken cold, time_to_first_token(*engine, ids));
    WEFT_TRY_ASSIGN(const FirstToken warm, time_to_first_token(*engine, other));
    if (r == 0) continue;
    fresh.push_back(cold);
    like_it.push_back(warm);
  }
  const std::string name = "prefix:pp" + std::to_string(tokens);
  std::vector<BenchRow> rows = {row(name, fresh),
                                row(name + "@" + std::to_string(kSharedPercent) + "%", like_it)};
  rows[1].figures.emplace_back("ttft_over_cold",
                               rows[1].figures[0].second / rows[0].figures[0].second);
  return rows;
}

}  // namespace weft::tools
