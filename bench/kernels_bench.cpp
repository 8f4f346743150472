// The CPU backend's products, through its own interface, each with its rates and the shares of the
// peaks that were measured in the same process a moment before: of memory reads, and of what its
// kernels multiply with. %roof is the larger of the two.
//   weft_bench_kernels --benchmark_filter=linear/avx2/i16/Q4_K
// WEFT_BENCH_THREADS sets the threads (1).
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/backend.h"
#include "core/platform/cpus.h"
#include "core/platform/environment.h"
#include "core/quant/decode.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/peaks.h"

namespace weft::bench {
namespace {

using cpu::measure_peaks;
using cpu::Peaks;

// The width of an 8B model.
constexpr int64_t kInput = 4096;

// Few rows are bound by reading, so their matrix is larger than any cache, like a model's; many
// rows read it once for all of them, and one of an 8B model's size will do.
int64_t columns_for(DType type, int64_t rows) {
  constexpr int64_t kColumns = 4096;
  if (rows > 4) return kColumns;
  const int64_t wanted = 4 * std::max<int64_t>(platform::last_level_cache_bytes(), 32 << 20);
  const int64_t columns = wanted / *row_bytes(type, kInput) / kColumns * kColumns;
  return std::clamp(columns, kColumns, 32 * kColumns);
}

int threads() {
  const std::string text = platform::environment("WEFT_BENCH_THREADS");
  return text.empty() ? 1 : std::max(1, std::atoi(text.c_str()));
}

const Peaks& peaks() {
  static const Peaks measured = measure_peaks(threads());
  return measured;
}

// Any bytes decode to something; what they weigh does not change the speed, unless they are NaN
// or subnormal: blocks of small positive bytes are neither. They repeat after a million.
std::vector<std::byte> some_blocks(DType type, int64_t elements) {
  std::mt19937 random(1);
  std::vector<std::byte> bytes(static_cast<std::size_t>(*row_bytes(type, elements)));
  const std::size_t period = std::min<std::size_t>(bytes.size(), 1000003);
  for (std::size_t i = 0; i < period; ++i) {
    bytes[i] = static_cast<std::byte>(0x20 + random() % 8);
  }
  for (std::size_t i = period; i < bytes.size(); ++i) bytes[i] = bytes[i - period];
  return bytes;
}

// Wall time of one run: the counters are shares of a peak, not rates of the benchmark's own.
template <class Work>
double seconds_each(benchmark::State& state, const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) work();
  const std::chrono::duration<double> all = std::chrono::steady_clock::now() - start;
  return all.count() / static_cast<double>(state.iterations());
}

void linear(benchmark::State& state, const std::string& isa, Activations activations, DType type,
            int64_t rows) {
  const auto backend =
      create_cpu_backend({.threads = threads(), .isa = isa, .activations = activations}).value();
  const int64_t columns = columns_for(type, rows);
  const auto bytes = some_blocks(type, columns * kInput);
  const HostTensor tensor = {"w", type, {kInput, columns, 1, 1}, bytes};
  const auto weight = backend->load_weight(tensor).value();
  if (activations != Activations::kF32 && !weight->has_own_layout()) {
    return state.SkipWithError("computed as f32");
  }
  std::vector<float> x(static_cast<std::size_t>(rows * kInput));
  std::mt19937 random(2);
  for (float& value : x) value = std::normal_distribution<float>()(random);
  std::vector<float> out(static_cast<std::size_t>(rows * columns));
  const LinearOutput output = {weight.get(), nullptr, {out.data(), rows, columns}};
  const auto once = [&] { backend->linear({x.data(), rows, kInput}, {&output, 1}); };
  once();
  const double seconds = seconds_each(state, once);

  const Peaks& peak = peaks();
  const bool floats = type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
  const std::string_view limit = peak.compute_limit(isa, backend->activations(), floats);
  const double flops = 2.0 * static_cast<double>(rows * columns * kInput) / seconds;
  const double read = static_cast<double>(bytes.size()) / seconds;
  const double of_read = 100 * read / peak.read_bytes_per_s;
  const double of_compute = 100 * flops / peak.of(limit);
  state.counters["GB/s"] = read * 1e-9;
  state.counters["GFLOP/s"] = flops * 1e-9;
  state.counters["%read"] = of_read;
  state.counters["%compute"] = of_compute;
  state.counters["%roof"] = std::max(of_read, of_compute);
  state.SetLabel(std::string(of_read > of_compute ? "dram_read" : limit));
}

void register_all() {
  const CpuFeatures features = detect_cpu_features();
  for (const cpu::KernelTable* table : cpu::all_tables()) {
    if (!table->supported(features)) continue;
    const std::string isa = table->isa;
    for (const DTypeInfo& info : all_dtypes()) {
      const DType type = info.type;
      if (decode_row_function(type) == nullptr) continue;
      for (const Activations activations : all_activations()) {
        const std::string mode(activations_name(activations));
        for (const int64_t rows : {1, 4, 16, 64, 512}) {
          const std::string name = "linear/" + isa + "/" + mode + "/" + std::string(info.name) +
                                   "/" + std::to_string(rows);
          benchmark::RegisterBenchmark(
              name.c_str(),
              [=](benchmark::State& state) { linear(state, isa, activations, type, rows); })
              ->UseRealTime()
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
    benchmark::AddCustomContext("peak " + std::string(peak.name) + " G/s",
                                std::to_string(peak.per_second * 1e-9));
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
