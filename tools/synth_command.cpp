// infer synth: a model file of an exact shape with random weights, to measure and to test with.
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/synth/model_writer.h"
#include "tools/synth/vocabulary.h"

namespace weft::tools {
namespace {

struct SynthFlags {
  std::string shape, type, out;
  std::optional<int32_t> layers, vocab;
  std::optional<int> threads;
  uint64_t seed = 0;
  bool pure = false;
};

// A wrong name is a wrong argument, told with the names there are.
CLI::Validator known(const char* what, std::function<Result<void>(const std::string&)> find) {
  return CLI::Validator(
      [find = std::move(find)](const std::string& text) -> std::string {
        const Result<void> found = find(text);
        return found ? "" : found.error().message;
      },
      what);
}

Result<void> find_shape(const std::string& name) {
  WEFT_TRY(synth::find_shape(name));
  return {};
}

Result<void> find_type(const std::string& name) {
  WEFT_TRY(synth::find_file_type(name));
  return {};
}

Result<void> synth(const SynthFlags& flags) {
  synth::SynthOptions options;
  WEFT_TRY_ASSIGN(options.shape, synth::find_shape(flags.shape));
  WEFT_TRY_ASSIGN(options.type, synth::find_file_type(flags.type, flags.pure));
  if (flags.layers) options.shape.n_layers = *flags.layers;
  if (flags.vocab) options.shape.n_vocab = *flags.vocab;
  options.seed = flags.seed;
  options.threads =
      flags.threads.value_or(std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
  Interrupt interrupt;
  interrupt.defer();  // what was written so far is to be removed
  options.cancel = interrupt.token();
  Progress progress("synth");
  options.progress = [&](int64_t done, int64_t total) { progress.report(done, total); };
  return synth::write_synthetic_model(options, flags.out);
}

}  // namespace

void add_synth_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<SynthFlags>();
  CLI::App* command =
      app.add_subcommand("synth", "Write a model of an exact shape with random weights");
  std::string shapes;
  for (const synth::Shape& shape : synth::all_shapes()) shapes += " " + shape.name;
  command->add_option("shape", flags->shape, "One of" + shapes)
      ->required()
      ->check(known("SHAPE", find_shape));
  command
      ->add_option("type", flags->type,
                   "A file type (" + synth::mix_names() +
                       "), or a block type (Q4_K, MXFP4, …) for every matrix")
      ->required()
      ->check(known("TYPE", find_type));
  command->add_option("out", flags->out, "The GGUF file to write")->required();
  command->add_option("--seed", flags->seed, "Same seed, same bytes")
      ->check(unsigned_64())
      ->capture_default_str();
  command->add_option("--layers", flags->layers, "Layers (default: the genuine model's)")
      ->check(whole_number_in(1, 1024));
  command->add_option("--vocab", flags->vocab, "Tokens (default: the genuine model's)")
      ->check(whole_number_in(synth::kSmallestVocabulary, 1 << 20));
  command->add_option("--threads", flags->threads, "Worker threads (default: the usable cores)")
      ->check(whole_number_in(1, 1024));
  command->add_flag("--pure", flags->pure, "Store every matrix in the base type, as no mix does");
  command->callback([flags, &exit_code] {
    auto result = synth(*flags);
    exit_code = result ? kExitOk : report(result.error());
  });
}

}  // namespace weft::tools
