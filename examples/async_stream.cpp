// Tokens as they are made, in a coroutine. Usage: async_stream [MODEL.gguf]
#include <iostream>

#include <weft/async/model.h>

using namespace weft::async;

Awaitable<weft::Result<void>> tell(const Runtime& runtime, std::string path) {
  auto model = co_await AsyncModel::load(runtime, path);
  if (!model) co_return tl::unexpected(model.error());
  auto stream = co_await model->generate_stream("Once upon a time", {.max_tokens = 40});
  if (!stream) co_return tl::unexpected(stream.error());
  for (;;) {
    auto token = co_await stream->next();
    if (!token) co_return tl::unexpected(token.error());
    if (!*token) break;
    std::cout << (*token)->text << std::flush;
    if ((*token)->is_final) std::cout << "\n[" << stream->tokens_generated() << " tokens]\n";
  }
  co_return weft::Result<void>();
}

int main(int argc, char** argv) {
  auto runtime = Runtime::builder().worker_threads(2).build();
  if (!runtime) return std::cerr << runtime.error().message << "\n", 1;
  auto told = runtime->block_on(tell(*runtime, argc > 1 ? argv[1] : "model.gguf"));
  if (!told) return std::cerr << told.error().message << "\n", 1;
}
