#include "core/text/tokenizer.h"

#include <algorithm>
#include <limits>

#include "core/text/bpe.h"
#include "core/text/byte_token.h"
#include "core/text/known_tokens.h"
#include "core/text/special_tokens.h"
#include "core/text/spm.h"

namespace weft {
namespace {

// Offsets inside a text are 32 bits wide, also after each space has grown to three bytes.
constexpr size_t kMaxTextSize = size_t{1} << 30;

Result<void> check(const Vocab& vocab) {
  const size_t size = vocab.tokens.size();
  const auto bad = [](std::string message) {
    return fail(ErrorCode::kGgufBadVocabulary, std::move(message));
  };
  if (size == 0) return bad("vocabulary: no tokens");
  if (size > std::numeric_limits<int32_t>::max()) {
    return bad("vocabulary: " + std::to_string(size) + " tokens, at most 2^31 - 1 expected");
  }
  if (!vocab.types.empty() && vocab.types.size() != size) {
    return bad("vocabulary: " + std::to_string(vocab.types.size()) + " token types for " +
               std::to_string(size) + " tokens");
  }
  if (!vocab.scores.empty() && vocab.scores.size() != size) {
    return bad("vocabulary: " + std::to_string(vocab.scores.size()) + " scores for " +
               std::to_string(size) + " tokens");
  }
  const std::pair<const char*, std::optional<int32_t>> ids[] = {
      {"bos", vocab.bos_id}, {"eos", vocab.eos_id}, {"eot", vocab.eot_id},
      {"eom", vocab.eom_id}, {"unk", vocab.unk_id}, {"pad", vocab.pad_id}};
  for (const auto& [name, id] : ids) {
    if (id && (*id < 0 || static_cast<size_t>(*id) >= size)) {
      return bad(std::string("vocabulary: ") + name + " id " + std::to_string(*id) +
                 ", expected 0 to " + std::to_string(size - 1));
    }
  }
  if (vocab.add_bos && !vocab.bos_id) return bad("vocabulary: add_bos without a bos id");
  if (vocab.add_eos && !vocab.eos_id) return bad("vocabulary: add_eos without an eos id");
  return {};
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> Tokenizer::create(Vocab vocab) {
  WEFT_TRY(check(vocab));
  switch (vocab.kind) {
    case TokenizerKind::kSentencePiece:
      return make_spm_tokenizer(std::move(vocab));
    case TokenizerKind::kByteBpe:
      return make_bpe_tokenizer(std::move(vocab));
  }
  return fail(ErrorCode::kUnknownTokenizer, "tokenizer: unknown kind");
}

Tokenizer::Tokenizer(Vocab vocab)
    : vocab_(std::move(vocab)),
      types_(effective_types(vocab_)),
      stop_ids_(find_stop_ids(vocab_, types_)),
      special_tokens_(std::make_unique<SpecialTokens>(vocab_.tokens, types_)) {}

Tokenizer::~Tokenizer() = default;

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text,
                                               const EncodeOptions& options) const {
  if (text.size() > kMaxTextSize) {
    return fail(ErrorCode::kLimitExceeded, "text: " + std::to_string(text.size()) +
                                               " bytes, at most " + std::to_string(kMaxTextSize) +
                                               " expected");
  }
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 4 + 2);  // English has some four bytes a token
  if (options.add_special && vocab_.add_bos) ids.push_back(*vocab_.bos_id);
  bool after_special = true;
  for (const Fragment& fragment :
       special_tokens_->split(text, options.parse_special, options.plain)) {
    if (fragment.token >= 0) {
      ids.push_back(fragment.token);
    } else {
      WEFT_TRY(append_text(text.substr(fragment.begin, fragment.size), after_special, ids));
    }
    after_special = fragment.token >= 0;
  }
  if (options.add_special && vocab_.add_eos) ids.push_back(*vocab_.eos_id);
  if (ids.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return fail(ErrorCode::kLimitExceeded,
                "text: " + std::to_string(ids.size()) + " tokens, at most 2^31 - 1 expected");
  }
  return ids;
}

std::string Tokenizer::piece(int32_t id, bool special) const {
  if (id < 0 || id >= vocab_.size()) return "";
  const std::string& token = vocab_.tokens[id];
  switch (types_[id]) {
    case TokenType::kNormal:
      return normal_piece(id);
    case TokenType::kUserDefined:
      return token;
    case TokenType::kControl:
    case TokenType::kUnknown:
      return special ? token : "";
    case TokenType::kByte:
      if (const auto byte = parse_byte_token(token)) {
        return std::string(1, static_cast<char>(*byte));
      }
      return token;
    case TokenType::kUnused:
      return "";
  }
  return "";
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool special) const {
  DetokenizerStream stream(*this, special);
  std::string text;
  for (const int32_t id : ids) text += stream.push(id);
  text += stream.finish();
  return text;
}

TokenType Tokenizer::type(int32_t id) const {
  return id >= 0 && id < vocab_.size() ? types_[id] : TokenType::kUnused;
}

bool Tokenizer::is_stop(int32_t id) const {
  return std::binary_search(stop_ids_.begin(), stop_ids_.end(), id);
}

}  // namespace weft
