// infer bench: how fast a model runs here, and how far that is from what the machine can do.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <unistd.h>

#include "api/trace.h"
#include "core/platform/cpus.h"
#include "tools/bench/handlers.h"
#include "tools/bench/measure.h"
#include "tools/bench/report.h"
#include "tools/command.h"
#include "tools/default_model.h"
#include "tools/options.h"

namespace weft::tools {
namespace {

struct BenchFlags {
  EngineFlags engine;
  EngineConfig config;
  std::string model, trace, form = "md";
  std::vector<int32_t> prompt = {512}, generate = {128}, concurrency = {1}, depth = {0};
  int32_t repetitions = 5;
  bool handlers = false;
};

// Prompts at every depth, then generations at every depth for every number of requests.
std::vector<BenchCase> cases_of(const BenchFlags& flags) {
  std::vector<BenchCase> cases;
  for (const int32_t depth : flags.depth) {
    for (const int32_t tokens : flags.prompt) {
      if (tokens == 0) continue;
      cases.push_back({.kind = BenchCase::Kind::kPrompt, .tokens = tokens, .depth = depth});
    }
  }
  for (const int32_t depth : flags.depth) {
    for (const int32_t tokens : flags.generate) {
      if (tokens == 0) continue;
      for (const int32_t requests : flags.concurrency) {
        cases.push_back({.kind = BenchCase::Kind::kGenerate,
                         .tokens = tokens,
                         .concurrency = requests,
                         .depth = depth});
      }
    }
  }
  return cases;
}

// "avx2" of "cpu avx2, 2 threads".
std::string isa_of(const std::string& device) {
  const size_t begin = device.find(' ') + 1;
  return device.substr(begin, device.find(',') - begin);
}

std::string or_f32(const std::string& kind) { return kind == "auto" ? "f32" : kind; }

Result<std::string> run_cases(const BenchFlags& flags, const std::string& path,
                              const std::shared_ptr<const Model>& model) {
  const ModelInfo& info = model->info();
  WEFT_TRY_ASSIGN(const StepCosts costs, StepCosts::of(path, *model, flags.config.kv_type));
  BenchSubject subject{
      .model = info.name.empty() ? std::filesystem::path(path).stem().string() : info.name,
      .type = costs.main_type(),
      .size_bytes = info.size_bytes,
      .n_params = info.n_params,
      .activations = or_f32(model->options().activations),
      .kv_type = or_f32(flags.config.kv_type)};
  subject.threads = model->options().threads;
  if (subject.threads == 0) subject.threads = platform::usable_cpus();
  {
    WEFT_TRY_ASSIGN(const auto context, Context::create(model, {.n_ctx = 1}));
    subject.isa = isa_of(context->device_description());
  }
  WEFT_TRY_ASSIGN(const uint64_t hash, logits_hash(model, flags.config.kv_type));
  subject.logits_hash = hash_text(hash);

  struct Done {
    std::string test;
    Measured measured;
    uint64_t peak_rss_bytes;
  };
  std::vector<Done> done;
  for (const BenchCase& wanted : cases_of(flags)) {
    if (::isatty(STDERR_FILENO) == 1) {
      std::fprintf(stderr, "\r\033[Kinfer: bench: %s", wanted.name().c_str());
    }
    auto measured = measure(model, flags.config, wanted, flags.repetitions, costs);
    if (::isatty(STDERR_FILENO) == 1) std::fprintf(stderr, "\r\033[K");
    WEFT_TRY(measured);
    done.push_back({wanted.name(), std::move(*measured), peak_rss_bytes()});
  }
  // Last, since the probes take memory that the peaks above must not show.
  const Limits limits = probe_limits(subject.threads);
  std::vector<BenchRow> rows;
  for (const Done& row : done) {
    rows.push_back(row_of(row.test, row.measured, limits, row.peak_rss_bytes));
  }
  for (const BenchRow& row : probe_rows(limits)) rows.push_back(row);
  return format_rows(subject, rows, flags.form);
}

Result<int> bench(BenchFlags flags) {
  WEFT_TRY_ASSIGN(const std::string path, require_model(flags.model));
  if (!flags.trace.empty()) {
    WEFT_TRY_ASSIGN(flags.config.trace, Trace::create(flags.trace));
  }
  WEFT_TRY_ASSIGN(const auto model, load_model(path, flags.engine.model_options()));
  std::string report;
  if (flags.handlers) {
    constexpr int32_t kTokens = 30;
    WEFT_TRY_ASSIGN(const auto rows, measure_handlers(model, flags.config, flags.concurrency,
                                                      kTokens, flags.repetitions));
    report = format_handlers(rows, flags.form);
  } else {
    WEFT_TRY_ASSIGN(report, run_cases(flags, path, model));
  }
  std::fwrite(report.data(), 1, report.size(), stdout);
  if (flags.config.trace) WEFT_TRY(flags.config.trace->close());
  return finish_stdout(kExitOk);
}

}  // namespace

void add_bench_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* command = app.add_subcommand("bench", "Speed, memory, and the share of the limit");
  command->add_option("model", flags->model, "A path or a name below $WEFT_MODELS")->required();
  const auto add_list = [&](const char* names, std::vector<int32_t>& list, int64_t low,
                            int64_t high, const char* what) {
    command->add_option(names, list, what)
        ->delimiter(',')
        ->check(whole_number_in(low, high))
        ->capture_default_str();
  };
  add_list("-p,--prompt", flags->prompt, 0, 1 << 20, "Prompts of so many tokens; 0: none");
  add_list("-n,--generate", flags->generate, 0, 1 << 20, "Generations of so many; 0: none");
  add_list("--concurrency", flags->concurrency, 1, 4096, "Requests at once, for generations");
  add_list("--depth", flags->depth, 0, 1 << 22, "Tokens in the KV cache before");
  command
      ->add_option("-r,--repetitions", flags->repetitions,
                   "Runs of each test, after one to warm up")
      ->check(whole_number_in(1, 10000))
      ->capture_default_str();
  command->add_option("-o,--format", flags->form, "How to print")
      ->check(CLI::IsMember({"md", "json", "csv"}))
      ->capture_default_str();
  command->add_flag("--handlers", flags->handlers,
                    "Requests one after another against requests in turns (--concurrency, -r)");
  command
      ->add_option("--max-batch-tokens", flags->config.max_batch_tokens,
                   "Prompt tokens in one step")
      ->check(whole_number_in(1, 1 << 19))
      ->capture_default_str();
  command->add_option("--block-size", flags->config.block_size, "Tokens of a KV block; divides 256")
      ->check(whole_number_in(1, 256))
      ->capture_default_str();
  command
      ->add_option("--kv-type", flags->config.kv_type, "How keys and values are kept (auto = f32)")
      ->check(CLI::IsMember({"auto", "f32", "f16", "bf16"}))
      ->capture_default_str();
  add_trace_flag(*command, flags->trace);
  flags->engine.add_to(*command);
  command->callback([flags, &exit_code] {
    auto result = bench(*flags);
    exit_code = result ? *result : report(result.error());
  });
}

}  // namespace weft::tools
