// Attention through the Backend interface, as a model's layers call it: decode of one token for
// some sequences, and a prompt chunk of one, at several depths, over the heads of two models.
//   WEFT_BENCH_THREADS=2 weft_bench_attention --benchmark_filter=avx2/1b/f16
//
// The KV blocks are filled, lie in shuffled order, and belong to as many layers, visited in turn,
// as it takes to come from memory and not from the caches. Each row gives the rate of KV bytes
// (each byte once a call) and of multiply-adds (two for each position seen), as shares of the
// limits measured in the same process a moment before; %roof is the share of the larger of the
// two times that the limits allow.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/backend.h"
#include "core/platform/environment.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/peaks.h"

namespace weft::bench {
namespace {

using cpu::measure_peaks;
using cpu::Peaks;

struct Heads {
  const char* model;
  int32_t query, kv, dim;
};

struct Work {
  int32_t sequences, tokens;  // tokens of each
  int32_t depth;              // positions before them
};

constexpr int32_t kBlockSize = 16;
// Some times the largest last-level cache of a machine one would bench on.
constexpr std::size_t kColdBytes = std::size_t{256} << 20;

int threads() {
  const std::string text = platform::environment("WEFT_BENCH_THREADS");
  return text.empty() ? 1 : std::max(1, std::atoi(text.c_str()));
}

const Peaks& peaks() {
  static const Peaks measured = measure_peaks(threads());
  return measured;
}

std::vector<float> normal_floats(std::mt19937& random, std::size_t n) {
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& v : values) v = normal(random);
  return values;
}

// The flat arrays of a step, over blocks in shuffled order.
struct Step {
  Step(const Work& work, std::mt19937& random) {
    const int32_t context = work.depth + work.tokens;
    const int32_t blocks_each = (context + kBlockSize - 1) / kBlockSize;
    tables.resize(static_cast<std::size_t>(blocks_each * work.sequences));
    std::iota(tables.begin(), tables.end(), 0);
    std::shuffle(tables.begin(), tables.end(), random);
    for (int32_t s = 0; s <= work.sequences; ++s) {
      starts.push_back(s * work.tokens);
      table_starts.push_back(s * blocks_each);
    }
    for (int32_t s = 0; s < work.sequences; ++s) {
      for (int32_t p = work.depth; p < context; ++p) {
        positions.push_back(p);
        const int32_t block = tables[static_cast<std::size_t>(s * blocks_each + p / kBlockSize)];
        slots.push_back(block * kBlockSize + p % kBlockSize);
      }
    }
    ids.resize(positions.size());
  }

  StepBatch batch() const {
    return {.token_ids = ids,
            .positions = positions,
            .slots = slots,
            .seq_starts = starts,
            .block_tables = tables,
            .block_table_starts = table_starts};
  }

  std::vector<int32_t> ids, positions, slots, starts, tables, table_starts;
};

void fill(Backend& backend, KvCache& cache, std::mt19937& random) {
  const KvCacheSpec& spec = cache.spec();
  const int32_t slots = spec.num_blocks * kBlockSize;
  const int32_t chunk = std::min(slots, 1024);
  const int64_t cols = int64_t{spec.n_kv_heads} * spec.head_dim;
  std::vector<float> rows = normal_floats(random, static_cast<std::size_t>(chunk * cols));
  std::vector<int32_t> places(static_cast<std::size_t>(chunk));
  for (int32_t layer = 0; layer < spec.n_layers; ++layer) {
    for (int32_t first = 0; first < slots; first += chunk) {
      const int32_t n = std::min(chunk, slots - first);
      std::iota(places.begin(), places.end(), first);
      const Mat mat = {rows.data(), n, cols};
      backend.kv_store(cache, layer, mat, mat, std::span(places).first(static_cast<size_t>(n)));
    }
  }
}

void attention(benchmark::State& state, const std::string& isa, const Heads& heads, DType type,
               const Work& work) {
  std::mt19937 random(1);
  const auto backend = create_cpu_backend({.threads = threads(), .isa = isa}).value();
  const Step step(work, random);
  KvCacheSpec spec{.n_layers = 1,
                   .n_kv_heads = heads.kv,
                   .head_dim = heads.dim,
                   .block_size = kBlockSize,
                   .num_blocks = static_cast<int32_t>(step.tables.size()),
                   .type = type};
  const std::size_t layer_bytes = backend->kv_cache_bytes(spec);
  spec.n_layers = static_cast<int32_t>(kColdBytes / layer_bytes) + 1;
  auto made = backend->create_kv_cache(spec);
  if (!made) return state.SkipWithError(made.error().message.c_str());
  fill(*backend, **made, random);

  const auto tokens = static_cast<int64_t>(step.positions.size());
  const int64_t q_cols = int64_t{heads.query} * heads.dim;
  std::vector<float> q = normal_floats(random, static_cast<std::size_t>(tokens * q_cols));
  std::vector<float> out(q.size());
  const Peaks& peak = peaks();
  const double peak_flops = peak.of(peak.compute_limit(isa, "f32", true));
  int32_t layer = 0;
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) {
    backend->attention({q.data(), tokens, q_cols}, **made, layer,
                       {heads.query, heads.kv, heads.dim, 0, 0.125f}, step.batch(),
                       {out.data(), tokens, q_cols});
    layer = (layer + 1) % spec.n_layers;
  }
  const std::chrono::duration<double> all = std::chrono::steady_clock::now() - start;
  const double seconds = all.count() / static_cast<double>(state.iterations());

  const double seen = work.sequences * work.tokens * (work.depth + (work.tokens + 1) / 2.0);
  const double flops = 4.0 * seen * static_cast<double>(q_cols);
  const auto bytes = static_cast<double>(layer_bytes);
  state.counters["GB/s"] = bytes / seconds * 1e-9;
  state.counters["GFLOP/s"] = flops / seconds * 1e-9;
  state.counters["%read"] = 100 * bytes / seconds / peak.read_bytes_per_s;
  state.counters["%fma"] = 100 * flops / seconds / peak_flops;
  state.counters["%roof"] =
      100 * std::max(bytes / peak.read_bytes_per_s, flops / peak_flops) / seconds;
}

void register_all() {
  constexpr Heads kHeads[] = {{"1b", 32, 8, 64}, {"8b", 32, 8, 128}};
  constexpr Work kWork[] = {{1, 1, 511},  {1, 1, 4095},   {1, 1, 8191},
                            {16, 1, 511}, {16, 1, 4095},  {16, 1, 8191},
                            {1, 512, 0},  {1, 512, 4096}, {1, 512, 8192}};
  const CpuFeatures features = detect_cpu_features();
  for (const cpu::KernelTable* table : cpu::all_tables()) {
    if (!table->supported(features)) continue;
    const std::string isa = table->isa;
    for (const Heads& heads : kHeads) {
      for (const DType type : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
        for (const Work& work : kWork) {
          const std::string name = isa + "/" + heads.model + "/" + std::string(dtype_name(type)) +
                                   (work.tokens == 1 ? "/decode_" : "/prefill_") +
                                   std::to_string(work.tokens == 1 ? work.sequences : work.tokens) +
                                   "@" + std::to_string(work.depth);
          benchmark::RegisterBenchmark(
              name.c_str(),
              [=](benchmark::State& state) { attention(state, isa, heads, type, work); })
              ->UseRealTime()
              ->MinTime(0.3)
              ->Unit(benchmark::kMicrosecond);
        }
      }
    }
  }
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  weft::bench::register_all();
  const weft::cpu::Peaks& peaks = weft::bench::peaks();
  benchmark::AddCustomContext("threads", std::to_string(weft::bench::threads()));
  for (const weft::cpu::Peak& peak : peaks.all) {
    benchmark::AddCustomContext(
        "peak " + std::string(peak.name) + (peak.is_bytes ? " GB/s" : " G/s"),
        std::to_string(peak.per_second * 1e-9));
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
