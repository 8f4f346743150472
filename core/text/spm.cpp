#include "core/text/spm.h"

#include <array>
#include <cmath>
#include <cstring>

#include "core/half.h"
#include "core/text/byte_token.h"
#include "core/text/merge.h"
#include "core/text/token_map.h"
#include "core/text/utf8.h"
#include "core/text/word_cache.h"

namespace weft {
namespace {

constexpr std::string_view kSpace = "\xe2\x96\x81";  // ▁, U+2581

std::string escape_spaces(std::string_view text, bool prefix) {
  std::string escaped;
  escaped.reserve(text.size() + text.size() / 2 + kSpace.size());
  if (prefix) escaped += kSpace;
  while (!text.empty()) {
    const size_t size = text.find(' ');
    escaped += text.substr(0, size);
    if (size == std::string_view::npos) break;
    escaped += kSpace;
    text.remove_prefix(size + 1);
  }
  return escaped;
}

std::string unescape_spaces(std::string_view token) {
  std::string text;
  while (!token.empty()) {
    const size_t size = token.find(kSpace);
    text += token.substr(0, size);
    if (size == std::string_view::npos) break;
    text += ' ';
    token.remove_prefix(size + kSpace.size());
  }
  return text;
}

// Keeps the order of floats in integers; both zeros are equal, NaN counts as the lowest.
uint32_t ordered_bits(float score) {
  const uint32_t bits = bits_from_float(std::isnan(score) ? -INFINITY : score + 0.0f);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// Bytes of the symbol a text starts with: what its lead byte claims, as far as there is text.
size_t symbol_size(std::string_view text) {
  return std::min(utf8_claimed_size(text[0]), text.size());
}

bool starts_with_space(const char* text, const char* end) {
  return static_cast<size_t>(end - text) >= kSpace.size() &&
         std::memcmp(text, kSpace.data(), kSpace.size()) == 0;
}

class SpmTokenizer final : public Tokenizer {
 public:
  explicit SpmTokenizer(Vocab vocab)
      : Tokenizer(std::move(vocab)), map_(vocab_.tokens), words_are_separate_(words_separate()) {
    priorities_.reserve(vocab_.scores.size());
    for (const float score : vocab_.scores) priorities_.push_back(ordered_bits(score));
    for (size_t byte = 0; byte < byte_ids_.size(); ++byte) {
      const char as_text = static_cast<char>(byte);
      byte_ids_[byte] = map_.find(byte_token_text(static_cast<uint8_t>(byte)));
      if (byte_ids_[byte] < 0) byte_ids_[byte] = map_.find({&as_text, 1});
    }
  }

 private:
  std::string normal_piece(int32_t id) const override { return unescape_spaces(vocab_.tokens[id]); }

  Result<void> append_text(std::string_view text, bool after_special,
                           std::vector<int32_t>& out) const override {
    const std::string escaped = escape_spaces(text, vocab_.add_space_prefix && after_special);
    Merger merger;
    const auto tokenize = [&](std::string_view word) { append_word(word, merger, out); };
    if (!words_are_separate_) {
      tokenize(escaped);
      return {};
    }
    WordCache cache(escaped, out);
    const char* const begin = escaped.data();
    const char* const end = begin + escaped.size();
    for (const char* at = begin; at < end;) {
      const char* const word = at;
      at = word_end(at, end);
      cache.append(word - begin, at - word, tokenize);
    }
    return {};
  }

  // A word is a run of ▁, then symbols up to the next ▁. Goes by symbols, since a broken lead
  // byte may swallow the beginning of a ▁.
  static const char* word_end(const char* at, const char* end) {
    while (at < end && starts_with_space(at, end)) at += kSpace.size();
    while (at < end) {
      if (static_cast<uint8_t>(*at) < 0xc0) {
        ++at;
        continue;
      }
      if (starts_with_space(at, end)) return at;
      at += std::min<size_t>(utf8_claimed_size(*at), end - at);
    }
    return end;
  }

  // Whether no merge can cross from a word into the ▁ that begins the next. It could only make a
  // token with a ▁ behind something else; such a token is harmless where no pair of known parts
  // adds up to it.
  bool words_separate() const {
    for (const std::string& token : vocab_.tokens) {
      size_t lead = 0;
      while (token.compare(lead, kSpace.size(), kSpace) == 0) lead += kSpace.size();
      if (token.find(kSpace, lead) != std::string::npos && can_be_merged(token)) return false;
    }
    return true;
  }

  bool can_be_merged(std::string_view token) const {
    const auto is_part = [&](std::string_view part) {
      return symbol_size(part) == part.size() || map_.find(part) >= 0;
    };
    for (size_t i = symbol_size(token); i < token.size(); i += symbol_size(token.substr(i))) {
      if (is_part(token.substr(0, i)) && is_part(token.substr(i))) return true;
    }
    return false;
  }

  struct Rule {
    const SpmTokenizer& tokenizer;
    std::string_view word;
    Join join(const Piece& left, const Piece& right) const {
      const int32_t id = tokenizer.map_.find(word.substr(left.begin, left.size + right.size));
      if (id < 0) return {};
      return {id, tokenizer.priorities_[id]};
    }
  };

  void append_word(std::string_view word, Merger& merger, std::vector<int32_t>& out) const {
    merger.pieces.clear();
    for (size_t i = 0; i < word.size();) {
      const size_t size = symbol_size(word.substr(i));
      merger.pieces.push_back({-1, static_cast<uint32_t>(i), static_cast<uint32_t>(size)});
      i += size;
    }
    merger.run(Rule{*this, word});
    for (const Piece& piece : merger.pieces) {
      const std::string_view text = word.substr(piece.begin, piece.size);
      const int32_t id = piece.id >= 0 ? piece.id : map_.find(text);
      if (id >= 0) {
        out.push_back(id);
      } else {
        append_bytes(text, out);
      }
    }
  }

  // A symbol no token has: its bytes, or unk where the vocabulary lacks one of them.
  void append_bytes(std::string_view symbol, std::vector<int32_t>& out) const {
    for (const char c : symbol) {
      if (byte_ids_[static_cast<uint8_t>(c)] >= 0) continue;
      if (vocab_.unk_id) out.push_back(*vocab_.unk_id);
      return;
    }
    for (const char c : symbol) out.push_back(byte_ids_[static_cast<uint8_t>(c)]);
  }

  TokenMap map_;
  bool words_are_separate_;
  std::vector<uint32_t> priorities_;  // [n_vocab], in the order of the scores
  std::array<int32_t, 256> byte_ids_{};
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_spm_tokenizer(Vocab vocab) {
  if (vocab.scores.empty()) {
    return fail(ErrorCode::kGgufBadVocabulary,
                "vocabulary: no scores, which a SentencePiece tokenizer merges by");
  }
  return std::make_unique<SpmTokenizer>(std::move(vocab));
}

}  // namespace weft
