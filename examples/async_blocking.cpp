// Blocking work beside coroutines: a batch of prompts on a thread that may wait, while the event
// loop goes on. Usage: async_blocking [MODEL.gguf]
#include <iostream>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <weft/async/runtime.h>
#include <weft/parallel/parallel_processor.h>

using namespace weft::async;

using Results = std::vector<weft::parallel::GenerationResult>;

weft::Result<Results> batch(const std::string& path) {
  WEFT_TRY_ASSIGN(auto model, weft::Model::load(path));
  WEFT_TRY_ASSIGN(auto processor, weft::parallel::ParallelProcessor::builder(model).build());
  const std::vector<std::string> prompts = {"One", "Two", "Three", "Four"};
  return processor.batch_generate(prompts, {.max_tokens = 12});
}

Awaitable<weft::Result<void>> run(Runtime& runtime, std::string path) {
  const auto results = runtime.spawn_blocking([path] { return batch(path); });
  int ticks = 0;
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  while (!results.is_finished()) {
    timer.expires_after(std::chrono::milliseconds(1));
    co_await timer.async_wait(boost::asio::use_awaitable);
    ++ticks;
  }
  auto all = co_await results.join();
  if (!all) co_return tl::unexpected(all.error());
  for (const auto& result : *all) std::cout << "- " << result.text << "\n";
  std::cout << (ticks > 0 ? "the loop went on meanwhile\n" : "done at once\n");
  co_return weft::Result<void>();
}

int main(int argc, char** argv) {
  auto runtime = Runtime::create();
  if (!runtime) return std::cerr << runtime.error().message << "\n", 1;
  auto ran = runtime->block_on(run(*runtime, argc > 1 ? argv[1] : "model.gguf"));
  if (!ran) return std::cerr << ran.error().message << "\n", 1;
}
