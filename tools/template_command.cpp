// infer template: a talk as a model's chat template renders it, byte for byte.
#include <cstdio>
#include <memory>
#include <optional>

#include "core/text/chat_template.h"
#include "gguf/chat_templates.h"
#include "gguf/file.h"
#include "gguf/vocab_loader.h"
#include "tools/command.h"
#include "tools/date_time.h"
#include "tools/default_model.h"
#include "tools/json_value.h"

namespace weft::tools {
namespace {

struct TemplateFlags {
  std::string source, messages, tools, variables, name;
  bool no_generation_prompt = false;
  std::optional<std::string> now, bos, eos;
};

// A template's text, and the tokens that its model has for it.
struct Source {
  std::string text, bos, eos;
};

std::string token_text(const Vocab& vocab, const std::optional<int32_t>& id) {
  return id ? vocab.tokens[static_cast<size_t>(*id)] : "";
}

Result<Source> load(const TemplateFlags& flags) {
  Source source;
  if (flags.source.ends_with(".jinja")) {
    WEFT_TRY_ASSIGN(source.text, read_text_file(flags.source));
    return source;
  }
  WEFT_TRY_ASSIGN(const std::string path, require_model(flags.source));
  WEFT_TRY_ASSIGN(const gguf::File file, gguf::File::open(path));
  WEFT_TRY_ASSIGN(const ChatTemplateSources templates, gguf::load_chat_templates(file.metadata()));
  const std::string* text = templates.find(flags.name);
  if (!text) {
    std::string message = path + ": no chat template";
    if (!flags.name.empty()) message += " of the name \"" + flags.name + "\"";
    for (const auto& [name, other] : templates.by_name) {
      message += name.empty() ? "; there is a default one" : "; there is \"" + name + "\"";
    }
    return fail(ErrorCode::kNotFound, message);
  }
  source.text = *text;
  WEFT_TRY_ASSIGN(const Vocab vocab, gguf::load_vocab(file.metadata()));
  source.bos = token_text(vocab, vocab.bos_id);
  source.eos = token_text(vocab, vocab.eos_id);
  return source;
}

Result<void> render(const TemplateFlags& flags) {
  WEFT_TRY_ASSIGN(const Source source, load(flags));
  ChatInput input;
  WEFT_TRY_ASSIGN(input.messages, read_json_value(flags.messages));
  if (!input.messages.is_list()) {
    return fail(ErrorCode::kInvalidArgument, flags.messages + ": " +
                                                 std::string(input.messages.type_name()) +
                                                 ", expected a list of messages");
  }
  if (!flags.tools.empty()) {
    WEFT_TRY_ASSIGN(input.tools, read_json_value(flags.tools));
  }
  if (!flags.variables.empty()) {
    WEFT_TRY_ASSIGN(const jinja::Value more, read_json_value(flags.variables));
    if (!more.is_dict()) {
      return fail(ErrorCode::kInvalidArgument, flags.variables + ": expected an object");
    }
    for (const auto& [name, value] : more.as_dict().items) {
      input.extra.emplace_back(name.as_string(), value);
    }
  }
  input.add_generation_prompt = !flags.no_generation_prompt;
  input.bos_token = flags.bos.value_or(source.bos);
  input.eos_token = flags.eos.value_or(source.eos);
  if (flags.now) {
    WEFT_TRY_ASSIGN(const DateTime now, parse_date_time(*flags.now));
    input.clock = [now] { return now; };
  }
  WEFT_TRY_ASSIGN(const ChatTemplate parsed, ChatTemplate::parse(source.text));
  WEFT_TRY_ASSIGN(const RenderedPrompt prompt, parsed.render(input));
  std::fwrite(prompt.text.data(), 1, prompt.text.size(), stdout);
  return {};
}

}  // namespace

void add_template_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<TemplateFlags>();
  CLI::App* command =
      app.add_subcommand("template", "Messages as a model's chat template renders them");
  command
      ->add_option("source", flags->source,
                   "A model (a path or a name below $WEFT_MODELS) or a file FILE.jinja")
      ->required();
  command->add_option("--messages", flags->messages, "JSON file: a list of messages")->required();
  command->add_option("--tools", flags->tools, "JSON file: a list of tools");
  command->add_option("--variables", flags->variables,
                      "JSON file: an object of more variables for the template");
  command->add_option("--name", flags->name, "Which of the model's templates (its default one)");
  command->add_flag("--no-generation-prompt", flags->no_generation_prompt,
                    "Do not end with the beginning of the answer");
  command->add_option("--now", flags->now, "The time that the template sees: 2026-01-02T03:04:05");
  command->add_option("--bos", flags->bos, "The text of bos_token (the model's)");
  command->add_option("--eos", flags->eos, "The text of eos_token (the model's)");
  command->callback([flags, &exit_code] {
    if (flags->now) {
      if (const auto now = parse_date_time(*flags->now); !now) {
        exit_code = report_usage(now.error().message);
        return;
      }
    }
    auto result = render(*flags);
    exit_code = result ? kExitOk : report(result.error());
  });
}

}  // namespace weft::tools
