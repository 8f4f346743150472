#include "core/text/bpe.h"

#include "core/text/byte_level.h"
#include "core/text/merge.h"
#include "core/text/merge_table.h"
#include "core/text/pre_tokenizer.h"
#include "core/text/token_map.h"
#include "core/text/unicode.h"
#include "core/text/utf8.h"
#include "core/text/word_cache.h"

namespace weft {
namespace {

// What text can become: tokens by the bytes they stand for. A token with a character outside the
// byte-level alphabet is "", which no text is.
std::vector<std::string> bytes_of(const Vocab& vocab) {
  std::vector<std::string> bytes;
  bytes.reserve(vocab.tokens.size());
  for (const std::string& token : vocab.tokens) {
    bytes.push_back(decode_byte_level(token).value_or(""));
  }
  return bytes;
}

class BpeTokenizer final : public Tokenizer {
 public:
  BpeTokenizer(Vocab vocab, std::vector<std::string> bytes, TokenMap map, MergeTable merges,
               PreTokenizer pre_tokenizer)
      : Tokenizer(std::move(vocab)),
        bytes_(std::move(bytes)),
        map_(std::move(map)),
        merges_(std::move(merges)),
        pre_tokenizer_(std::move(pre_tokenizer)) {}

 private:
  std::string normal_piece(int32_t id) const override {
    const std::string& bytes = bytes_[id];
    return bytes.empty() ? decode_byte_level_lax(vocab_.tokens[id]) : bytes;
  }

  Result<void> append_text(std::string_view text, bool /*after_special*/,
                           std::vector<int32_t>& out) const override {
    // Models were trained on text: what is no UTF-8 is U+FFFD to them.
    const std::string normalised = utf8_valid(text) ? std::string() : normalise_lax(text);
    if (!normalised.empty()) text = normalised;
    WEFT_TRY_ASSIGN(const std::vector<uint32_t> sizes, pre_tokenizer_.split(text));
    Merger merger;
    WordCache cache(text, out);
    const auto tokenize = [&](std::string_view word) { append_word(word, merger, out); };
    size_t begin = 0;
    for (const uint32_t size : sizes) {
      cache.append(begin, size, tokenize);
      begin += size;
    }
    return {};
  }

  void append_word(std::string_view word, Merger& merger, std::vector<int32_t>& out) const {
    if (pre_tokenizer_.spec().ignore_merges) {
      const int32_t id = map_.find(word);
      if (id >= 0) return out.push_back(id);
    }
    merger.pieces.clear();
    for (uint32_t i = 0; i < word.size(); ++i) {
      merger.pieces.push_back({merges_.byte_piece(static_cast<uint8_t>(word[i])), i, 1});
    }
    merger.run(merges_);
    for (const Piece& piece : merger.pieces) {
      if (piece.id < vocab_.size()) {
        out.push_back(piece.id);
      } else {
        append_characters(word.substr(piece.begin, piece.size), out);
      }
    }
  }

  // A piece that merges know and the vocabulary does not. Its visible ASCII characters may be
  // tokens; the rest is dropped, as a vocabulary that lacks bytes cannot say it.
  void append_characters(std::string_view piece, std::vector<int32_t>& out) const {
    for (size_t i = 0; i < piece.size(); ++i) {
      const int32_t id = piece[i] > ' ' && piece[i] <= '~' ? map_.find(piece.substr(i, 1)) : -1;
      if (id >= 0) out.push_back(id);
    }
  }

  std::vector<std::string> bytes_;  // [n_vocab], what map_ borrows
  TokenMap map_;
  MergeTable merges_;
  PreTokenizer pre_tokenizer_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_bpe_tokenizer(Vocab vocab) {
  WEFT_TRY_ASSIGN(PreTokenizer pre_tokenizer, PreTokenizer::create(vocab.pre_tokenizer));
  std::vector<std::string> bytes = bytes_of(vocab);
  TokenMap map(bytes);
  WEFT_TRY_ASSIGN(MergeTable merges, MergeTable::create(vocab.merges, map, vocab.size()));
  return std::make_unique<BpeTokenizer>(std::move(vocab), std::move(bytes), std::move(map),
                                        std::move(merges), std::move(pre_tokenizer));
}

}  // namespace weft
