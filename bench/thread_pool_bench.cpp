// What a parallel region costs: beside the work in it, back to back as a step's operations are,
// after a pause, and while other programs want the processors too.
//   weft_bench_thread_pool --benchmark_filter=/2
#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/thread_pool.h"

namespace weft::bench {
namespace {

using Clock = std::chrono::steady_clock;

// About `rounds` nanoseconds that no compiler takes away: a chain of dependent multiplications.
void work(int64_t rounds) {
  uint64_t value = 1;
  for (int64_t i = 0; i < rounds; ++i) {
    value *= 0x9e3779b97f4a7c15;
    asm volatile("" : "+r"(value));
  }
}

// What that takes, undisturbed.
double seconds_of(int64_t rounds) {
  double best = 1;
  for (int i = 0; i < 200; ++i) {
    const auto start = Clock::now();
    for (int j = 0; j < 8; ++j) work(rounds);
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count() / 8);
  }
  return best;
}

// Other programs: threads that never rest, for as long as this lives.
class BusyNeighbours {
 public:
  explicit BusyNeighbours(int count) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([](const std::stop_token& stop) {
        while (!stop.stop_requested()) work(1000);
      });
    }
  }

 private:
  std::vector<std::jthread> threads_;
};

// Nothing in it: the cost itself.
void empty(benchmark::State& state) {
  const int threads = static_cast<int>(state.range(0));
  const auto pool = ThreadPool::create(threads).value();
  for (auto _ : state) {
    pool->parallel_for(threads, 1, [](int64_t, int64_t, int) {});
  }
}
BENCHMARK(empty)->ArgName("threads")->Arg(1)->Arg(2)->Arg(4)->UseRealTime();

// The regions of one layer at one token: eight of them, 16 slices each, with what the caller does
// alone between two. `over` is the time beyond a perfect division of the work.
void layer(benchmark::State& state) {
  const int threads = static_cast<int>(state.range(0));
  const int64_t slice = state.range(1);
  const auto pool = ThreadPool::create(threads).value();
  constexpr int kRegions = 8;
  constexpr int kSlices = 16;
  constexpr int64_t kBetween = 500;
  const double alone = seconds_of(kBetween) + kSlices * seconds_of(slice) / threads;
  const BusyNeighbours neighbours(static_cast<int>(state.range(2)));
  std::vector<double> seconds;
  for (auto _ : state) {
    const auto start = Clock::now();
    for (int r = 0; r < kRegions; ++r) {
      work(kBetween);
      pool->parallel_for(kSlices, 1, [slice](int64_t first, int64_t end, int) {
        for (int64_t i = first; i < end; ++i) work(slice);
      });
    }
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  // Of a median layer: whoever else runs here shows in the mean.
  state.counters["over_ns"] = (seconds[seconds.size() / 2] / kRegions - alone) * 1e9;
  state.counters["worst_us"] = seconds.back() * 1e6;
}
BENCHMARK(layer)
    ->ArgNames({"threads", "slice", "busy"})
    ->ArgsProduct({{2}, {100, 1000, 10000}, {0, 1}})
    ->UseRealTime();

// The first region after a pause in which the workers went to sleep.
void after_a_pause(benchmark::State& state) {
  const int threads = static_cast<int>(state.range(0));
  const auto pool = ThreadPool::create(threads).value();
  for (auto _ : state) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const auto start = Clock::now();
    pool->parallel_for(16, 1, [](int64_t, int64_t, int) { work(1000); });
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - start).count());
  }
}
BENCHMARK(after_a_pause)->ArgName("threads")->Arg(2)->UseManualTime();

}  // namespace
}  // namespace weft::bench

BENCHMARK_MAIN();
