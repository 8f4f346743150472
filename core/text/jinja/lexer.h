// Source of a template to tokens, in linear time, with Jinja's white space rules as model
// templates expect them: trim_blocks (the newline behind a block or comment goes), lstrip_blocks
// (so do the blanks before one that opens a line), `-` and `+` in tags, one newline at the very
// end dropped, all newlines "\n". Knows nothing of what tags mean, `raw` excepted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/text/jinja/token.h"

namespace weft::jinja {

// Ends with a kEnd token. Fails with kTemplateSyntax, naming the line.
Result<std::vector<Token>> tokenize(std::string_view source);

class Lexer {
 public:
  explicit Lexer(std::string_view source);
  Result<std::vector<Token>> run();

 private:
  // Outside of tags (lexer.cpp).
  Result<void> next_tag();
  void add_data(size_t begin, size_t end, char sign, bool variable);
  Result<void> comment();
  // The place behind a tag that is only this word ("raw"), or npos, and the sign at its end.
  struct WordTag {
    size_t end = std::string::npos;
    char sign = 0;
  };
  WordTag word_tag(size_t begin, std::string_view word) const;
  Result<void> raw(size_t content);
  void close(size_t end, char sign, bool trims_newline);

  // Inside of one (tag_lexer.cpp).
  Result<void> tag(bool variable);
  Result<bool> tag_end(bool variable);
  Result<void> name();
  Result<void> number();
  Result<void> string();
  Result<void> escape(std::string& out);
  Result<void> operator_();

  size_t skip_spaces(size_t at) const;
  void move_to(size_t at);
  void add(TokenKind kind, std::string text = {});
  tl::unexpected<Error> error(const std::string& message) const;

  std::string source_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  bool line_starting_ = true;   // nothing of a line stands before at_
  std::vector<char> brackets_;  // opened in this tag and not closed
  std::vector<Token> tokens_;
};

}  // namespace weft::jinja
