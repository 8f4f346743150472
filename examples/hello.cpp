// weft in ten lines: load a model, generate, print. Usage: hello [MODEL.gguf]
#include <iostream>

#include <weft/model.h>

int main(int argc, char** argv) {
  auto model = weft::Model::load(argc > 1 ? argv[1] : "model.gguf");
  if (!model) return std::cerr << model.error().message << "\n", 1;
  auto context = weft::Context::create(*model, {.n_ctx = 2048});
  if (!context) return std::cerr << context.error().message << "\n", 1;
  auto result = (*context)->generate("Once upon a time", {.max_tokens = 64});
  if (!result) return std::cerr << result.error().message << "\n", 1;
  std::cout << result->text << "\n";
}
