#include "core/text/tokenizer.h"
#include "core/text/utf8.h"

namespace weft {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

}  // namespace

DetokenizerStream::DetokenizerStream(const Tokenizer& tokenizer, bool special, Start start)
    : tokenizer_(&tokenizer),
      special_(special),
      drop_space_(start == Start::kOfText &&
                  tokenizer.vocab().kind == TokenizerKind::kSentencePiece &&
                  tokenizer.vocab().add_space_prefix) {}

std::string DetokenizerStream::push(int32_t id) {
  std::string piece = tokenizer_->piece(id, special_);
  // Control tokens (a BOS) may stand before the word that carries the added space.
  if (drop_space_ && tokenizer_->type(id) != TokenType::kControl && !piece.empty()) {
    drop_space_ = false;
    if (piece.front() == ' ' && tokenizer_->type(id) == TokenType::kNormal) piece.erase(0, 1);
  }
  pending_ += piece;

  std::string text;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const Utf8Part part = utf8_first(rest);
    if (part.kind == Utf8Kind::kUnfinished) break;
    text += part.kind == Utf8Kind::kWhole ? rest.substr(0, part.size) : kReplacement;
    rest.remove_prefix(part.size);
  }
  pending_.erase(0, pending_.size() - rest.size());
  return text;
}

std::string DetokenizerStream::finish() {
  if (pending_.empty()) return "";
  pending_.clear();  // one unfinished character: one maximal subpart
  return std::string(kReplacement);
}

}  // namespace weft
