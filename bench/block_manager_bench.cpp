// Block bookkeeping a step and a request cost: prefix look-ups of 8192 tokens, reserving and
// releasing, and evicting for every block; with the allocations of an iteration, which must be 0.
// items/s are blocks.
#include <cstdint>
#include <numeric>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/allocation_counter.h"
#include "scheduler/block_manager.h"

namespace weft {
namespace {

constexpr int64_t kTokens = 8192;
constexpr int32_t kBlockSize = 16;
constexpr int64_t kPromptBlocks = kTokens / kBlockSize;

BlockManagerOptions pool_of(int64_t num_prompts) {
  return {.num_blocks = static_cast<int32_t>(num_prompts * kPromptBlocks + 1),
          .block_size = kBlockSize};
}

// One token more than whole blocks: all of them may match.
std::vector<int32_t> prompt(int32_t first) {
  std::vector<int32_t> ids(kTokens + 1);
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

// Runs `body` once to warm up, then counts its time and allocations. A body works on `num_blocks`.
template <class Body>
void measure(benchmark::State& state, int64_t num_blocks, const Body& body) {
  body();
  const int64_t before = bench::num_allocations();
  for (auto _ : state) body();
  state.counters["allocations"] = static_cast<double>(bench::num_allocations() - before);
  state.SetItemsProcessed(state.iterations() * num_blocks);
}

void compute(BlockManager& blocks, BlockTable& table, const std::vector<int32_t>& ids) {
  blocks.match_prefix(ids, 0, table);
  if (!blocks.reserve(table, std::ssize(ids))) return;
  blocks.publish(table, ids, std::ssize(ids));
}

void longest_match(benchmark::State& state) {
  BlockManager blocks(pool_of(1));
  BlockTable table;
  const auto ids = prompt(0);
  compute(blocks, table, ids);
  measure(state, kPromptBlocks, [&] { benchmark::DoNotOptimize(blocks.longest_match(ids, 0)); });
}

// The same in a pool of 64 prompts, each looked for in its turn: 5 MB, more than a second-level
// cache.
void longest_match_cold(benchmark::State& state) {
  constexpr int32_t kPrompts = 64;
  BlockManager blocks(pool_of(kPrompts));
  std::vector<std::vector<int32_t>> prompts;
  for (int32_t i = 0; i < kPrompts; ++i) {
    BlockTable table;
    compute(blocks, table, prompts.emplace_back(prompt(i)));
    blocks.release(table);
  }
  size_t next = 0;
  measure(state, kPromptBlocks,
          [&] { benchmark::DoNotOptimize(blocks.longest_match(prompts[next++ % kPrompts], 0)); });
}

void match_and_release(benchmark::State& state) {
  BlockManager blocks(pool_of(1));
  BlockTable table;
  const auto ids = prompt(0);
  compute(blocks, table, ids);
  blocks.release(table);
  measure(state, kPromptBlocks, [&] {
    benchmark::DoNotOptimize(blocks.match_prefix(ids, 0, table));
    blocks.release(table);
  });
}

void reserve_and_release(benchmark::State& state) {
  BlockManager blocks(pool_of(1));
  BlockTable table;
  measure(state, kPromptBlocks, [&] {
    benchmark::DoNotOptimize(blocks.reserve(table, kTokens).has_value());
    blocks.release(table);
  });
}

// A pool that holds one prompt, and two that take turns: every block is evicted and published.
void evict_and_publish(benchmark::State& state) {
  BlockManager blocks(pool_of(1));
  BlockTable table;
  const std::vector<int32_t> prompts[] = {prompt(0), prompt(1)};
  size_t next = 0;
  measure(state, kPromptBlocks, [&] {
    compute(blocks, table, prompts[next++ % 2]);
    blocks.release(table);
  });
}

// What a running sequence costs in a step: room for one token, and now and then a block.
void decode_step(benchmark::State& state) {
  BlockManager blocks(pool_of(1));
  BlockTable table;
  const auto ids = prompt(0);
  measure(state, kPromptBlocks, [&] {
    for (int64_t n = 1; n <= kTokens; ++n) {
      benchmark::DoNotOptimize(blocks.reserve(table, n).has_value());
      benchmark::DoNotOptimize(blocks.make_writable(table, n - 1).has_value());
      blocks.publish(table, ids, n);
    }
    blocks.release(table);
  });
  state.counters["ns/token"] =
      benchmark::Counter(static_cast<double>(state.iterations() * kTokens) * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK(longest_match)->Unit(benchmark::kMicrosecond);
BENCHMARK(longest_match_cold)->Unit(benchmark::kMicrosecond);
BENCHMARK(match_and_release)->Unit(benchmark::kMicrosecond);
BENCHMARK(reserve_and_release)->Unit(benchmark::kMicrosecond);
BENCHMARK(evict_and_publish)->Unit(benchmark::kMicrosecond);
BENCHMARK(decode_step)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace weft

BENCHMARK_MAIN();
