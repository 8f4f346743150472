// infer tokenize and infer detokenize: text to ids and back, without loading any weight.
#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/text/tokenizer.h"
#include "gguf/file.h"
#include "gguf/vocab_loader.h"
#include "tools/command.h"
#include "tools/default_model.h"
#include "tools/id_list.h"

namespace weft::tools {
namespace {

Result<std::unique_ptr<Tokenizer>> load_tokenizer(const std::string& model) {
  WEFT_TRY_ASSIGN(const std::string path, require_model(model));
  WEFT_TRY_ASSIGN(const gguf::File file, gguf::File::open(path));
  WEFT_TRY_ASSIGN(Vocab vocab, gguf::load_vocab(file.metadata()));
  return Tokenizer::create(std::move(vocab));
}

struct TokenizeFlags {
  std::string model;
  std::optional<std::string> text;
  bool json = false, no_bos = false, parse_special = false;
};

Result<void> tokenize(const TokenizeFlags& flags) {
  WEFT_TRY_ASSIGN(const auto tokenizer, load_tokenizer(flags.model));
  std::string text;
  if (flags.text) {
    text = *flags.text;
  } else {
    WEFT_TRY_ASSIGN(text, read_stdin());
  }
  WEFT_TRY_ASSIGN(const std::vector<int32_t> ids,
                  tokenizer->encode(
                      text, {.add_special = !flags.no_bos, .parse_special = flags.parse_special}));
  if (!flags.json) {
    fmt::print("{}\n", fmt::join(ids, " "));
    return {};
  }
  std::vector<std::string> pieces;
  for (const int32_t id : ids) pieces.push_back(tokenizer->piece(id, true));
  const nlohmann::ordered_json object = {{"ids", ids}, {"pieces", pieces}};
  fmt::print("{}\n", object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  return {};
}

struct DetokenizeFlags {
  std::string model;
  std::vector<std::string> ids;
  bool special = false;
};

Result<void> detokenize(const DetokenizeFlags& flags) {
  WEFT_TRY_ASSIGN(const auto tokenizer, load_tokenizer(flags.model));
  std::vector<std::string> texts = flags.ids;
  if (texts.empty()) {
    WEFT_TRY_ASSIGN(texts.emplace_back(), read_stdin());
  }
  WEFT_TRY_ASSIGN(const std::vector<int32_t> ids, parse_ids(texts));
  for (const int32_t id : ids) {
    if (id < 0 || id >= tokenizer->vocab().size()) {
      return fail(ErrorCode::kTokenOutOfRange,
                  fmt::format("token id {}, expected 0 … {}", id, tokenizer->vocab().size() - 1));
    }
  }
  fmt::print("{}\n", tokenizer->decode(ids, flags.special));
  return {};
}

}  // namespace

void add_tokenize_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<TokenizeFlags>();
  CLI::App* command = app.add_subcommand("tokenize", "Text to token ids");
  command->add_option("model", flags->model, "A path or a name below $WEFT_MODELS")->required();
  command->add_option("text", flags->text, "The text (default: standard input, byte for byte)");
  command->add_flag("--json", flags->json, "One JSON object: ids and pieces");
  command->add_flag("--no-bos", flags->no_bos, "Do not put the model's BOS before the text");
  command->add_flag("--parse-special", flags->parse_special,
                    "Control tokens in the text become their ids");
  command->callback([flags, &exit_code] {
    auto result = tokenize(*flags);
    exit_code = result ? kExitOk : report(result.error());
  });
}

void add_detokenize_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<DetokenizeFlags>();
  CLI::App* command = app.add_subcommand("detokenize", "Token ids to text");
  command->add_option("model", flags->model, "A path or a name below $WEFT_MODELS")->required();
  command->add_option("ids", flags->ids, "Token ids (default: standard input)");
  command->add_flag("--special", flags->special, "Show control tokens too");
  command->callback([flags, &exit_code] {
    if (const auto ids = parse_ids(flags->ids); !ids) {
      exit_code = report_usage(ids.error().message);
      return;
    }
    auto result = detokenize(*flags);
    exit_code = result ? kExitOk : report(result.error());
  });
}

}  // namespace weft::tools
