// infer bench: how fast a model runs here, and how far that is from what the machine can do.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <unistd.h>
#include <utility>
#include <vector>

#include "api/trace.h"
#include "core/cpu_features.h"
#include "core/model/decoder.h"
#include "core/platform/cpus.h"
#include "kernels/cpu/dispatch.h"
#include "tools/bench/handlers.h"
#include "tools/bench/limits.h"
#include "tools/bench/measure.h"
#include "tools/bench/prefix.h"
#include "tools/bench/report.h"
#include "tools/bench/stall.h"
#include "tools/command.h"
#include "tools/default_model.h"
#include "tools/options.h"

namespace weft::tools {
namespace {

struct BenchFlags {
  EngineFlags engine;
  EngineConfig config;
  std::string model, trace, form = "md";
  std::vector<std::string> isas = {""}, activations = {"auto"};  // "": the best
  std::vector<int32_t> prompt = {512}, generate = {128}, concurrency = {1}, depth = {0};
  int32_t repetitions = 5;
  bool handlers = false, prefix = false, probe = false, stall = false;

  bool serving() const { return stall || prefix; }
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

// Whether all of a model is computed there: of layers on both, no one limit holds.
bool is_gpu(const std::string& device) {
  return device.starts_with("cuda ") && device.find("; cpu ") == std::string::npos;
}

// "avx2" of "cpu avx2, 2 threads".
std::string isa_of(const std::string& device) {
  const size_t begin = device.find(' ') + 1;
  return device.substr(begin, device.find(',') - begin);
}

int threads_of(const ModelOptions& options) {
  return options.threads != 0 ? options.threads : platform::usable_cpus();
}

void show_on_terminal(const std::string& what) {
  if (::isatty(STDERR_FILENO) != 1) return;
  std::fprintf(stderr, "\r\033[K%s%s", what.empty() ? "" : "infer: bench: ", what.c_str());
}

// "all" becomes the kernel sets that this machine runs.
std::vector<std::string> isas_of(const BenchFlags& flags) {
  if (flags.isas != std::vector<std::string>{"all"}) return flags.isas;
  std::vector<std::string> names;
  const CpuFeatures features = detect_cpu_features();
  for (const cpu::KernelTable* table : cpu::all_tables()) {
    if (table->supported(features)) names.emplace_back(table->isa);
  }
  return names;
}

// What one way of computing, an instruction set and a mode of activations, measured.
class CaseRunner {
 public:
  explicit CaseRunner(const BenchFlags& flags) : flags_(flags) {}

  Result<void> run(const std::string& path, const std::shared_ptr<const Model>& model) {
    const ModelInfo& info = model->info();
    WEFT_TRY_ASSIGN(const StepCosts costs, StepCosts::of(path, *model, flags_.config.kv_type));
    subject = {.model = info.name.empty() ? std::filesystem::path(path).stem().string() : info.name,
               .type = costs.main_type(),
               .size_bytes = info.size_bytes,
               .n_params = info.n_params};
    BenchRow row{.threads = threads_of(model->options()),
                 .activations = info.activations,
                 .kv_type = flags_.config.kv_type == "auto" ? info.kv_type : flags_.config.kv_type};
    {
      WEFT_TRY_ASSIGN(const auto context, Context::create(model, {.n_ctx = 1}));
      row.isa = isa_of(context->device_description());
      on_gpu = is_gpu(context->device_description());
    }
    WEFT_TRY_ASSIGN(const uint64_t hash, logits_hash(model, flags_.config.kv_type));
    row.logits_hash = hash_text(hash);
    if (flags_.serving()) return run_serving(model, row);
    cpu::ReadProbe weights(model->decoder()->host_weights(), row.threads);
    for (const BenchCase& wanted : cases_of(flags_)) {
      row.test = wanted.name();
      show_on_terminal(row.isa + " " + row.activations + " " + row.test);
      auto measured = measure(model, flags_.config, wanted, flags_.repetitions, costs, weights);
      show_on_terminal("");
      WEFT_TRY(measured);
      row.peak_rss_bytes = peak_rss_bytes();
      done_.emplace_back(row, std::move(*measured));
    }
    return {};
  }

  // Of what --stall and --prefix measured: nothing that a probe says anything of.
  const std::vector<BenchRow>& serving() const { return serving_; }

  // Last, since the probes take memory that the rows' peaks must not show.
  std::vector<BenchRow> rows(const cpu::Peaks& peaks) const {
    std::vector<BenchRow> rows;
    for (const auto& [row, measured] : done_) {
      rows.push_back(row);
      set_rates(rows.back(), subject, measured, peaks);
    }
    for (BenchRow& row : probe_rows(peaks)) rows.push_back(std::move(row));
    return rows;
  }

  BenchSubject subject;
  bool on_gpu = false;

 private:
  // `common`: the fields that all rows of this way of computing share.
  Result<void> run_serving(const std::shared_ptr<const Model>& model, const BenchRow& common) {
    const auto add = [&](Result<std::vector<BenchRow>> measured) -> Result<void> {
      show_on_terminal("");
      WEFT_TRY(measured);
      for (BenchRow& row : *measured) {
        row.threads = common.threads;
        row.isa = common.isa;
        row.activations = common.activations;
        row.kv_type = common.kv_type;
        row.logits_hash = common.logits_hash;
        serving_.push_back(std::move(row));
      }
      return {};
    };
    for (const int32_t tokens : flags_.prompt) {
      if (tokens == 0) continue;
      for (const int32_t streams : flags_.concurrency) {
        if (!flags_.stall) break;
        show_on_terminal(common.isa + " " + common.activations + " stall");
        const StallCase wanted{
            .prompt_tokens = tokens, .streams = streams, .stream_tokens = flags_.generate.front()};
        WEFT_TRY(add(measure_stall(model, flags_.config, wanted, flags_.repetitions)));
      }
      if (!flags_.prefix) continue;
      show_on_terminal(common.isa + " " + common.activations + " prefix");
      WEFT_TRY(add(measure_prefix(model, flags_.config, tokens, flags_.repetitions)));
    }
    return {};
  }

  const BenchFlags& flags_;
  std::vector<std::pair<BenchRow, Measured>> done_;
  std::vector<BenchRow> serving_;
};

Result<std::string> run_cases(const BenchFlags& flags, const std::string& path) {
  CaseRunner runner(flags);
  ModelOptions options = flags.engine.model_options();
  for (const std::string& isa : isas_of(flags)) {
    for (const std::string& activations : flags.activations) {
      options.isa = isa;
      options.activations = activations;
      WEFT_TRY_ASSIGN(const auto model, load_model(path, options));
      WEFT_TRY(runner.run(path, model));
    }
  }
  if (flags.serving()) return format_rows(runner.subject, runner.serving(), flags.form);
  WEFT_TRY_ASSIGN(const cpu::Peaks peaks,
                  runner.on_gpu ? gpu_limits() : cpu::measure_peaks(threads_of(options)));
  return format_rows(runner.subject, runner.rows(peaks), flags.form);
}

Result<std::string> run_handlers(const BenchFlags& flags, const std::string& path) {
  if (flags.isas.size() > 1 || flags.isas.front() == "all" || flags.activations.size() > 1) {
    return fail(ErrorCode::kInvalidArgument,
                "--handlers: expected one --isa and one --activations");
  }
  constexpr int32_t kTokens = 30;
  ModelOptions options = flags.engine.model_options();
  options.isa = flags.isas.front();
  options.activations = flags.activations.front();
  WEFT_TRY_ASSIGN(const auto model, load_model(path, options));
  WEFT_TRY_ASSIGN(const auto rows, measure_handlers(model, flags.config, flags.concurrency, kTokens,
                                                    flags.repetitions));
  return format_handlers(rows, flags.form);
}

// 1, 2, 4, … threads up to those asked for: memory is shared, arithmetic is not. Or the GPU.
Result<std::string> run_probes(const BenchFlags& flags) {
  if (flags.engine.model.device == "cuda") {
    WEFT_TRY_ASSIGN(const cpu::Peaks peaks, gpu_limits());
    return format_rows({}, probe_rows(peaks), flags.form);
  }
  std::vector<BenchRow> rows;
  const int most = threads_of(flags.engine.model);
  for (int threads = 1;; threads = std::min(2 * threads, most)) {
    show_on_terminal("probes, " + std::to_string(threads) + " threads");
    for (BenchRow& row : probe_rows(cpu::measure_peaks(threads))) rows.push_back(std::move(row));
    if (threads == most) break;
  }
  show_on_terminal("");
  return format_rows({}, rows, flags.form);
}

Result<std::string> run(const BenchFlags& flags) {
  if (flags.probe) return run_probes(flags);
  WEFT_TRY_ASSIGN(const std::string path, require_model(flags.model));
  return flags.handlers ? run_handlers(flags, path) : run_cases(flags, path);
}

Result<int> bench(BenchFlags flags) {
  if (!flags.trace.empty()) {
    WEFT_TRY_ASSIGN(flags.config.trace, Trace::create(flags.trace));
  }
  WEFT_TRY_ASSIGN(const std::string text, run(flags));
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (flags.config.trace) WEFT_TRY(flags.config.trace->close());
  return finish_stdout(kExitOk);
}

}  // namespace

void add_bench_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* command = app.add_subcommand("bench", "Speed, memory, and the share of the limit");
  command->add_option("model", flags->model, "A path or a name below $WEFT_MODELS");
  command->add_flag("--probe", flags->probe,
                    "No model: what the machine can do, for 1, 2, 4, … threads");
  const auto add_list = [&](const char* names, std::vector<int32_t>& list, int64_t low,
                            int64_t high, const char* what) {
    return command->add_option(names, list, what)
        ->delimiter(',')
        ->check(whole_number_in(low, high))
        ->capture_default_str();
  };
  const auto* prompt =
      add_list("-p,--prompt", flags->prompt, 0, 1 << 20, "Prompts of so many tokens; 0: none");
  add_list("-n,--generate", flags->generate, 0, 1 << 20, "Generations of so many; 0: none");
  const auto* concurrency =
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
  auto* handlers =
      command->add_flag("--handlers", flags->handlers,
                        "Requests one after another against requests in turns (--concurrency, -r)");
  command
      ->add_flag("--stall", flags->stall,
                 "The pace of running streams while long prompts arrive (-p, -n, --concurrency)")
      ->excludes(handlers);
  command
      ->add_flag("--prefix", flags->prefix,
                 "Time to first token with 95 % of the prompt in the cache (-p)")
      ->excludes(handlers);
  command
      ->add_option("--max-batch-tokens", flags->config.max_batch_tokens,
                   "Prompt tokens in one step")
      ->check(whole_number_in(1, 1 << 19))
      ->capture_default_str();
  command->add_option("--block-size", flags->config.block_size, "Tokens of a KV block; divides 256")
      ->check(whole_number_in(1, 256))
      ->capture_default_str();
  add_kv_type_flag(*command, flags->config.kv_type);
  add_trace_flag(*command, flags->trace);
  flags->engine.add_device_to(*command);
  command
      ->add_option("--isa", flags->isas, "CPU kernel sets, one after another; all: every one here")
      ->delimiter(',');
  command
      ->add_option("--activations", flags->activations,
                   "How linear layers hold their inputs, one after another (auto: i16)")
      ->delimiter(',')
      ->check(activation_mode())
      ->capture_default_str();
  command->callback([flags, prompt, concurrency, &exit_code] {
    if (flags->serving()) {
      if (prompt->empty()) flags->prompt = {4096};
      if (concurrency->empty()) flags->concurrency = {4};
    }
    if (flags->model.empty() && !flags->probe) {
      exit_code = report_usage("bench: expected a model, or --probe");
      return;
    }
    auto result = bench(*flags);
    exit_code = result ? *result : report(result.error());
  });
}

}  // namespace weft::tools
