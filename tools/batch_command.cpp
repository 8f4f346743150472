// infer batch: many requests from a file, their results into another.
#include <chrono>
#include <cstdio>
#include <memory>

#include <nlohmann/json.hpp>

#include "api/engine.h"
#include "api/trace.h"
#include "core/atomic_file.h"
#include "core/model/decoder.h"
#include "tools/batch/batch_run.h"
#include "tools/batch/line_reader.h"
#include "tools/batch/output_file.h"
#include "tools/batch/progress.h"
#include "tools/batch/resume.h"
#include "tools/command.h"
#include "tools/default_model.h"
#include "tools/interrupt.h"
#include "tools/options.h"

namespace weft::tools {
namespace {

using Clock = std::chrono::steady_clock;

// Nobody reads along: a prompt's computation may take what it takes.
constexpr double kAnyPaceMs = 1e9;

struct BatchFlags {
  EngineFlags engine;
  SchedulingFlags scheduling;
  std::string model, input, output, stats, trace;
  bool resume = false;
  bool overwrite = false;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What a run took, as one JSON object.
Result<void> write_stats(const std::string& path, const Engine& engine, const BatchOutcome& outcome,
                         int64_t resumed, double load_seconds, double seconds) {
  const EngineStats stats = engine.stats();
  const MemoryLedger memory = engine.memory();
  const BatchFigures& figures = outcome.figures;
  const nlohmann::ordered_json object = {
      {"model", engine.model().info().name},
      {"device", engine.device_description()},
      {"interrupted", outcome.interrupted},
      {"requests", figures.requests},
      {"errors", figures.errors},
      {"resumed", resumed},
      {"load_seconds", load_seconds},
      {"seconds", seconds},
      {"prompt_tokens", figures.prompt_tokens},
      {"prompt_tokens_computed", stats.prompt_tokens},
      {"prompt_tokens_cached", stats.cached_tokens},
      {"generated_tokens", figures.generated_tokens},
      {"generated_tokens_per_second",
       seconds > 0 ? static_cast<double>(figures.generated_tokens) / seconds : 0},
      {"steps", stats.steps},
      {"preemptions", stats.preemptions},
      {"kv_blocks", stats.blocks_capacity},
      {"weight_bytes", memory.weight_bytes},
      {"kv_bytes", memory.kv_bytes},
      {"workspace_bytes", memory.workspace_bytes},
      {"scratch_bytes", memory.scratch_bytes}};
  WEFT_TRY_ASSIGN(AtomicFile file, AtomicFile::create(path));
  const std::string text = object.dump(2) + "\n";
  WEFT_TRY(file.write(std::as_bytes(std::span(text))));
  return file.commit();
}

void print_summary(const BatchOutcome& outcome, const EngineStats& stats, int64_t resumed,
                   double seconds) {
  const BatchFigures& figures = outcome.figures;
  std::string before;
  if (resumed > 0) before = ", " + std::to_string(resumed) + " done before";
  std::fprintf(stderr,
               "[%lld requests%s, %lld errors | prompts %lld tokens, %llu from the cache | "
               "generated %lld tokens, %.1f tokens/s | %.2f s%s]\n",
               static_cast<long long>(figures.requests), before.c_str(),
               static_cast<long long>(figures.errors),
               static_cast<long long>(figures.prompt_tokens),
               static_cast<unsigned long long>(stats.cached_tokens),
               static_cast<long long>(figures.generated_tokens),
               seconds > 0 ? static_cast<double>(figures.generated_tokens) / seconds : 0, seconds,
               outcome.interrupted ? " | interrupted, --resume goes on" : "");
}

Result<int> batch(const BatchFlags& flags) {
  WEFT_TRY_ASSIGN(LineReader input, LineReader::open(flags.input));
  const auto existing = flags.resume      ? OutputFile::Existing::kResume
                        : flags.overwrite ? OutputFile::Existing::kOverwrite
                                          : OutputFile::Existing::kRefuse;
  WEFT_TRY_ASSIGN(OutputFile output, OutputFile::open(flags.output, existing, input));
  WEFT_TRY_ASSIGN(const int64_t resumed, skip_done(output, input));

  Interrupt interrupt;  // before there is another thread
  const auto loading = Clock::now();
  WEFT_TRY_ASSIGN(const std::string path, require_model(flags.model));
  WEFT_TRY_ASSIGN(auto model, load_model(path, flags.engine.model_options()));
  EngineConfig config = flags.scheduling.engine_config();
  config.max_queue = INT32_MAX;  // the batch's own window bounds it
  config.max_inter_token_ms = kAnyPaceMs;
  if (!flags.trace.empty()) {
    WEFT_TRY_ASSIGN(config.trace, Trace::create(flags.trace));
  }
  WEFT_TRY_ASSIGN(auto engine, Engine::create(std::move(model), config));
  const double load_seconds = seconds_since(loading);

  BatchProgress progress;
  interrupt.defer();  // what is done by then is kept
  const auto start = Clock::now();
  auto outcome =
      run_batch(*engine, input, output,
                {.parallel = config.max_sequences,
                 .input_done = input.offset(),
                 .stop = interrupt.token(),
                 .on_progress = [&](const BatchFigures& figures) { progress.update(figures); }});
  const double seconds = seconds_since(start);
  progress.finish();
  WEFT_TRY(outcome);
  engine->shutdown(Engine::Shutdown::kNow);
  if (config.trace) WEFT_TRY(config.trace->close());
  print_summary(*outcome, engine->stats(), resumed, seconds);
  if (!flags.stats.empty()) {
    WEFT_TRY(write_stats(flags.stats, *engine, *outcome, resumed, load_seconds, seconds));
  }
  return outcome->interrupted ? kExitInterrupted : kExitOk;
}

}  // namespace

void add_batch_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<BatchFlags>();
  flags->scheduling.config.max_sequences = 64;
  CLI::App* command = app.add_subcommand(
      "batch", "Many requests, one JSON object a line, to results in their order");
  command->add_option("model", flags->model, "A path or a name below $WEFT_MODELS")->required();
  command->add_option("requests", flags->input, "The requests (- = standard input)")->required();
  command->add_option("-o,--out", flags->output, "The results (- = standard output)")->required();
  auto* resume =
      command->add_flag("--resume", flags->resume, "Go on with results that an earlier run left");
  command->add_flag("--overwrite", flags->overwrite, "Replace results that are there")
      ->excludes(resume);
  command->add_option("--stats", flags->stats, "Write times, cache and memory figures here (JSON)");
  add_trace_flag(*command, flags->trace);
  flags->scheduling.add_to(*command);
  flags->engine.add_to(*command);
  command->callback([flags, &exit_code] {
    auto result = batch(*flags);
    exit_code = result ? *result : report(result.error());
  });
}

}  // namespace weft::tools
