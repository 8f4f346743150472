// Tokens to a syntax tree, by recursive descent with Jinja's precedences. Linear time; depth
// bounded. parser.cpp has the statements, expression_parser.cpp the expressions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/text/jinja/ast.h"
#include "core/text/jinja/token.h"

namespace weft::jinja {

// Fails with kTemplateSyntax, or kLimitExceeded for what is nested too deep; both name the line.
Result<SyntaxTree> parse(std::vector<Token> tokens, const Limits& limits);

class Parser {
 public:
  Parser(std::vector<Token> tokens, const Limits& limits);
  Result<SyntaxTree> run();

 private:
  // Statements. A body ends before a tag with one of these words; the word's token is current.
  Result<Body> body(std::vector<std::string_view> ends);
  Result<Body> block_body(std::string_view end);  // up to and with {% end %}
  Result<void> statement(Body& out);
  Result<Statement> if_();
  Result<Statement> for_();
  Result<Statement> set();
  Result<Statement> macro();
  Result<Statement> call_block();
  Result<Statement> filter_block();
  Result<Statement> with();
  Result<Statement> print(Body& out);
  Result<void> signature(MacroDefinition& macro);
  Result<Body> macro_body(MacroDefinition& macro, std::string_view end);
  Result<Target> target(bool in_for, bool attributes);
  Result<Target> target_part(bool attributes);

  // Expressions, from the loosest binding on.
  Result<ExpressionPtr> tuple(bool conditional = true);
  Result<ExpressionPtr> expression(bool conditional = true);
  Result<ExpressionPtr> logic(bool is_and);
  Result<ExpressionPtr> not_();
  Result<ExpressionPtr> comparison();
  Result<ExpressionPtr> sum();
  Result<ExpressionPtr> concatenation();
  Result<ExpressionPtr> product();
  Result<ExpressionPtr> power();
  Result<ExpressionPtr> unary(bool with_filters);
  Result<ExpressionPtr> primary();
  Result<ExpressionPtr> parenthesis();
  Result<ExpressionPtr> list();
  Result<ExpressionPtr> dict();
  Result<void> postfix(Chain& chain);
  Result<void> filters(Chain& chain);
  Result<void> dot(Chain& chain);
  Result<void> brackets(Chain& chain);
  Result<Link> slice(ExpressionPtr start);
  Result<Link> filter();
  Result<Link> test();
  Result<CallArguments> arguments();

  const Token& current() const { return tokens_[at_]; }
  const Token& next();
  bool is_operator(std::string_view op) const;
  bool is_name(std::string_view name) const;
  bool skip_operator(std::string_view op);
  bool skip_name(std::string_view name);
  Result<void> expect_operator(std::string_view op);
  Result<void> expect_block_end();
  Result<std::string> expect_name(std::string_view what);
  bool expression_ends() const;

  Symbol symbol(const std::string& name);
  void used(std::string_view name);
  tl::unexpected<Error> error(const std::string& message) const;
  tl::unexpected<Error> wanted(const std::string& what) const;

  // One more level of nesting while it lives.
  class Level;
  Result<void> check_depth() const;

  std::vector<Token> tokens_;
  Limits limits_;
  size_t at_ = 0;
  uint32_t depth_ = 0;
  uint32_t loops_ = 0;                    // around this place, in this macro
  std::vector<MacroDefinition*> macros_;  // being parsed, the innermost last
  std::map<std::string, Symbol> numbers_;
  SyntaxTree tree_;
};

// Counts one more level of nesting while it lives.
class Parser::Level {
 public:
  explicit Level(Parser& parser) : parser_(parser) { ++parser_.depth_; }
  ~Level() { --parser_.depth_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  Parser& parser_;
};

template <class Node>
ExpressionPtr make_expression(uint32_t line, Node node) {
  return std::make_unique<Expression>(Expression{line, std::move(node)});
}

}  // namespace weft::jinja
