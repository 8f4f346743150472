// infer chat: a talk with a model, turn by turn. The KV of earlier turns is found in the engine's
// prefix cache.
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>

#include "api/engine.h"
#include "tools/chat/line_editor.h"
#include "tools/chat/talk.h"
#include "tools/command.h"
#include "tools/default_model.h"
#include "tools/options.h"

namespace weft::tools {
namespace {

struct ChatFlags {
  const CLI::App* command = nullptr;
  EngineFlags engine;
  std::string model, system, kv_type = "auto";
  int max_tokens = 1024;
  int ctx_size = 4096;
  SamplingParams sampling;
  std::optional<uint64_t> seed;
  bool stats = false;
};

constexpr const char* kHelp =
    "/system TEXT  what the model is told before the talk (nothing: take it away)\n"
    "/clear        begin anew\n"
    "/save FILE    write the talk as JSON\n"
    "/load FILE    go on with a talk that was saved\n"
    "/help         this\n"
    "/quit         leave, as Ctrl+D does; Ctrl+C stops an answer\n";

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

class Chat {
 public:
  Chat(const ChatFlags& flags, std::unique_ptr<Engine> engine)
      : flags_(flags),
        sampling_(given_or(*flags.command, flags.sampling, engine->model().info().sampling)),
        engine_(std::move(engine)) {
    set_system(talk_, flags.system);
  }

  // Whether the talk goes on behind this line.
  bool take(const std::string& line) {
    if (line.empty()) return true;
    if (!line.starts_with('/')) {
      say(line);
      return true;
    }
    const size_t space = std::min(line.find(' '), line.size());
    const std::string word = line.substr(0, space);
    const std::string rest = space < line.size() ? line.substr(space + 1) : "";
    if (word == "/quit" || word == "/exit") return false;
    if (word == "/help") {
      print(kHelp);
    } else if (word == "/clear") {
      clear_talk(talk_);
    } else if (word == "/system") {
      set_system(talk_, rest);
    } else if (word == "/save" || word == "/load") {
      if (rest.empty()) {
        report({ErrorCode::kInvalidArgument, word + ": expected the name of a file"});
      } else if (word == "/save") {
        if (const auto saved = save_talk(talk_, rest); !saved) report(saved.error());
      } else if (auto loaded = load_talk(rest); !loaded) {
        report(loaded.error());
      } else {
        talk_ = std::move(*loaded);
      }
    } else {
      report({ErrorCode::kInvalidArgument, word + ": no such command; /help lists them"});
    }
    return true;
  }

 private:
  // What cannot be answered is taken back: the talk stays as it was.
  void say(const std::string& text) {
    talk_.push_back({"user", text});
    if (auto answer = this->answer()) {
      talk_.push_back({"assistant", std::move(*answer)});
    } else {
      talk_.pop_back();
      report(answer.error());
    }
  }

  Result<std::string> answer() {
    Request request{.max_tokens = flags_.max_tokens, .sampling = sampling_};
    request.sampling.seed = flags_.seed ? *flags_.seed : std::random_device{}();
    WEFT_TRY_ASSIGN(request.prompt_ids, tokenize_chat(engine_->model(), talk_));
    const auto used = static_cast<int>(request.prompt_ids.size());
    if (used >= flags_.ctx_size) {
      return fail(ErrorCode::kContextOverflow,
                  "the talk has " + std::to_string(used) + " tokens, --ctx-size is " +
                      std::to_string(flags_.ctx_size) + "; /clear begins anew");
    }
    request.max_tokens = std::min(request.max_tokens, flags_.ctx_size - used);
    WEFT_TRY_ASSIGN(TokenStream stream, engine_->submit(request));
    interrupted();  // what came before the answer does not stop it
    std::string text;
    const auto start = std::chrono::steady_clock::now();
    for (;;) {
      // Looks for Ctrl+C now and then.
      auto token =
          stream.next_until(std::chrono::steady_clock::now() + std::chrono::milliseconds(50));
      if (interrupted()) stream.cancel();
      if (!token && token.error().code == ErrorCode::kTimedOut) continue;
      if (!token && token.error().code == ErrorCode::kCancelled) break;
      if (!token) return tl::unexpected(token.error());
      if (!*token) break;
      text += (*token)->text;
      print((*token)->text);
    }
    print("\n");
    if (flags_.stats) print_stats(stream.usage(), start);
    return text;
  }

  static void print_stats(const Usage& usage, std::chrono::steady_clock::time_point start) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::fprintf(stderr, "[prompt %d tokens, %d of them cached | generated %d in %.2f s]\n",
                 usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens, took.count());
  }

  const ChatFlags& flags_;
  const SamplingParams sampling_;
  std::unique_ptr<Engine> engine_;
  Talk talk_;
};

Result<int> chat(const ChatFlags& flags) {
  WEFT_TRY_ASSIGN(const std::string path,
                  flags.model.empty() ? default_model() : require_model(flags.model));
  WEFT_TRY_ASSIGN(auto model, load_model(path, flags.engine.model_options()));
  WEFT_TRY(model->chat_template());  // said now and not behind the first line
  constexpr int kBlock = 16;
  WEFT_TRY_ASSIGN(auto engine, Engine::create(model, {.max_sequences = 1,
                                                      .block_size = kBlock,
                                                      .num_blocks = flags.ctx_size / kBlock + 2,
                                                      .kv_type = flags.kv_type}));
  Chat talk(flags, std::move(engine));
  install_interrupt();
  LineEditor editor;
  while (const auto line = editor.read("> ")) {
    if (!talk.take(*line)) break;
  }
  return kExitOk;
}

}  // namespace

void add_chat_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<ChatFlags>();
  CLI::App* command = app.add_subcommand("chat", "Talk with a model");
  command->add_option("model", flags->model,
                      "A path or a name below $WEFT_MODELS (default: the model in the box)");
  command->add_option("--system", flags->system, "What the model is told before the talk");
  command->add_option("-n,--max-tokens", flags->max_tokens, "Most tokens of an answer")
      ->check(whole_number_in(1, 1 << 30))
      ->capture_default_str();
  command->add_option("--ctx-size", flags->ctx_size, "Most tokens of the whole talk")
      ->check(whole_number_in(16, 1 << 30))
      ->capture_default_str();
  add_sampling_flags(*command, flags->sampling);
  command->add_option("--seed", flags->seed, "Same seed, same answers (default: another each time)")
      ->check(unsigned_64());
  command->add_flag("--stats", flags->stats, "Tokens and time of each answer, on standard error");
  add_kv_type_flag(*command, flags->kv_type);
  flags->command = command;
  flags->engine.add_to(*command);
  command->callback([flags, &exit_code] {
    auto result = chat(*flags);
    exit_code = result ? *result : report(result.error());
  });
}

}  // namespace weft::tools
