// Two models answer; who is first wins, and the other one stops. Usage: async_race [A.gguf]
// [B.gguf]
#include <iostream>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <weft/async/model.h>

using namespace weft::async;
using namespace boost::asio::experimental::awaitable_operators;

Awaitable<weft::Result<void>> race(const Runtime& runtime, std::string a, std::string b) {
  auto first = co_await AsyncModel::load(runtime, a);
  if (!first) co_return tl::unexpected(first.error());
  auto second = co_await AsyncModel::load(runtime, b);
  if (!second) co_return tl::unexpected(second.error());

  auto won =
      co_await (first->generate("The answer is", 60) || second->generate("The answer is", 6));
  const auto& text = won.index() == 0 ? std::get<0>(won) : std::get<1>(won);
  if (!text) co_return tl::unexpected(text.error());
  std::cout << "model " << won.index() + 1 << " was first: " << *text << "\n";
  co_return weft::Result<void>();
}

int main(int argc, char** argv) {
  auto runtime = Runtime::create();
  if (!runtime) return std::cerr << runtime.error().message << "\n", 1;
  const std::string a = argc > 1 ? argv[1] : "model.gguf";
  auto raced = runtime->block_on(race(*runtime, a, argc > 2 ? argv[2] : a));
  if (!raced) return std::cerr << raced.error().message << "\n", 1;
}
