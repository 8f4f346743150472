// weft::async from outside: an awaitable on the caller's own io_context, AsyncLLM and a batch give
// the same text. Usage: async MODEL.gguf. Prints the text.
#include <iostream>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <weft/async/model.h>
#include <weft/async_llm/async_llm.h>
#include <weft/parallel/parallel_processor.h>

boost::asio::awaitable<void> generate(std::string path, std::string prompt, std::string& text) {
  auto model = co_await weft::async::AsyncModel::load(path);
  if (!model) co_return;
  auto stream = co_await model->generate_stream(prompt, {.max_tokens = 8, .temperature = 0});
  if (!stream) co_return;
  while (auto token = co_await stream->next()) {
    if (!*token) break;
    text += (*token)->text;
  }
}

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "", prompt = "Once upon a time";
  std::string awaited;
  boost::asio::io_context context;
  boost::asio::co_spawn(context, generate(path, prompt, awaited), boost::asio::detached);
  context.run();

  auto model = weft::Model::load(path);
  if (!model) return std::cerr << model.error().message << "\n", 1;
  auto llm = weft::llm::AsyncLLM::create(*model, {.num_blocks = 64});
  if (!llm) return std::cerr << llm.error().message << "\n", 1;
  auto output = llm->generate(prompt, {.temperature = 0, .max_tokens = 8}).get();
  if (!output) return std::cerr << output.error().message << "\n", 1;

  auto processor = weft::parallel::ParallelProcessor::builder(*model).build();
  if (!processor) return std::cerr << processor.error().message << "\n", 1;
  const std::vector<std::string> prompts = {prompt};
  auto results = processor->batch_generate(prompts, {.max_tokens = 8, .temperature = 0});
  if (!results) return std::cerr << results.error().message << "\n", 1;

  if (awaited.empty() || output->generated_text != awaited || results->front().text != awaited) {
    return std::cerr << awaited << " | " << output->generated_text << " | " << results->front().text
                     << "\n",
           1;
  }
  std::cout << awaited << "\n";
}
