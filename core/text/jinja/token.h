// What the lexer cuts a template into.
#pragma once

#include <cstdint>
#include <string>

namespace weft::jinja {

enum class TokenKind {
  kData,  // text between tags, white space at its ends already dealt with
  kBlockBegin,
  kBlockEnd,
  kVariableBegin,
  kVariableEnd,
  kName,
  kString,  // its characters, escapes resolved
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  uint32_t line = 1;
  std::string text;
  int64_t integer = 0;
  double number = 0;
};

// As an error message shows it: "end of the template", "'endif'".
std::string describe(const Token& token);

}  // namespace weft::jinja
