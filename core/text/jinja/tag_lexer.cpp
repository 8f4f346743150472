// The inside of a tag: names, numbers, strings and operators.
#include <array>
#include <charconv>

#include "core/text/jinja/lexer.h"
#include "core/text/jinja/text.h"
#include "core/text/unicode.h"

namespace weft::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<uint8_t>(c) >= 0x80;
}

// Longer ones first.
constexpr std::array<std::string_view, 26> kOperators = {
    "**", "//", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
    "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};

// Digits of a base with single underscores between them, from `at` on.
size_t digits_end(std::string_view text, size_t at, int base) {
  const auto is_one = [base](char c) {
    const int value = is_digit(c)              ? c - '0'
                      : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                      : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                               : 99;
    return value < base;
  };
  size_t end = at;
  while (end < text.size()) {
    if (is_one(text[end])) {
      ++end;
    } else if (end > at && text[end] == '_' && end + 1 < text.size() && is_one(text[end + 1])) {
      end += 2;
    } else {
      break;
    }
  }
  return end;
}

std::string without_underscores(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c != '_') plain += c;
  }
  return plain;
}

}  // namespace

Result<void> Lexer::tag(bool variable) {
  brackets_.clear();
  line_starting_ = false;
  while (true) {
    move_to(skip_spaces(at_));
    if (at_ >= source_.size()) {
      return error(std::string("a tag that is not closed, expected '") +
                   (variable ? "}}'" : "%}'"));
    }
    WEFT_TRY_ASSIGN(const bool ended, tag_end(variable));
    if (ended) return {};
    const char c = source_[at_];
    if (is_digit(c)) {
      WEFT_TRY(number());
    } else if (starts_name(c)) {
      WEFT_TRY(name());
    } else if (c == '"' || c == '\'') {
      WEFT_TRY(string());
    } else {
      WEFT_TRY(operator_());
    }
  }
}

// Whether the tag ends here; a bracket that is open keeps it open.
Result<bool> Lexer::tag_end(bool variable) {
  if (!brackets_.empty()) return false;
  const std::string_view rest = std::string_view(source_).substr(at_);
  const std::string_view mark = variable ? "}}" : "%}";
  char sign = 0;
  if (rest.starts_with('-') || (!variable && rest.starts_with('+'))) sign = rest[0];
  const size_t size = mark.size() + (sign ? 1 : 0);
  if (rest.substr(sign ? 1 : 0, mark.size()) != mark) return false;
  add(variable ? TokenKind::kVariableEnd : TokenKind::kBlockEnd);
  close(at_ + size, sign, !variable);
  return true;
}

Result<void> Lexer::name() {
  size_t end = at_;
  while (end < source_.size() && (starts_name(source_[end]) || is_digit(source_[end]))) ++end;
  add(TokenKind::kName, source_.substr(at_, end - at_));
  at_ = end;
  return {};
}

Result<void> Lexer::number() {
  const std::string_view text = source_;
  int base = 10;
  size_t begin = at_;
  if (text[at_] == '0' && at_ + 1 < text.size()) {
    const char mark = static_cast<char>(text[at_ + 1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    if (base != 10) begin += 2;
  }
  size_t end = digits_end(text, begin, base);
  bool real = false;
  // "x.0.5" takes two items; it holds no number with a point.
  const bool after_dot = at_ > 0 && text[at_ - 1] == '.';
  if (base == 10 && !after_dot) {
    if (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) {
      end = digits_end(text, end + 1, 10);
      real = true;
    }
    if (end < text.size() && (text[end] | 0x20) == 'e') {
      size_t digits = end + 1;
      if (digits < text.size() && (text[digits] == '+' || text[digits] == '-')) ++digits;
      const size_t exponent_end = digits_end(text, digits, 10);
      if (exponent_end > digits) {
        end = exponent_end;
        real = true;
      }
    }
  }
  const std::string plain = without_underscores(text.substr(begin, end - begin));
  add(real ? TokenKind::kFloat : TokenKind::kInteger, std::string(text.substr(at_, end - at_)));
  std::errc failed{};
  if (real) {
    const auto parsed =
        std::from_chars(plain.data(), plain.data() + plain.size(), tokens_.back().number);
    failed = parsed.ec;
  } else {
    const auto parsed =
        std::from_chars(plain.data(), plain.data() + plain.size(), tokens_.back().integer, base);
    failed = parsed.ec;
  }
  if (failed != std::errc{}) {
    return error("the number " + tokens_.back().text.substr(0, 40) + ", expected one of 64 bits");
  }
  at_ = end;
  return {};
}

Result<void> Lexer::string() {
  const char quote = source_[at_];
  const size_t begin = at_;
  std::string value;
  size_t at = at_ + 1;
  // Its token has the line where it starts.
  add(TokenKind::kString);
  while (at < source_.size() && source_[at] != quote) {
    if (source_[at] != '\\') {
      value += source_[at++];
      continue;
    }
    move_to(at);
    WEFT_TRY(escape(value));
    at = at_;
  }
  if (at >= source_.size()) {
    line_ = tokens_.back().line;
    return error("a string that is not closed: " + source_.substr(begin, 20));
  }
  move_to(at + 1);
  tokens_.back().text = std::move(value);
  return {};
}

// One escape sequence of Python; those it does not know stay as they are.
Result<void> Lexer::escape(std::string& out) {
  const std::string_view rest = std::string_view(source_).substr(at_ + 1);
  if (rest.empty()) {
    move_to(source_.size());
    return {};
  }
  constexpr std::string_view kFrom = "\\'\"abfnrtv", kTo = "\\'\"\a\b\f\n\r\t\v";
  const char c = rest[0];
  const size_t simple = kFrom.find(c);
  if (simple != std::string_view::npos) {
    out += kTo[simple];
    move_to(at_ + 2);
    return {};
  }
  if (c == '\n') {
    move_to(at_ + 2);
    return {};
  }
  const size_t hex = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  uint32_t value = 0;
  if (hex > 0) {
    const std::string_view digits = rest.substr(1, hex);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != hex || parsed.ptr != digits.data() + hex || value > 0x10ffff) {
      return error("the escape \\" + std::string(rest.substr(0, hex + 1)) + ", expected " +
                   std::to_string(hex) + " hexadecimal digits of a character");
    }
    append_utf8(value >= 0xd800 && value < 0xe000 ? 0xfffd : value, out);
    move_to(at_ + 2 + hex);
    return {};
  }
  size_t octal = 0;
  while (octal < 3 && octal < rest.size() && rest[octal] >= '0' && rest[octal] <= '7') {
    value = value * 8 + static_cast<uint32_t>(rest[octal++] - '0');
  }
  if (octal > 0) {
    append_utf8(value, out);
    move_to(at_ + 1 + octal);
    return {};
  }
  out += '\\';
  move_to(at_ + 1);
  return {};
}

Result<void> Lexer::operator_() {
  const std::string_view rest = std::string_view(source_).substr(at_);
  for (const std::string_view op : kOperators) {
    if (!rest.starts_with(op)) continue;
    const char c = op[0];
    if (c == '(' || c == '[' || c == '{') {
      brackets_.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    } else if (c == ')' || c == ']' || c == '}') {
      if (brackets_.empty() || brackets_.back() != c) {
        return error(
            std::string("'") + c + "', expected " +
            (brackets_.empty() ? "no closing bracket" : std::string("'") + brackets_.back() + "'"));
      }
      brackets_.pop_back();
    }
    add(TokenKind::kOperator, std::string(op));
    at_ += op.size();
    return {};
  }
  const size_t end = char_end(source_, at_);
  const auto byte = static_cast<uint8_t>(source_[at_]);
  if (byte < 0x20 || byte == 0x7f) return error("a control character in a tag");
  return error("'" + source_.substr(at_, end - at_) + "' in a tag");
}

}  // namespace weft::jinja
