// The snippets of docs/embedding.md on the asynchronous facade, as they stand there; Docs.* in
// tests/tools holds the page to them.
#include <filesystem>
#include <iostream>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "api/async/combine.h"
#include "api/async/model_pool.h"
#include "api/async/task_manager.h"
#include "api/engine_factory.h"
#include "core/model/decoder.h"
#include "tests/async/async_support.h"

namespace weft::async {
namespace {

TEST(EmbeddingGuideAsync, Synchronous) {
  auto model = weft::Model::load(mini_path());
  auto context = weft::Context::create(*model, {.n_ctx = 2048});
  auto result = (*context)->generate("Once upon a time", {.max_tokens = 64});
  if (result) std::cout << result->text << "\n";
  EXPECT_TRUE(result);
}

TEST(EmbeddingGuideAsync, Futures) {
  const std::string path = mini_path();
  auto model = AsyncModel::load(path, asio::use_future).get();
  auto one = model->generate("One", 20, asio::use_future);
  auto two = model->generate("Two", 20, asio::use_future);  // both at once
  std::cout << one.get().value() << two.get().value() << "\n";
}

Awaitable<weft::Result<std::string>> tell(AsyncModel model) {
  using namespace std::chrono_literals;
  StreamConfig config;
  config.max_tokens = 64;
  auto stream = co_await model.generate_stream("Once upon a time", config);
  if (!stream) co_return tl::unexpected(stream.error());
  std::string text;
  while (auto token = co_await stream->next()) {
    if (!*token) break;
    text += (*token)->text;
  }
  auto more = co_await with_timeout(5s, model.generate(text, 20));
  if (!more) co_return tl::unexpected(more.error());  // kTimedOut, say
  co_return text + *more;
}

TEST(EmbeddingGuideAsync, Coroutines) {
  auto runtime = Runtime::builder().worker_threads(2).build();
  auto model = AsyncModel::load(*runtime, mini_path(), asio::use_future).get();
  auto told = runtime->spawn([model] { return tell(*model); });
  EXPECT_TRUE(told.get());
}

TEST(EmbeddingGuideAsync, ALoopOfOnesOwn) {
  const std::string path = mini_path();
  boost::asio::io_context loop;
  auto runtime = Runtime::over(loop);
  AsyncModel::load(*runtime, path, [](weft::Result<AsyncModel> model) {
    if (!model) return;
    model->generate("Hello", 20, [](weft::Result<std::string> text) {
      std::cout << (text ? *text : text.error().message) << "\n";
    });
  });
  loop.run();  // returns when nothing is left to wait for
}

Awaitable<weft::Result<void>> converse(AsyncModel model, std::string file) {
  const ContextParams params{.n_ctx = 1024};
  auto context = co_await AsyncContext::create(model, params);
  if (!context) co_return tl::unexpected(context.error());
  auto first = co_await context->generate("Hello", 20);
  if (!first) co_return tl::unexpected(first.error());
  co_return co_await context->save_state(file);  // load_state() goes on from here, anywhere
}

TEST(EmbeddingGuideAsync, Sessions) {
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  const std::string file = std::filesystem::temp_directory_path() / "weft-guide-session";
  EXPECT_TRUE(runtime.block_on(converse(model, file)));
  std::filesystem::remove(file);
}

TEST(EmbeddingGuideAsync, Service) {
  auto runtime = Runtime::builder().worker_threads(2).thread_name("service").build();
  auto model = AsyncModel::load(*runtime, mini_path(), asio::use_future).get();
  GenerationQueue queue(*runtime);
  TaskManager tasks(*runtime);
  auto worker = tasks.spawn_generation_worker("worker-1", *model, queue);
  auto metrics =
      tasks.spawn_metrics_collector(std::chrono::seconds(10), [](const RuntimeMetrics& m) {
        std::cout << m.total_generations << " generations, " << m.avg_generation_ms << " ms each\n";
      });
  auto text = queue.submit("Hello", {.max_tokens = 20}, asio::use_future);
  EXPECT_TRUE(worker && metrics && text.get());
  tasks.stop_all(asio::use_future).wait();
  auto ended = runtime->shutdown(std::chrono::seconds(10));
  EXPECT_TRUE(ended);
}

// The table of memory: what the ledger says for a model's shape.
TEST(EmbeddingGuideAsync, TheLedgerGivesTwoGiBForLlama2With4096Tokens) {
  ModelConfig config;
  config.n_vocab = 32000;
  config.n_embd = 4096;
  LayerConfig layer;
  layer.n_heads = layer.n_kv_heads = 32;
  layer.head_dim = 128;
  layer.ffn_dim = 11008;
  config.layers.assign(32, layer);
  config.ropes.resize(1);
  const auto backend = create_backend({.device = "cpu", .threads = 1}).value();
  const MemoryLedger ledger =
      DecoderState::ledger(config, 0, *backend, {.max_tokens = 1, .max_logit_rows = 1},
                           {.block_size = 16, .num_blocks = 4096 / 16, .type = DType::kF16});
  EXPECT_EQ(ledger.kv_bytes, size_t{2} << 30);
}

}  // namespace
}  // namespace weft::async
