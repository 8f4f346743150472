// The CPU backend's products, each with its rate and the share of the peak that was
// measured in the same process a moment before: memory reads for one row, multiply-adds for many.
//   weft_bench_kernels --benchmark_filter=linear/avx2/Q4_K
// WEFT_BENCH_THREADS sets the threads (1).
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/backend.h"
#include "core/platform/environment.h"
#include "core/quant/decode.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/peaks.h"

namespace weft::bench {
namespace {

using cpu::measure_peaks;
using cpu::Peaks;

// A matrix of an 8B model, large enough (9 MB at 4.5 bits) to come from memory.
constexpr int64_t kColumns = 4096;
constexpr int64_t kInput = 4096;

int threads() {
  const std::string text = platform::environment("WEFT_BENCH_THREADS");
  return text.empty() ? 1 : std::max(1, std::atoi(text.c_str()));
}

const Peaks& peaks() {
  static const Peaks measured = measure_peaks(threads());
  return measured;
}

// Any bytes decode to something; what they weigh does not change the speed, unless they are NaN
// or subnormal: blocks of small positive bytes are neither.
std::vector<std::byte> some_blocks(DType type, int64_t elements) {
  std::mt19937 random(1);
  std::vector<std::byte> bytes(static_cast<std::size_t>(*row_bytes(type, elements)));
  for (std::byte& b : bytes) b = static_cast<std::byte>(0x20 + random() % 8);
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

void linear(benchmark::State& state, const std::string& isa, DType type, int64_t rows) {
  const auto backend = create_cpu_backend({.threads = threads(), .isa = isa}).value();
  const auto bytes = some_blocks(type, kColumns * kInput);
  const HostTensor tensor = {"w", type, {kInput, kColumns, 1, 1}, bytes};
  const auto weight = backend->load_weight(tensor).value();
  std::vector<float> x(static_cast<std::size_t>(rows * kInput), 0.5f);
  std::vector<float> out(static_cast<std::size_t>(rows * kColumns));
  const LinearOutput output = {weight.get(), nullptr, {out.data(), rows, kColumns}};
  const Peaks& peak = peaks();
  const double seconds = seconds_each(state, [&] {
    backend->linear({x.data(), rows, kInput}, {&output, 1});
  });

  const double flops = 2.0 * static_cast<double>(rows * kColumns * kInput) / seconds;
  const double read = static_cast<double>(bytes.size()) / seconds;
  state.counters["GB/s"] = read * 1e-9;
  state.counters["GFLOP/s"] = flops * 1e-9;
  state.counters["%read"] = 100 * read / peak.read_bytes_per_s;
  state.counters["%fma"] = 100 * flops / peak.flops;
}

void register_all() {
  const CpuFeatures features = detect_cpu_features();
  for (const cpu::KernelTable* table : cpu::all_tables()) {
    if (!table->supported(features)) continue;
    const std::string isa = table->isa;
    for (const DTypeInfo& info : all_dtypes()) {
      const DType type = info.type;
      if (decode_row_function(type) == nullptr) continue;
      for (const int64_t rows : {1, 4, 16, 64, 512}) {
        const std::string name =
            "linear/" + isa + "/" + std::string(info.name) + "/" + std::to_string(rows);
        benchmark::RegisterBenchmark(
            name.c_str(), [=](benchmark::State& state) { linear(state, isa, type, rows); })
            ->UseRealTime()
            ->Unit(benchmark::kMicrosecond);
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
  benchmark::AddCustomContext("peak read GB/s", std::to_string(peaks.read_bytes_per_s * 1e-9));
  benchmark::AddCustomContext("peak GFLOP/s", std::to_string(peaks.flops * 1e-9));
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
