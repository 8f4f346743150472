// Three prompts at once: one forward pass a step serves them all. Usage: async_join [MODEL.gguf]
#include <iostream>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_future.hpp>

#include <weft/async/model.h>

using namespace weft::async;
using namespace boost::asio::experimental::awaitable_operators;

Awaitable<weft::Result<void>> ask(AsyncModel model) {
  auto [one, two, three] =
      co_await (model.generate("What is C++?", 20) && model.generate("What is a weft?", 20) &&
                model.generate("What is a warp?", 20));
  for (const auto* text : {&one, &two, &three}) {
    if (!*text) co_return tl::unexpected(text->error());
    std::cout << "- " << **text << "\n";
  }
  co_return weft::Result<void>();
}

int main(int argc, char** argv) {
  auto runtime = Runtime::create();
  if (!runtime) return std::cerr << runtime.error().message << "\n", 1;
  const std::string path = argc > 1 ? argv[1] : "model.gguf";
  // Futures, for where there is no coroutine.
  auto model = AsyncModel::load(*runtime, path, boost::asio::use_future).get();
  if (!model) return std::cerr << model.error().message << "\n", 1;
  auto asked = runtime->block_on(ask(*model));
  if (!asked) return std::cerr << asked.error().message << "\n", 1;
}
