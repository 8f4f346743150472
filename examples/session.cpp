// A talk that is interrupted, kept in a file and gone on with by somebody else, to the bit as if
// nothing had happened. Usage: session [MODEL.gguf] [FILE]
#include <filesystem>
#include <iostream>

#include <weft/model.h>

int main(int argc, char** argv) {
  auto model = weft::Model::load(argc > 1 ? argv[1] : "model.gguf");
  if (!model) return std::cerr << model.error().message << "\n", 1;
  const std::string file = argc > 2 ? argv[2] : std::string(argv[0]) + ".saved";

  // What it comes to without an interruption.
  weft::GenerateOptions options{.max_tokens = 40, .sampling = {.seed = 7}};
  auto whole = weft::Context::create(*model, {.n_ctx = 512}).value();
  auto expected = whole->generate("Once upon a time", options);
  if (!expected) return std::cerr << expected.error().message << "\n", 1;

  std::string text;
  {
    auto context = weft::Context::create(*model, {.n_ctx = 512}).value();
    options.max_tokens = 15;
    text = context->generate("Once upon a time", options).value().text;
    // Ids, what they are drawn with, keys and values: whole or not at all.
    auto saved = context->save(file);
    if (!saved) return std::cerr << saved.error().message << "\n", 1;
  }
  std::cout << text << " [saved: " << std::filesystem::file_size(file) << " bytes]";

  // In another process, say, or after the next start of the machine.
  auto context = weft::Context::create(*model, {.n_ctx = 512}).value();
  auto loaded = context->load(file);
  if (!loaded) return std::cerr << loaded.error().message << "\n", 1;
  options.max_tokens = 25;
  options.sampling = context->sampling();
  auto rest = context->resume({}, options);
  if (!rest) return std::cerr << rest.error().message << "\n", 1;
  std::cout << rest->text << "\n";

  // A file that was damaged is refused, and says why; the context goes on as it was.
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  std::cout << "Cut in half: " << context->load(file).error().message << "\n";
  std::filesystem::remove(file);
  return text + rest->text == expected->text ? 0 : 1;
}
