// What a draw costs beside the forward pass: one row of a vocabulary of 128,256. Flat logits, as
// random weights give, are the worst case: nearly all of the vocabulary is in the nucleus.
#include <vector>

#include <benchmark/benchmark.h>

#include "scheduler/sampler.h"

namespace weft {
namespace {

// range(0): how far apart the logits lie.
void draw(benchmark::State& state, const SamplingParams& params) {
  constexpr int32_t kVocab = 128256;
  std::vector<float> logits(kVocab), scratch;
  uint32_t bits = 1;
  for (float& logit : logits) {
    bits = bits * 1664525 + 1013904223;  // any spread will do
    logit = static_cast<float>(state.range(0)) * static_cast<float>(bits >> 8) * 0x1p-24f;
  }
  Sampler sampler = *Sampler::create(params, kVocab);
  int64_t position = 0;
  for (auto _ : state) {
    scratch = logits;
    benchmark::DoNotOptimize(sampler.sample(scratch, {}, {}, position++));
  }
}

BENCHMARK_CAPTURE(draw, greedy, SamplingParams{.temperature = 0})->Arg(4)->Arg(40);
BENCHMARK_CAPTURE(draw, top_k_40, SamplingParams{.temperature = 0.8f})->Arg(4)->Arg(40);
BENCHMARK_CAPTURE(draw, top_p, SamplingParams{.temperature = 0.7f, .top_k = 0, .top_p = 0.9f})
    ->Arg(4)
    ->Arg(40);

// Penalties over a sequence that has range(0) tokens and grows by one each time.
void penalties(benchmark::State& state) {
  constexpr int32_t kVocab = 128256;
  std::vector<float> logits(kVocab);
  std::vector<int32_t> prompt(static_cast<size_t>(state.range(0))), generated;
  uint32_t bits = 1;
  for (int32_t& id : prompt) {
    bits = bits * 1664525 + 1013904223;
    id = static_cast<int32_t>((bits >> 8) % 8000);  // a text's own words
  }
  Sampler sampler = *Sampler::create(
      {.temperature = 0, .repetition_penalty = 1.1f, .presence_penalty = 0.1f}, kVocab);
  for (auto _ : state) {
    const auto id = sampler.sample(logits, prompt, generated, std::ssize(generated));
    generated.push_back(*id);
  }
}
BENCHMARK(penalties)->Arg(100)->Arg(32768);

}  // namespace
}  // namespace weft

BENCHMARK_MAIN();
