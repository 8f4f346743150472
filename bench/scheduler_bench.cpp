// What the scheduler adds to a step: next() and complete() around a backend that does nothing,
// with the allocations of all iterations, which must be 0 where no request comes or goes. The
// null backend's own part (advance a count, append an id) is timed too. items/s are sequences.
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/allocation_counter.h"
#include "scheduler/step_scheduler.h"

namespace weft {
namespace {

constexpr int32_t kPrompt = 100;
constexpr int32_t kGenerated = 4000;

struct Load {
  BlockManager blocks;
  StepScheduler scheduler;
  std::deque<GenerationState> states;
  double now = 0;

  Load(int32_t num_sequences, int32_t extra)
      : blocks({.num_blocks = (num_sequences + extra) * ((kPrompt + kGenerated) / 16 + 1)}),
        scheduler({.max_batch_tokens = 512, .max_sequences = num_sequences + extra}, blocks) {}

  void add(int32_t num_prompt, int32_t max_tokens) {
    GenerationState& state = states.emplace_back();
    start(state, num_prompt, max_tokens, static_cast<int32_t>(states.size()));
  }
  void start(GenerationState& state, int32_t num_prompt, int32_t max_tokens, int32_t first_id) {
    state.sequence.ids.assign(static_cast<size_t>(num_prompt), first_id);
    state.num_prompt = num_prompt;
    state.limits.max_tokens = max_tokens;
    if (!scheduler.add(state, now)) std::abort();
  }

  // Steps that cost 20 ms and 0.1 ms a prompt token.
  StepPlan step() {
    const StepPlan plan = scheduler.next(now);
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      plan.steps[i].sequence->num_computed += plan.steps[i].num_tokens;
      if (plan.steps[i].num_logits > 0) plan.steps[i].sequence->ids.push_back(7);
    }
    const double seconds = 0.02 + 0.0001 * plan.shape.prompt_tokens;
    now += seconds;
    scheduler.complete(plan, seconds);
    return plan;
  }
  bool all_decode() const {
    for (const GenerationState& state : states) {
      if (!state.decoding()) return false;
    }
    return true;
  }
};

// Every sequence decodes.
void decodes(benchmark::State& state) {
  const auto n = static_cast<int32_t>(state.range(0));
  Load load(n, 0);
  for (int32_t i = 0; i < n; ++i) load.add(kPrompt, kGenerated);
  while (!load.all_decode()) load.step();
  int64_t allocations = 0;
  int64_t before = bench::num_allocations();
  for (auto _ : state) {
    benchmark::DoNotOptimize(load.step());
    if (load.states.front().num_generated() == kGenerated - 1) {
      allocations += bench::num_allocations() - before;
      state.PauseTiming();
      for (GenerationState& s : load.states) load.scheduler.truncate(s, kPrompt + 1);
      load.step();  // makes the blocks at the cuts writable
      state.ResumeTiming();
      before = bench::num_allocations();
    }
  }
  allocations += bench::num_allocations() - before;
  state.counters["allocations"] = static_cast<double>(allocations);
  state.SetItemsProcessed(state.iterations() * n);
}
BENCHMARK(decodes)->Arg(1)->Arg(16)->Arg(64)->Arg(256);

// The same while a long prompt is computed in chunks sized by the cost model.
void decodes_and_a_prompt(benchmark::State& state) {
  const auto n = static_cast<int32_t>(state.range(0));
  Load load(n, 1);
  for (int32_t i = 0; i < n; ++i) load.add(kPrompt, kGenerated);
  while (!load.all_decode()) load.step();
  for (int i = 0; i < 5; ++i) load.step();
  load.add(kGenerated, 1);
  GenerationState& prompt = load.states.back();
  int32_t id = 1000000;  // of each prompt another, so that nothing of it is cached
  for (auto _ : state) {
    benchmark::DoNotOptimize(load.step());
    const bool worn = load.states.front().num_generated() == kGenerated - 1;
    if (prompt.num_generated() == 0 && !worn) continue;
    state.PauseTiming();
    if (worn) {
      for (GenerationState& s : load.states) {
        if (&s != &prompt) load.scheduler.truncate(s, kPrompt + 1);
      }
    }
    load.scheduler.remove(prompt);
    load.start(prompt, kGenerated, 1, ++id);
    load.step();
    state.ResumeTiming();
  }
}
BENCHMARK(decodes_and_a_prompt)->Arg(1)->Arg(16)->Arg(64)->Arg(255);

// In every step one of the sequences ends and another, of 100 tokens, is admitted.
void coming_and_going(benchmark::State& state) {
  const auto n = static_cast<int32_t>(state.range(0));
  Load load(n, 2);
  for (int32_t i = 0; i < n; ++i) load.add(kPrompt, kGenerated);
  while (!load.all_decode()) load.step();
  size_t next = 0;
  int32_t id = 1000000;
  for (auto _ : state) {
    GenerationState& leaving = load.states[next++ % load.states.size()];
    load.scheduler.remove(leaving);
    load.start(leaving, kPrompt, kGenerated, ++id);
    benchmark::DoNotOptimize(load.step());
  }
}
BENCHMARK(coming_and_going)->Arg(16)->Arg(64)->Arg(256);

}  // namespace
}  // namespace weft

BENCHMARK_MAIN();
