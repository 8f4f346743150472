// infer run: a prompt in, text out, as it is generated.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "api/chat.h"
#include "api/model.h"
#include "api/trace.h"
#include "core/model/decoder.h"
#include "tools/command.h"
#include "tools/default_model.h"
#include "tools/interrupt.h"
#include "tools/options.h"
#include "tools/session_flags.h"

namespace weft::tools {
namespace {

struct RunFlags {
  EngineFlags engine;
  SessionFlags session;
  const CLI::App* command = nullptr;
  std::string model_flag;
  std::vector<std::string> positionals;  // [MODEL] [PROMPT]
  int max_tokens = 256;
  SamplingParams sampling;
  std::optional<uint64_t> seed;
  int ctx_size = 0;  // 0: what the prompt and max_tokens need
  std::string kv_type = "auto";
  std::string trace;
  std::vector<std::string> stop_strings;
  bool no_bos = false;
  bool json = false;
  bool chat = false;
};

// Where the model and the prompt came from.
struct Work {
  std::string model_path;
  std::string prompt;
};

Result<Work> resolve(const RunFlags& flags) {
  Work work;
  std::vector<std::string> rest = flags.positionals;
  if (!flags.model_flag.empty()) {
    WEFT_TRY_ASSIGN(work.model_path, require_model(flags.model_flag));
  } else if (rest.size() == 2) {
    WEFT_TRY_ASSIGN(work.model_path, require_model(rest.front()));
    rest.erase(rest.begin());
  } else if (rest.size() == 1 && looks_like_model(rest.front())) {
    WEFT_TRY_ASSIGN(work.model_path, require_model(rest.front()));
    rest.clear();
  } else {
    WEFT_TRY_ASSIGN(work.model_path, default_model());
  }
  if (!rest.empty()) {
    work.prompt = rest.front();
  } else if (flags.session.load.empty()) {
    WEFT_TRY_ASSIGN(work.prompt, read_stdin());
    if (work.prompt.ends_with('\n')) work.prompt.pop_back();
  }
  return work;
}

double per_second(double n, double seconds) { return seconds > 0 ? n / seconds : 0; }

const char* plural(size_t n) { return n == 1 ? "" : "s"; }

// computed: tokens of the prompt whose computation prompt_seconds took.
void print_figures(const Generation& g, size_t computed, double load_seconds) {
  const double prompt = static_cast<double>(computed);
  const double decoded = g.ids.empty() ? 0 : static_cast<double>(g.ids.size()) - 1;
  std::fprintf(stderr,
               "[load %.2f s | prompt %zu token%s, %.1f tokens/s | generated %zu token%s, "
               "%.1f tokens/s | %s]\n",
               load_seconds, computed, plural(computed), per_second(prompt, g.prompt_seconds),
               g.ids.size(), plural(g.ids.size()), per_second(decoded, g.generate_seconds),
               std::string(finish_reason_name(g.finish_reason)).c_str());
}

void print_json(const Generation& g, const Model& model, double load_seconds) {
  const nlohmann::ordered_json object = {{"text", g.text},
                                         {"ids", g.ids},
                                         {"prompt_ids", g.prompt_ids},
                                         {"finish_reason", finish_reason_name(g.finish_reason)},
                                         {"model", model.info().name},
                                         {"timings",
                                          {{"load_seconds", load_seconds},
                                           {"prompt_tokens", g.prompt_ids.size()},
                                           {"prompt_seconds", g.prompt_seconds},
                                           {"generated_tokens", g.ids.size()},
                                           {"generate_seconds", g.generate_seconds}}}};
  std::puts(object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

Result<int> run(const RunFlags& flags) {
  using Clock = std::chrono::steady_clock;
  WEFT_TRY_ASSIGN(const Work work, resolve(flags));
  WEFT_TRY_ASSIGN(const int64_t before, flags.session.check());
  const bool goes_on = !flags.session.load.empty();
  Interrupt interrupt;
  const auto start = Clock::now();
  WEFT_TRY_ASSIGN(auto model, load_model(work.model_path, flags.engine.model_options()));
  WEFT_TRY_ASSIGN(const auto prompt_ids,
                  flags.chat ? tokenize_chat(*model, {{"user", work.prompt}})
                             : model->tokenize(work.prompt, !flags.no_bos && !goes_on));

  const int64_t needed = before + std::ssize(prompt_ids) + flags.max_tokens;
  const int64_t n_ctx = flags.ctx_size > 0 ? flags.ctx_size : needed;
  if (n_ctx > INT32_MAX) {
    return fail(ErrorCode::kContextOverflow, "prompt and max-tokens: " + std::to_string(n_ctx) +
                                                 " tokens, expected fewer than 2^31");
  }
  ContextParams params{.n_ctx = static_cast<int32_t>(n_ctx), .kv_type = flags.kv_type};
  if (!flags.trace.empty()) {
    interrupt.defer();  // or what is written by then stays behind
    WEFT_TRY_ASSIGN(params.trace, Trace::create(flags.trace));
  }
  WEFT_TRY_ASSIGN(auto context, Context::create(model, params));
  WEFT_TRY(flags.session.begin(*context));
  const int32_t trained = model->info().n_ctx_train;
  if (trained > 0 && std::min(n_ctx, needed) > trained) {
    std::fprintf(stderr, "infer: warning: %lld tokens may be used, the model was trained on %d\n",
                 static_cast<long long>(std::min(n_ctx, needed)), trained);
  }
  const double load_seconds = std::chrono::duration<double>(Clock::now() - start).count();

  GenerateOptions options{.max_tokens = flags.max_tokens,
                          .stop_strings = flags.stop_strings,
                          .cancel = interrupt.token()};
  options.sampling = given_or(*flags.command, flags.sampling,
                              goes_on ? context->sampling() : model->info().sampling);
  if (flags.seed || !goes_on) {
    options.sampling.seed = flags.seed ? *flags.seed : std::random_device{}();
  }
  size_t printed = 0;
  const OnToken print = [&](int32_t, std::string_view text) {
    interrupt.defer();  // from the first token on there is something to show
    if (flags.json) return true;
    printed += text.size();
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
           std::fflush(stdout) == 0;
  };
  const auto had = static_cast<size_t>(goes_on ? context->num_computed() : 0);
  WEFT_TRY_ASSIGN(const Generation generation, goes_on
                                                   ? context->resume(prompt_ids, options, print)
                                                   : context->generate(prompt_ids, options, print));
  if (flags.json) {
    print_json(generation, *model, load_seconds);
  } else {
    // What was held back for a stop string or an unfinished character; it may hold NUL.
    const std::string_view rest = std::string_view(generation.text).substr(printed);
    std::fwrite(rest.data(), 1, rest.size(), stdout);
    std::fputc('\n', stdout);
  }
  std::fflush(stdout);
  if (params.trace) WEFT_TRY(params.trace->close());
  WEFT_TRY(flags.session.end(*context));
  print_figures(generation, generation.prompt_ids.size() - had, load_seconds);
  return interrupt.requested() ? report_interrupt() : kExitOk;
}

}  // namespace

void add_run_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* command = app.add_subcommand("run", "Generate text from a prompt");
  command
      ->add_option("words", flags->positionals,
                   "[MODEL] [PROMPT]: a path or a name below $WEFT_MODELS, and the text to go "
                   "on from (default: standard input)")
      ->expected(0, -1);
  command->add_option("-m,--model", flags->model_flag, "The model, as a path or a name");
  command->add_option("-n,--max-tokens", flags->max_tokens, "Most tokens to generate")
      ->check(whole_number_in(1, 1 << 30))
      ->capture_default_str();
  SamplingParams& s = flags->sampling;
  add_sampling_flags(*command, s);
  command->add_option("--repeat-penalty", s.repetition_penalty, "Above 1: repeat less")
      ->check(number_above(0, 1e6, "a finite number above 0"))
      ->capture_default_str();
  command->add_option("--presence-penalty", s.presence_penalty, "Taken from ids generated before")
      ->check(number_in(-1e6, 1e6, "a finite number"));
  command->add_option("--frequency-penalty", s.frequency_penalty, "The same, times how often")
      ->check(number_in(-1e6, 1e6, "a finite number"));
  command->add_option("--seed", flags->seed, "Same seed, same text (default: another each time)")
      ->check(unsigned_64());
  command
      ->add_option("--ctx-size", flags->ctx_size,
                   "Most tokens of prompt and answer (default: as many as are asked for)")
      ->check(whole_number_in(1, 1 << 30));
  add_kv_type_flag(*command, flags->kv_type);
  command->add_option("--stop", flags->stop_strings, "End before this text; may be repeated")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
  command->add_flag("--no-bos", flags->no_bos, "Do not put the model's BOS before the prompt");
  command->add_flag("--json", flags->json, "One JSON object: text, ids, finish_reason, timings");
  command->add_flag("--chat", flags->chat, "Render the prompt with the model's chat template");
  add_trace_flag(*command, flags->trace);
  flags->session.add_to(*command);
  flags->command = command;
  flags->engine.add_to(*command);
  command->callback([flags, &exit_code] {
    const size_t words = flags->positionals.size() + (flags->model_flag.empty() ? 0 : 1);
    if (words > 2) {
      exit_code = report_usage("run: \"" + flags->positionals.back() +
                               "\" is one word too many; quote a prompt of several words");
      return;
    }
    if (flags->chat && !flags->session.load.empty()) {
      exit_code = report_usage("run: --chat renders a whole talk; --load-session goes on with one");
      return;
    }
    auto result = run(*flags);
    exit_code = result ? *result : report(result.error());
  });
}

}  // namespace weft::tools
