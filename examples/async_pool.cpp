// Ten tasks share a pool of three contexts. Usage: async_pool [MODEL.gguf]
#include <iostream>
#include <mutex>
#include <vector>

#include <boost/asio/use_future.hpp>

#include <weft/async/model_pool.h>

using namespace weft::async;

std::mutex printing;

Awaitable<weft::Result<void>> task(ModelPool pool, int number) {
  auto lent = co_await pool.acquire();  // waits its turn
  if (!lent) co_return tl::unexpected(lent.error());
  auto text = co_await (*lent)->generate("Task " + std::to_string(number), 12);
  if (!text) co_return tl::unexpected(text.error());
  // The context goes on where it was: a second turn of the same conversation.
  auto stream = co_await (*lent)->generate_stream({}, {.max_tokens = 6});
  while (stream) {
    auto token = co_await stream->next();
    if (!token || !*token) break;
    *text += (*token)->text;
  }
  const std::lock_guard lock(printing);
  std::cout << number << ": " << *text << "\n";
  co_return weft::Result<void>();  // `lent` is returned here, and cleaned
}

int main(int argc, char** argv) {
  auto runtime = Runtime::create();
  if (!runtime) return std::cerr << runtime.error().message << "\n", 1;
  const AsyncConfig config{.model_path = argc > 1 ? argv[1] : "model.gguf", .context_size = 256};
  auto pool = ModelPool::create(*runtime, config, 3, boost::asio::use_future).get();
  if (!pool) return std::cerr << pool.error().message << "\n", 1;
  std::vector<JoinHandle<void>> tasks;
  for (int i = 0; i < 10; ++i) {
    tasks.push_back(runtime->spawn([pool = *pool, i] { return task(pool, i); }));
  }
  for (const auto& each : tasks) {
    if (auto done = each.get(); !done) return std::cerr << done.error().message << "\n", 1;
  }
  std::cout << "pool: " << pool->stats().size << " instances\n";
}
