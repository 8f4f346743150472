#include "gguf/vocab_loader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "core/text/pre_tokenizer.h"
#include "gguf/printable.h"

namespace weft::gguf {
namespace {

constexpr std::string_view kModel = "tokenizer.ggml.model";
constexpr std::string_view kPre = "tokenizer.ggml.pre";
constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
constexpr std::string_view kScores = "tokenizer.ggml.scores";
constexpr std::string_view kTypes = "tokenizer.ggml.token_type";
constexpr std::string_view kMerges = "tokenizer.ggml.merges";

// What a tokenizer does where its file is silent.
struct KindRow {
  std::string_view name;  // as tokenizer.ggml.model has it
  TokenizerKind kind;
  bool add_bos;
  bool add_space_prefix;
  bool needs_scores;
  bool needs_merges;
  std::optional<int32_t> bos_id, eos_id, unk_id;
};

constexpr std::array kKinds = {
    // SentencePiece numbers its special tokens so unless told otherwise.
    KindRow{"llama", TokenizerKind::kSentencePiece, true, true, true, false, 1, 2, 0},
    KindRow{"gpt2", TokenizerKind::kByteBpe, false, false, false, true, {}, {}, {}},
};

tl::unexpected<Error> bad(std::string message) {
  return fail(ErrorCode::kGgufBadVocabulary, std::move(message));
}

Result<KindRow> find_kind(const Metadata& metadata) {
  WEFT_TRY_ASSIGN(const std::string_view name, metadata.get<std::string_view>(kModel));
  const auto row = std::find_if(kKinds.begin(), kKinds.end(),
                                [&](const KindRow& kind) { return kind.name == name; });
  if (row != kKinds.end()) return *row;
  return fail(ErrorCode::kUnknownTokenizer,
              std::string(kModel) + ": \"" + printable(name) + "\", known are llama and gpt2");
}

Result<void> same_length(std::string_view key, size_t found, size_t tokens) {
  if (found == tokens) return {};
  return bad(std::string(key) + ": " + std::to_string(found) + " elements for " +
             std::to_string(tokens) + " tokens");
}

Result<std::vector<std::string>> load_tokens(const Metadata& metadata) {
  WEFT_TRY_ASSIGN(const auto views, metadata.get_strings(kTokens));
  if (views.empty()) return bad(std::string(kTokens) + ": no tokens");
  if (views.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return bad(std::string(kTokens) + ": " + std::to_string(views.size()) +
               " tokens, expected at most 2^31 - 1");
  }
  for (size_t i = 0; i < views.size(); ++i) {
    if (views[i].size() > kLongestToken) {
      return bad(std::string(kTokens) + ": token " + std::to_string(i) + " has " +
                 std::to_string(views[i].size()) + " bytes, expected at most " +
                 std::to_string(kLongestToken));
    }
  }
  return std::vector<std::string>(views.begin(), views.end());
}

Result<std::vector<float>> load_scores(const Metadata& metadata, size_t tokens) {
  WEFT_TRY_ASSIGN(const auto scores, metadata.get_array<float>(kScores));
  WEFT_TRY(same_length(kScores, scores.size(), tokens));
  std::vector<float> loaded = scores.to_vector();
  const auto nan =
      std::find_if(loaded.begin(), loaded.end(), [](float s) { return std::isnan(s); });
  if (nan == loaded.end()) return loaded;
  return bad(std::string(kScores) + ": token " + std::to_string(nan - loaded.begin()) +
             " has the score NaN");
}

Result<std::vector<TokenType>> load_types(const Metadata& metadata, size_t tokens) {
  if (!metadata.contains(kTypes)) return std::vector<TokenType>();
  WEFT_TRY_ASSIGN(const auto types, metadata.get_array<int32_t>(kTypes));
  WEFT_TRY(same_length(kTypes, types.size(), tokens));
  std::vector<TokenType> loaded(types.size());
  for (size_t i = 0; i < types.size(); ++i) {
    const int32_t type = types[i];
    if (type < 0 || type > static_cast<int32_t>(TokenType::kByte)) {
      return bad(std::string(kTypes) + ": token " + std::to_string(i) + " has the type " +
                 std::to_string(type) + ", expected 0 to 6");
    }
    // 0 is "undefined": a place that no text uses.
    loaded[i] = type == 0 ? TokenType::kUnused : static_cast<TokenType>(type);
  }
  return loaded;
}

Result<std::vector<std::string>> load_merges(const Metadata& metadata) {
  WEFT_TRY_ASSIGN(const auto views, metadata.get_strings(kMerges));
  for (size_t i = 0; i < views.size(); ++i) {
    // The left part may itself be a space.
    const size_t space = views[i].find(' ', 1);
    if (space == std::string_view::npos || space + 1 == views[i].size()) {
      return bad(std::string(kMerges) + ": merge " + std::to_string(i) + " is \"" +
                 printable(views[i]) + "\", expected two parts with a space between them");
    }
  }
  return std::vector<std::string>(views.begin(), views.end());
}

// The id under this key, or the fallback where it is absent and the vocabulary has that id.
Result<std::optional<int32_t>> load_id(const Metadata& metadata, std::string_view key,
                                       size_t tokens, std::optional<int32_t> fallback) {
  if (!metadata.contains(key)) {
    if (fallback && static_cast<size_t>(*fallback) >= tokens) return std::optional<int32_t>();
    return fallback;
  }
  const Value* value = metadata.find(key);
  const auto id = metadata.get<int32_t>(key);
  if (!id && id.error().code == ErrorCode::kGgufWrongKeyType) return tl::unexpected(id.error());
  if (!id || *id < 0 || static_cast<size_t>(*id) >= tokens) {
    return bad(std::string(key) + ": " + value->to_string() + ", expected 0 to " +
               std::to_string(tokens - 1));
  }
  return std::optional<int32_t>(*id);
}

Result<void> load_special_ids(const Metadata& metadata, const KindRow& kind, Vocab& vocab) {
  struct Row {
    std::string_view key;
    std::optional<int32_t>& id;
    std::optional<int32_t> fallback;
  };
  const Row rows[] = {
      {"tokenizer.ggml.bos_token_id", vocab.bos_id, kind.bos_id},
      {"tokenizer.ggml.eos_token_id", vocab.eos_id, kind.eos_id},
      {"tokenizer.ggml.unknown_token_id", vocab.unk_id, kind.unk_id},
      {"tokenizer.ggml.eot_token_id", vocab.eot_id, {}},
      {"tokenizer.ggml.eom_token_id", vocab.eom_id, {}},
      {"tokenizer.ggml.padding_token_id", vocab.pad_id, {}},
  };
  for (const Row& row : rows) {
    WEFT_TRY_ASSIGN(row.id, load_id(metadata, row.key, vocab.tokens.size(), row.fallback));
  }
  return {};
}

Result<void> load_switches(const Metadata& metadata, const KindRow& kind, Vocab& vocab) {
  const PreTokenizerSpec* pre =
      kind.kind == TokenizerKind::kByteBpe ? find_pre_tokenizer(vocab.pre_tokenizer) : nullptr;
  const bool pre_adds_bos = pre && pre->add_bos;
  WEFT_TRY_ASSIGN(vocab.add_bos, metadata.get_or<bool>("tokenizer.ggml.add_bos_token",
                                                       kind.add_bos || pre_adds_bos));
  WEFT_TRY_ASSIGN(vocab.add_eos, metadata.get_or<bool>("tokenizer.ggml.add_eos_token", false));
  WEFT_TRY_ASSIGN(vocab.add_space_prefix,
                  metadata.get_or<bool>("tokenizer.ggml.add_space_prefix", kind.add_space_prefix));
  if (vocab.add_bos && !vocab.bos_id) {
    return bad("tokenizer.ggml.add_bos_token: on, but there is no tokenizer.ggml.bos_token_id");
  }
  if (vocab.add_eos && !vocab.eos_id) {
    return bad("tokenizer.ggml.add_eos_token: on, but there is no tokenizer.ggml.eos_token_id");
  }
  return {};
}

}  // namespace

Result<Vocab> load_vocab(const Metadata& metadata) {
  WEFT_TRY_ASSIGN(const KindRow kind, find_kind(metadata));
  Vocab vocab;
  vocab.kind = kind.kind;
  WEFT_TRY_ASSIGN(vocab.pre_tokenizer, metadata.get_or<std::string_view>(kPre, "default"));
  WEFT_TRY_ASSIGN(vocab.tokens, load_tokens(metadata));
  WEFT_TRY_ASSIGN(vocab.types, load_types(metadata, vocab.tokens.size()));
  if (kind.needs_scores) {
    WEFT_TRY_ASSIGN(vocab.scores, load_scores(metadata, vocab.tokens.size()));
  }
  if (kind.needs_merges) {
    WEFT_TRY_ASSIGN(vocab.merges, load_merges(metadata));
  }
  WEFT_TRY(load_special_ids(metadata, kind, vocab));
  WEFT_TRY(load_switches(metadata, kind, vocab));
  return vocab;
}

}  // namespace weft::gguf
