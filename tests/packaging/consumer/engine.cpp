// The synchronous library from outside: what a context generates, the engine and a handler do too.
// Usage: engine MODEL.gguf. Prints the text.
#include <iostream>

#include <weft/inference.h>
#include <weft/rank/maxsim.h>

// A project's own header of a name that weft has too.
#include "core/error.h"

int main(int argc, char** argv) {
  static_assert(consumers_own_error_header);
  const std::string prompt = "Once upon a time";
  auto model = weft::Model::load(argc > 1 ? argv[1] : "");
  if (!model) return std::cerr << model.error().message << "\n", 1;
  auto context = weft::Context::create(*model);
  if (!context) return std::cerr << context.error().message << "\n", 1;
  auto alone = (*context)->generate(prompt, {.max_tokens = 8, .sampling = {.temperature = 0}});
  if (!alone) return std::cerr << alone.error().message << "\n", 1;

  std::string streamed;
  auto llama = weft::inference::Llama::create(*model);
  if (!llama) return std::cerr << llama.error().message << "\n", 1;
  auto stream =
      llama->engine().submit({.prompt = prompt, .max_tokens = 8, .sampling = {.temperature = 0}});
  if (!stream) return std::cerr << stream.error().message << "\n", 1;
  for (auto token = stream->next(); token && *token; token = stream->next()) {
    streamed += (*token)->text;
  }
  const std::vector<std::string> texts = {prompt};
  auto vectors = llama->engine().embed_tokens(texts);
  if (!vectors) return std::cerr << vectors.error().message << "\n", 1;
  auto score = weft::rank::score(vectors->front(), vectors->front(), {.normalize = true});
  if (!score || *score < 0.999f) return std::cerr << "a text does not match itself\n", 1;

  auto inference =
      weft::inference::InferenceBuilder<weft::inference::Llama>().with_model(*llama).build(
          weft::inference::concurrent_streaming_handler);
  auto outputs = inference
                     .infer(weft::inference::GenerateRequest{
                         .prompt = prompt, .max_tokens = 8, .temperature = 0})
                     .with_devices({"cpu"})
                     .run();
  if (!outputs) return std::cerr << outputs.error().message << "\n", 1;
  std::string handled;
  for (const auto& output : *outputs) handled += output.token;

  if (streamed != alone->text || handled != alone->text) {
    return std::cerr << alone->text << " | " << streamed << " | " << handled << "\n", 1;
  }
  std::cout << alone->text << "\n";
}
