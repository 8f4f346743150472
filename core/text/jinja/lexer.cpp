#include "core/text/jinja/lexer.h"

#include <algorithm>

#include "core/text/jinja/text.h"

namespace weft::jinja {
namespace {

std::string with_plain_newlines(std::string_view source) {
  std::string plain;
  plain.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      plain += source[i];
    } else if (i + 1 == source.size() || source[i + 1] != '\n') {
      plain += '\n';
    }
  }
  if (plain.ends_with('\n')) plain.pop_back();
  return plain;
}

}  // namespace

std::string describe(const Token& token) {
  constexpr size_t kShown = 40;
  switch (token.kind) {
    case TokenKind::kData:
      return "text";
    case TokenKind::kBlockBegin:
      return "'{%'";
    case TokenKind::kBlockEnd:
      return "'%}'";
    case TokenKind::kVariableBegin:
      return "'{{'";
    case TokenKind::kVariableEnd:
      return "'}}'";
    case TokenKind::kString:
      return "a string";
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return "a number";
    case TokenKind::kName:
    case TokenKind::kOperator:
      return "'" + token.text.substr(0, kShown) + "'";
    case TokenKind::kEnd:
      return "the end of the template";
  }
  return "";
}

Result<std::vector<Token>> tokenize(std::string_view source) { return Lexer(source).run(); }

Lexer::Lexer(std::string_view source) : source_(with_plain_newlines(source)) {}

Result<std::vector<Token>> Lexer::run() {
  while (at_ < source_.size()) WEFT_TRY(next_tag());
  add(TokenKind::kEnd);
  return std::move(tokens_);
}

// Text up to the next tag, and that tag.
Result<void> Lexer::next_tag() {
  size_t begin = at_;
  do {
    begin = source_.find('{', begin);
    if (begin == std::string::npos || begin + 1 >= source_.size()) {
      add_data(at_, source_.size(), 0, true);
      return {};
    }
    const char second = source_[begin + 1];
    if (second == '{' || second == '%' || second == '#') break;
    ++begin;
  } while (true);

  const char kind = source_[begin + 1];
  size_t content = begin + 2;
  char sign = 0;
  if (content < source_.size() && (source_[content] == '-' || source_[content] == '+')) {
    sign = source_[content++];
  }
  add_data(at_, begin, sign, kind == '{');
  if (kind == '#') {
    move_to(content);
    return comment();
  }
  if (kind == '%') {
    const WordTag raw_tag = word_tag(begin, "raw");
    if (raw_tag.end != std::string::npos) {
      return raw(raw_tag.sign == '-' ? skip_spaces(raw_tag.end) : raw_tag.end);
    }
  }
  add(kind == '{' ? TokenKind::kVariableBegin : TokenKind::kBlockBegin);
  move_to(content);
  return tag(kind == '{');
}

void Lexer::add_data(size_t begin, size_t end, char sign, bool variable) {
  std::string_view text = std::string_view(source_).substr(begin, end - begin);
  if (sign == '-') {
    text = text.substr(0, trim_spaces(text, false, true).end);
  } else if (sign != '+' && !variable) {
    const size_t newline = text.rfind('\n');
    const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
    const bool blank = trim_spaces(text.substr(line), false, true).end == 0;
    if ((line > 0 || line_starting_) && blank) text = text.substr(0, line);
  }
  if (!text.empty()) add(TokenKind::kData, std::string(text));
  move_to(end);
}

Result<void> Lexer::comment() {
  const size_t end = source_.find("#}", at_);
  if (end == std::string::npos) return error("a comment that is not closed, expected '#}'");
  const char sign = end > at_ ? source_[end - 1] : 0;
  close(end + 2, sign, true);
  return {};
}

Lexer::WordTag Lexer::word_tag(size_t begin, std::string_view word) const {
  size_t at = begin + 2;
  if (at < source_.size() && (source_[at] == '-' || source_[at] == '+')) ++at;
  at = skip_spaces(at);
  if (source_.compare(at, word.size(), word) != 0) return {};
  at = skip_spaces(at + word.size());
  WordTag found;
  if (at < source_.size() && (source_[at] == '-' || source_[at] == '+')) found.sign = source_[at++];
  if (source_.compare(at, 2, "%}") != 0) return {};
  found.end = at + 2;
  return found;
}

Result<void> Lexer::raw(size_t content) {
  move_to(content);
  for (size_t begin = content;; begin += 2) {
    begin = source_.find("{%", begin);
    if (begin == std::string::npos) return error("a raw block that is not closed");
    const WordTag end = word_tag(begin, "endraw");
    if (end.end == std::string::npos) continue;
    const char sign = begin + 2 < source_.size() ? source_[begin + 2] : '\0';
    line_starting_ = false;
    add_data(content, begin, sign, false);
    close(end.end, end.sign, true);
    return {};
  }
}

// Behind the end of a tag with this sign before it.
void Lexer::close(size_t end, char sign, bool trims_newline) {
  if (sign == '-') {
    end = skip_spaces(end);
  } else if (sign != '+' && trims_newline && end < source_.size() && source_[end] == '\n') {
    ++end;
  }
  move_to(end);
  line_starting_ = source_[end - 1] == '\n';
}

size_t Lexer::skip_spaces(size_t at) const {
  if (at >= source_.size()) return at;
  return at + trim_spaces(std::string_view(source_).substr(at), true, false).begin;
}

void Lexer::move_to(size_t at) {
  line_ += static_cast<uint32_t>(std::count(source_.begin() + static_cast<ptrdiff_t>(at_),
                                            source_.begin() + static_cast<ptrdiff_t>(at), '\n'));
  at_ = at;
}

void Lexer::add(TokenKind kind, std::string text) {
  Token token;
  token.kind = kind;
  token.line = line_;
  token.text = std::move(text);
  tokens_.push_back(std::move(token));
}

tl::unexpected<Error> Lexer::error(const std::string& message) const {
  return fail(ErrorCode::kTemplateSyntax,
              "template, line " + std::to_string(line_) + ": " + message);
}

}  // namespace weft::jinja
