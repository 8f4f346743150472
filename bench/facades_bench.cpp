// What a facade adds to a request of the engine beneath it: the same request, over a model so small
// that a step takes microseconds, through the engine alone and through each facade. Compare the
// rows of one run, best with --benchmark_enable_random_interleaving=true --benchmark_repetitions=9.
// items/s are requests.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "api/async_llm/async_llm.h"
#include "api/parallel/parallel_processor.h"

namespace weft {
namespace {

const std::string kPrompt = "Once upon a time there was a loom.";

std::shared_ptr<const Model> model() {
  static const auto loaded =
      Model::load(WEFT_SOURCE_DIR "/tests/fixtures/weft-mini-llama-F32.gguf", {.threads = 1});
  if (!loaded) std::abort();
  return *loaded;
}

// As AsyncLLM asks for it.
Request request(int32_t tokens) {
  return {.prompt = kPrompt,
          .max_tokens = tokens,
          .min_tokens = tokens,
          .sampling = {.temperature = 0, .top_k = -1, .top_p = 1},
          .report_blocks = true};
}
llm::SamplingParams params(int32_t tokens) {
  return {.temperature = 0, .max_tokens = tokens, .min_tokens = tokens};
}

std::string drain(TokenStream& stream) {
  std::string text;
  while (auto token = stream.next().value()) text += token->text;
  return text;
}

std::unique_ptr<Engine> engine() {
  return Engine::create(model(), {.num_blocks = 1024, .kv_type = "f16"}).value();
}

// One request after the other. Arguments: tokens.
void engine_request(benchmark::State& state) {
  const auto e = engine();
  const Request r = request(static_cast<int32_t>(state.range(0)));
  for (auto _ : state) {
    TokenStream stream = e->submit(r).value();
    benchmark::DoNotOptimize(drain(stream));
  }
  state.SetItemsProcessed(state.iterations());
}
void async_llm_generate(benchmark::State& state) {
  llm::AsyncLLM llm = llm::AsyncLLM::create(model(), {}).value();
  const auto p = params(static_cast<int32_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(llm.generate(kPrompt, p).get());
  state.SetItemsProcessed(state.iterations());
}
void async_llm_stream(benchmark::State& state) {
  llm::AsyncLLM llm = llm::AsyncLLM::create(model(), {}).value();
  const auto p = params(static_cast<int32_t>(state.range(0)));
  for (auto _ : state) {
    llm::Stream stream = llm.generate_stream(kPrompt, p);
    while (auto output = stream.next().value()) benchmark::DoNotOptimize(output);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(engine_request)->Arg(1)->Arg(100)->UseRealTime();
BENCHMARK(async_llm_generate)->Arg(1)->Arg(100)->UseRealTime();
BENCHMARK(async_llm_stream)->Arg(1)->Arg(100)->UseRealTime();

// Thirty-two requests of 20 tokens together.
constexpr int kTogether = 32;
constexpr int32_t kTokens = 20;

void engine_together(benchmark::State& state) {
  const auto e = engine();
  const Request r = request(kTokens);
  for (auto _ : state) {
    std::vector<TokenStream> streams;
    for (int i = 0; i < kTogether; ++i) streams.push_back(e->submit(r).value());
    for (TokenStream& stream : streams) benchmark::DoNotOptimize(drain(stream));
  }
  state.SetItemsProcessed(state.iterations() * kTogether);
}
void async_llm_together(benchmark::State& state) {
  llm::AsyncLLM llm = llm::AsyncLLM::create(model(), {}).value();
  for (auto _ : state) {
    std::vector<std::future<Result<llm::GenerationOutput>>> answers;
    for (int i = 0; i < kTogether; ++i) answers.push_back(llm.generate(kPrompt, params(kTokens)));
    for (auto& answer : answers) benchmark::DoNotOptimize(answer.get());
  }
  state.SetItemsProcessed(state.iterations() * kTogether);
}
void parallel_together(benchmark::State& state) {
  auto processor = parallel::ParallelProcessor::builder(model())
                       .thread_pool({.num_threads = 1})
                       .engine({.num_blocks = 1024, .kv_type = "f16"})
                       .build()
                       .value();
  const std::vector<std::string> prompts(kTogether, kPrompt);
  for (auto _ : state) {
    benchmark::DoNotOptimize(processor.batch_generate(
        prompts, {.max_tokens = kTokens, .temperature = 0, .top_k = -1, .top_p = 1}));
  }
  state.SetItemsProcessed(state.iterations() * kTogether);
}
BENCHMARK(engine_together)->UseRealTime();
BENCHMARK(async_llm_together)->UseRealTime();
BENCHMARK(parallel_together)->UseRealTime();

}  // namespace
}  // namespace weft

BENCHMARK_MAIN();
