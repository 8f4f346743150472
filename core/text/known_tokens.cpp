#include "core/text/known_tokens.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>

namespace weft {
namespace {

enum class Meaning {
  kEndOfTurn,       // nothing else is written like this: ends a turn whatever its type
  kEndIfControl,    // may be ordinary text (an HTML tag): ends a turn only as a control token
  kFillInTheMiddle  // never ends a turn, but never plain text either
};

const std::unordered_map<std::string_view, Meaning>& known_tokens() {
  static const std::unordered_map<std::string_view, Meaning> table = {
      {"<|eot_id|>", Meaning::kEndOfTurn},             // Llama 3
      {"<|eom_id|>", Meaning::kEndOfTurn},             // Llama 3.1, before a tool call
      {"<|eot|>", Meaning::kEndOfTurn},                // Llama 4
      {"<|im_end|>", Meaning::kEndOfTurn},             // ChatML, Qwen
      {"<|end|>", Meaning::kEndOfTurn},                // Phi 3
      {"<|return|>", Meaning::kEndOfTurn},             // gpt-oss
      {"<|call|>", Meaning::kEndOfTurn},               // gpt-oss
      {"<end_of_turn>", Meaning::kEndOfTurn},          // Gemma
      {"<end_of_utterance>", Meaning::kEndOfTurn},     // SmolVLM
      {"<|endoftext|>", Meaning::kEndOfTurn},          // GPT-2, Qwen
      {"<|end_of_text|>", Meaning::kEndOfTurn},        // Llama 3, Granite
      {"<｜end▁of▁sentence｜>", Meaning::kEndOfTurn},  // DeepSeek
      {"<EOT>", Meaning::kEndOfTurn},                  // Code Llama
      {"_<EOT>", Meaning::kEndOfTurn},
      {"▁<EOT>", Meaning::kEndOfTurn},
      {"[EOT]", Meaning::kEndIfControl},
      {"[EOS]", Meaning::kEndIfControl},
      {"<eos>", Meaning::kEndIfControl},
      {"</s>", Meaning::kEndIfControl},
      {"<|fim_prefix|>", Meaning::kFillInTheMiddle},  // Qwen
      {"<|fim_suffix|>", Meaning::kFillInTheMiddle},
      {"<|fim_middle|>", Meaning::kFillInTheMiddle},
      {"<|fim_pad|>", Meaning::kFillInTheMiddle},
      {"<|fim_repo|>", Meaning::kFillInTheMiddle},
      {"<|repo_name|>", Meaning::kFillInTheMiddle},
      {"<|file_sep|>", Meaning::kFillInTheMiddle},
      {"<fim-prefix>", Meaning::kFillInTheMiddle},
      {"<fim-suffix>", Meaning::kFillInTheMiddle},
      {"<fim-middle>", Meaning::kFillInTheMiddle},
      {"<fim-pad>", Meaning::kFillInTheMiddle},
      {"<fim-repo>", Meaning::kFillInTheMiddle},
      {"<fim_prefix>", Meaning::kFillInTheMiddle},  // StarCoder, Granite
      {"<fim_suffix>", Meaning::kFillInTheMiddle},
      {"<fim_middle>", Meaning::kFillInTheMiddle},
      {"<fim_pad>", Meaning::kFillInTheMiddle},
      {"<｜fim▁begin｜>", Meaning::kFillInTheMiddle},  // DeepSeek
      {"<｜fim▁hole｜>", Meaning::kFillInTheMiddle},
      {"<｜fim▁end｜>", Meaning::kFillInTheMiddle},
      {"▁<PRE>", Meaning::kFillInTheMiddle},  // Code Llama
      {"▁<SUF>", Meaning::kFillInTheMiddle},
      {"▁<MID>", Meaning::kFillInTheMiddle},
  };
  return table;
}

}  // namespace

std::vector<TokenType> effective_types(const Vocab& vocab) {
  std::vector<TokenType> types = vocab.types;
  types.resize(vocab.tokens.size(), TokenType::kNormal);
  for (size_t id = 0; id < types.size(); ++id) {
    const auto known = known_tokens().find(vocab.tokens[id]);
    if (known == known_tokens().end() || known->second == Meaning::kEndIfControl) continue;
    types[id] = TokenType::kControl;
  }
  return types;
}

std::vector<int32_t> find_stop_ids(const Vocab& vocab, std::span<const TokenType> types) {
  std::vector<int32_t> ids;
  bool has_return = false, has_call = false;
  for (int32_t id = 0; id < vocab.size(); ++id) {
    const auto known = known_tokens().find(vocab.tokens[id]);
    if (known == known_tokens().end() || known->second == Meaning::kFillInTheMiddle) continue;
    if (known->second == Meaning::kEndIfControl && types[id] != TokenType::kControl) continue;
    has_return |= known->first == "<|return|>";
    has_call |= known->first == "<|call|>";
    ids.push_back(id);
  }
  // With these two, "<|end|>" ends a message and not the turn.
  if (has_return && has_call) {
    std::erase_if(ids, [&](int32_t id) { return vocab.tokens[id] == "<|end|>"; });
  }
  for (const auto& id : {vocab.eos_id, vocab.eot_id, vocab.eom_id}) {
    if (id) ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace weft
