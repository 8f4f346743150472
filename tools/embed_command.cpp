// infer embed: the lines of a text as vectors.
#include <chrono>
#include <cstdio>
#include <memory>

#include "api/engine.h"
#include "tools/command.h"
#include "tools/default_model.h"
#include "tools/embed/embed_lines.h"
#include "tools/embed/embedding_output.h"
#include "tools/interrupt.h"
#include "tools/options.h"

namespace weft::tools {
namespace {

struct EmbedFlags {
  EngineFlags engine;
  SchedulingFlags scheduling;
  std::string model, input = "-", output = "-", pooling;
  bool no_normalize = false, no_bos = false;
};

Result<void> embed(const EmbedFlags& flags) {
  using Clock = std::chrono::steady_clock;
  WEFT_TRY_ASSIGN(LineReader lines, LineReader::open(flags.input));
  Interrupt interrupt;  // before there is another thread
  WEFT_TRY_ASSIGN(const std::string path, require_model(flags.model));
  WEFT_TRY_ASSIGN(auto model, load_model(path, flags.engine.model_options()));
  EngineConfig config = flags.scheduling.engine_config();
  config.max_queue = INT32_MAX;  // the lines' own window bounds it
  WEFT_TRY_ASSIGN(auto engine, Engine::create(std::move(model), config));
  interrupt.defer();  // or what is written by then stays behind
  WEFT_TRY_ASSIGN(const auto output, EmbeddingOutput::create(flags.output));
  const auto start = Clock::now();
  int64_t texts = 0, tokens = 0;
  WEFT_TRY(embed_lines(*engine, lines,
                       {.embed = {.pooling = find_pooling(flags.pooling),
                                  .normalize = !flags.no_normalize,
                                  .add_bos = !flags.no_bos},
                        .stop = interrupt.token()},
                       [&](EmbeddedLine line) {
                         ++texts;
                         tokens += std::ssize(line.embedding.ids);
                         return output->add(line.embedding.values);
                       }));
  WEFT_TRY(output->finish());
  std::fprintf(stderr, "[%lld texts | %lld tokens | %.2f s]\n", static_cast<long long>(texts),
               static_cast<long long>(tokens),
               std::chrono::duration<double>(Clock::now() - start).count());
  return {};
}

}  // namespace

void add_embed_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<EmbedFlags>();
  flags->scheduling.config.max_sequences = 64;
  CLI::App* command = app.add_subcommand("embed", "The lines of a text as vectors");
  command->add_option("model", flags->model, "A path or a name below $WEFT_MODELS")->required();
  command->add_option("file", flags->input, "One text a line (default: standard input)");
  command
      ->add_option("-o,--out", flags->output,
                   "Where to (default: standard output): JSON lines, or an array where it ends "
                   "with .npy")
      ->capture_default_str();
  command
      ->add_option("--pooling", flags->pooling,
                   "How a line's tokens become one vector (default: as the model says)")
      ->check(CLI::IsMember({"last", "mean", "first", "max"}));
  command->add_flag("--no-normalize", flags->no_normalize, "Leave vectors as long as they are");
  command->add_flag("--no-bos", flags->no_bos, "Do not put the model's BOS before a line");
  flags->scheduling.add_to(*command);
  flags->engine.add_to(*command);
  command->callback([flags, &exit_code] {
    auto result = embed(*flags);
    exit_code = result ? kExitOk : report(result.error());
  });
}

}  // namespace weft::tools
