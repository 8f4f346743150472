// What AsyncModel::generate_stream() costs over the engine's own stream, a token.
//
//   Generate…: the whole way, while the model runs: the difference of the two is what an embedder
//              pays. The model is so small that its step is about as short as the hand-over.
//   Ready…:    next() alone, where every token is there already.
#include <benchmark/benchmark.h>
#include <boost/asio/use_future.hpp>

#include "api/async/model.h"
#include "api/engine.h"

namespace weft::async {
namespace {

constexpr int kTokens = 1000;  // at most: the model may stop by itself, both ways alike
constexpr const char* kModel = WEFT_SOURCE_DIR "/tests/fixtures/weft-mini-llama-F32.gguf";

Request bare_request() {
  Request request{.prompt = "Hello", .max_tokens = kTokens};
  request.sampling.temperature = 0;
  request.logprobs = 0;
  return request;
}

StreamConfig config() {
  StreamConfig config;
  config.max_tokens = kTokens;
  config.temperature = 0;
  config.buffer = 0;
  config.timeout_ms = 0;
  return config;
}

struct World {
  Runtime runtime = Runtime::create({.worker_threads = 1}).value();
  AsyncModel model =
      AsyncModel::load_with_config(runtime, {.model_path = kModel, .threads = 1}, asio::use_future)
          .get()
          .value();
  std::unique_ptr<Engine> engine =
      Engine::create(model.model(), {.max_sequences = 4, .num_blocks = 512}).value();
};

void report(benchmark::State& state, int64_t tokens) {
  state.SetItemsProcessed(tokens);
  state.counters["per_token"] = benchmark::Counter(
      static_cast<double>(tokens), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void GenerateOverTheBareEngine(benchmark::State& state) {
  World world;
  int64_t tokens = 0;
  for ([[maybe_unused]] auto _ : state) {
    auto stream = world.engine->submit(bare_request()).value();
    while (stream.next().value()) ++tokens;
  }
  report(state, tokens);
}
BENCHMARK(GenerateOverTheBareEngine)->Unit(benchmark::kMillisecond)->UseRealTime();

Awaitable<int64_t> read_all(const AsyncModel& model) {
  StreamConfig wanted = config();
  auto stream = co_await model.generate_stream("Hello", wanted);
  int64_t tokens = 0;
  for (;;) {
    auto token = co_await stream->next();
    if (!token.value()) co_return tokens;
    ++tokens;
  }
}

void GenerateOverAsyncModel(benchmark::State& state) {
  World world;
  int64_t tokens = 0;
  for ([[maybe_unused]] auto _ : state) {
    tokens += world.runtime.block_on(read_all(world.model)).value();
  }
  report(state, tokens);
}
BENCHMARK(GenerateOverAsyncModel)->Unit(benchmark::kMillisecond)->UseRealTime();

template <class Finished>
void wait_for(uint64_t requests, const Finished& finished) {
  while (finished() < requests) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void ReadyOverTheBareEngine(benchmark::State& state) {
  World world;
  int64_t tokens = 0;
  uint64_t requests = 0;
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    auto stream = world.engine->submit(bare_request()).value();
    wait_for(++requests, [&] { return world.engine->stats().finished; });
    state.ResumeTiming();
    while (stream.next().value()) ++tokens;
  }
  report(state, tokens);
}
BENCHMARK(ReadyOverTheBareEngine)->Unit(benchmark::kMicrosecond)->Iterations(30)->UseRealTime();

Awaitable<int64_t> read(TokenStream& stream) {
  int64_t tokens = 0;
  for (;;) {
    auto token = co_await stream.next();
    if (!token.value()) co_return tokens;
    ++tokens;
  }
}

void ReadyOverAsyncModel(benchmark::State& state) {
  World world;
  int64_t tokens = 0;
  uint64_t requests = 0;
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    auto stream = world.model.generate_stream("Hello", config(), asio::use_future).get().value();
    wait_for(++requests, [&] { return world.model.stats().finished; });
    state.ResumeTiming();
    tokens += world.runtime.block_on(read(stream)).value();
  }
  report(state, tokens);
}
BENCHMARK(ReadyOverAsyncModel)->Unit(benchmark::kMicrosecond)->Iterations(30)->UseRealTime();

}  // namespace
}  // namespace weft::async

BENCHMARK_MAIN();
