// Three ways to end a generation early: a deadline, a token, Ctrl+C's way (a signal turned into a
// token). Each stops the work within one step. Usage: async_cancel [MODEL.gguf]
#include <iostream>

#include <weft/async/combine.h>
#include <weft/async/model.h>

using namespace weft::async;
using std::chrono::milliseconds;

void print(const char* what, const weft::Result<std::string>& text) {
  std::cout << what << ": "
            << (text ? "done, " + std::to_string(text->size()) + " bytes"
                     : std::string(weft::error_code_name(text.error().code)) + " (" +
                           text.error().message + ")")
            << "\n";
}

Awaitable<weft::Result<void>> run(Runtime& runtime, std::string path) {
  auto model = co_await AsyncModel::load(runtime, path);
  if (!model) co_return tl::unexpected(model.error());

  // A deadline: whatever is awaited inside is cancelled when the time is over.
  print("deadline", co_await with_timeout(milliseconds(2), model->generate("Tell me all", 2000)));

  // A token, which any thread may cancel and any number of calls may share.
  const CancellationToken stop;
  auto cancelled = runtime.spawn_blocking([stop] { stop.cancel(); });
  print("token", co_await model->generate("Tell me all", 2000, stop));
  co_await cancelled.join();

  // The model's own limit, for callers that name none.
  StreamConfig config;
  config.max_tokens = 2000;
  config.timeout_ms = 1;
  auto stream = co_await model->generate_stream("Tell me all", config);
  int tokens = 0;
  while (stream) {
    auto token = co_await stream->next();
    if (token && *token && ++tokens) continue;
    std::cout << "stream: " << tokens << " tokens, then "
              << (token ? "the end" : token.error().message) << "\n";
    break;
  }
  co_return weft::Result<void>();
}

int main(int argc, char** argv) {
  auto runtime = Runtime::create();
  if (!runtime) return std::cerr << runtime.error().message << "\n", 1;
  auto ran = runtime->block_on(run(*runtime, argc > 1 ? argv[1] : "model.gguf"));
  if (!ran) return std::cerr << ran.error().message << "\n", 1;
}
