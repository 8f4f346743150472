#include "core/text/jinja/parser.h"

#include <algorithm>

namespace weft::jinja {
namespace {

constexpr std::string_view kStatements =
    "if, for, set, macro, call, filter, with, print, generation, break, continue";
// Jinja's, but of no use where there is one template and no other.
constexpr std::string_view kOtherTemplates[] = {"include", "import", "from", "extends", "block"};

}  // namespace

Result<SyntaxTree> parse(std::vector<Token> tokens, const Limits& limits) {
  return Parser(std::move(tokens), limits).run();
}

Parser::Parser(std::vector<Token> tokens, const Limits& limits)
    : tokens_(std::move(tokens)), limits_(limits) {}

Result<SyntaxTree> Parser::run() {
  WEFT_TRY_ASSIGN(tree_.body, body({}));
  return std::move(tree_);
}

Result<Body> Parser::body(std::vector<std::string_view> ends) {
  const Level level(*this);
  WEFT_TRY(check_depth());
  Body statements;
  while (true) {
    const Token& token = current();
    if (token.kind == TokenKind::kEnd) {
      if (ends.empty()) return statements;
      return wanted("'" + std::string(ends.back()) + "'");
    }
    if (token.kind == TokenKind::kData) {
      statements.push_back({token.line, Data{std::move(tokens_[at_].text)}});
      next();
    } else if (token.kind == TokenKind::kVariableBegin) {
      const uint32_t line = token.line;
      next();
      WEFT_TRY_ASSIGN(ExpressionPtr value, tuple());
      if (current().kind != TokenKind::kVariableEnd) return wanted("'}}'");
      next();
      statements.push_back({line, Output{std::move(value)}});
    } else {
      next();  // {%
      if (current().kind != TokenKind::kName) return wanted("the name of a tag");
      if (std::ranges::find(ends, current().text) != ends.end()) return statements;
      WEFT_TRY(statement(statements));
    }
  }
}

Result<Body> Parser::block_body(std::string_view end) {
  WEFT_TRY_ASSIGN(Body statements, body({end}));
  next();
  WEFT_TRY(expect_block_end());
  return statements;
}

Result<void> Parser::statement(Body& out) {
  const std::string word = current().text;
  const uint32_t line = current().line;
  const auto add = [&](Result<Statement> parsed) -> Result<void> {
    WEFT_TRY_ASSIGN(Statement one, std::move(parsed));
    one.line = line;
    out.push_back(std::move(one));
    return {};
  };
  if (word == "if") return add(if_());
  if (word == "for") return add(for_());
  if (word == "set") return add(set());
  if (word == "macro") return add(macro());
  if (word == "call") return add(call_block());
  if (word == "filter") return add(filter_block());
  if (word == "with") return add(with());
  if (word == "print") return add(print(out));
  if (word == "generation") {
    next();
    WEFT_TRY(expect_block_end());
    WEFT_TRY_ASSIGN(Body inner, block_body("endgeneration"));
    return add(Statement{line, Block{std::move(inner)}});
  }
  if (word == "break" || word == "continue") {
    if (loops_ == 0) return error("'" + word + "' outside of a loop");
    next();
    WEFT_TRY(expect_block_end());
    if (word == "break") return add(Statement{line, Break{}});
    return add(Statement{line, Continue{}});
  }
  if (word.starts_with("end") || word == "else" || word == "elif") {
    return error("'" + word + "', but nothing is open that it belongs to");
  }
  if (std::ranges::find(kOtherTemplates, word) != std::end(kOtherTemplates)) {
    return error("'" + word + "': other templates and blocks to override are not supported");
  }
  return error("unknown tag '" + word.substr(0, 40) + "', there are " + std::string(kStatements));
}

Result<Statement> Parser::if_() {
  If node;
  while (true) {
    next();  // if, elif
    WEFT_TRY_ASSIGN(ExpressionPtr condition, tuple(false));
    WEFT_TRY(expect_block_end());
    WEFT_TRY_ASSIGN(Body then, body({"elif", "else", "endif"}));
    node.branches.emplace_back(std::move(condition), std::move(then));
    if (!is_name("elif")) break;
  }
  if (skip_name("else")) {
    WEFT_TRY(expect_block_end());
    WEFT_TRY_ASSIGN(node.otherwise, body({"endif"}));
  }
  next();
  WEFT_TRY(expect_block_end());
  return Statement{0, std::move(node)};
}

Result<Statement> Parser::for_() {
  next();
  For node;
  WEFT_TRY_ASSIGN(node.target, target(true, false));
  if (!skip_name("in")) return wanted("'in'");
  WEFT_TRY_ASSIGN(node.iterable, tuple(false));
  if (skip_name("if")) {
    WEFT_TRY_ASSIGN(node.condition, expression());
  }
  node.recursive = skip_name("recursive");
  WEFT_TRY(expect_block_end());
  ++loops_;
  auto inner = body({"else", "endfor"});
  --loops_;
  WEFT_TRY_ASSIGN(node.body, std::move(inner));
  if (skip_name("else")) {
    WEFT_TRY(expect_block_end());
    WEFT_TRY_ASSIGN(node.otherwise, body({"endfor"}));
  }
  next();
  WEFT_TRY(expect_block_end());
  return Statement{0, std::move(node)};
}

Result<Statement> Parser::set() {
  next();
  WEFT_TRY_ASSIGN(Target where, target(false, true));
  if (skip_operator("=")) {
    WEFT_TRY_ASSIGN(ExpressionPtr value, tuple());
    WEFT_TRY(expect_block_end());
    return Statement{0, Set{std::move(where), std::move(value)}};
  }
  SetBlock node{std::move(where), {}, {}};
  while (skip_operator("|")) {
    WEFT_TRY_ASSIGN(Link link, filter());
    node.filters.push_back(std::move(link));
  }
  if (current().kind != TokenKind::kBlockEnd) return wanted("'=' or '%}'");
  next();
  WEFT_TRY_ASSIGN(node.body, block_body("endset"));
  return Statement{0, std::move(node)};
}

Result<void> Parser::signature(MacroDefinition& definition) {
  WEFT_TRY(expect_operator("("));
  while (!is_operator(")")) {
    if (!definition.parameters.empty()) WEFT_TRY(expect_operator(","));
    if (is_operator(")")) break;
    WEFT_TRY_ASSIGN(std::string name, expect_name("a parameter"));
    const Symbol number = symbol(name);
    definition.parameters.emplace_back(number, std::move(name));
    if (skip_operator("=")) {
      WEFT_TRY_ASSIGN(ExpressionPtr value, expression());
      definition.defaults.push_back(std::move(value));
    } else if (!definition.defaults.empty()) {
      return error("a parameter without a default follows one that has one");
    }
  }
  return expect_operator(")");
}

Result<Body> Parser::macro_body(MacroDefinition& definition, std::string_view end) {
  macros_.push_back(&definition);
  const uint32_t outer_loops = std::exchange(loops_, 0);
  auto inner = block_body(end);
  loops_ = outer_loops;
  macros_.pop_back();
  return inner;
}

Result<Statement> Parser::macro() {
  next();
  auto definition = std::make_shared<MacroDefinition>();
  WEFT_TRY_ASSIGN(definition->name, expect_name("the name of a macro"));
  definition->symbol = symbol(definition->name);
  WEFT_TRY(signature(*definition));
  WEFT_TRY(expect_block_end());
  WEFT_TRY_ASSIGN(definition->body, macro_body(*definition, "endmacro"));
  return Statement{0, Macro{std::move(definition)}};
}

Result<Statement> Parser::call_block() {
  next();
  auto definition = std::make_shared<MacroDefinition>();
  definition->name = "caller";
  if (is_operator("(")) WEFT_TRY(signature(*definition));
  WEFT_TRY_ASSIGN(ExpressionPtr call, expression());
  const auto* chain = std::get_if<Chain>(&call->node);
  if (!chain || !std::holds_alternative<CallLink>(chain->links.back().node)) {
    return error("a call block calls a macro: expected 'call name(...)'");
  }
  WEFT_TRY(expect_block_end());
  WEFT_TRY_ASSIGN(definition->body, macro_body(*definition, "endcall"));
  return Statement{0, CallBlock{std::move(definition), std::move(call)}};
}

Result<Statement> Parser::filter_block() {
  next();
  FilterBlock node;
  do {
    WEFT_TRY_ASSIGN(Link link, filter());
    node.filters.push_back(std::move(link));
  } while (skip_operator("|"));
  WEFT_TRY(expect_block_end());
  WEFT_TRY_ASSIGN(node.body, block_body("endfilter"));
  return Statement{0, std::move(node)};
}

Result<Statement> Parser::with() {
  next();
  With node;
  while (current().kind != TokenKind::kBlockEnd) {
    if (!node.variables.empty()) WEFT_TRY(expect_operator(","));
    WEFT_TRY_ASSIGN(Target where, target(false, false));
    WEFT_TRY(expect_operator("="));
    WEFT_TRY_ASSIGN(ExpressionPtr value, expression());
    node.variables.emplace_back(std::move(where), std::move(value));
  }
  next();
  WEFT_TRY_ASSIGN(node.body, block_body("endwith"));
  return Statement{0, std::move(node)};
}

// {% print a, b %} is {{ a }}{{ b }}.
Result<Statement> Parser::print(Body& out) {
  next();
  while (true) {
    const uint32_t line = current().line;
    WEFT_TRY_ASSIGN(ExpressionPtr value, expression());
    if (!skip_operator(",")) {
      WEFT_TRY(expect_block_end());
      return Statement{line, Output{std::move(value)}};
    }
    out.push_back({line, Output{std::move(value)}});
  }
}

Result<Target> Parser::target(bool in_for, bool attributes) {
  WEFT_TRY_ASSIGN(Target first, target_part(attributes));
  if (!is_operator(",")) return first;
  Target all;
  all.tuple = true;
  all.parts.push_back(std::move(first));
  while (skip_operator(",")) {
    if ((in_for && is_name("in")) || is_operator("=") || expression_ends()) break;
    WEFT_TRY_ASSIGN(Target part, target_part(attributes));
    all.parts.push_back(std::move(part));
  }
  return all;
}

Result<Target> Parser::target_part(bool attributes) {
  const Level level(*this);
  WEFT_TRY(check_depth());
  if (is_operator("(") || is_operator("[")) {
    const std::string_view close = is_operator("(") ? ")" : "]";
    next();
    WEFT_TRY_ASSIGN(Target inner, target(false, attributes));
    WEFT_TRY(expect_operator(close));
    return inner;
  }
  WEFT_TRY_ASSIGN(const std::string name, expect_name("a name to assign to"));
  for (const std::string_view constant : {"true", "false", "none", "True", "False", "None"}) {
    if (name == constant) return error("cannot assign to '" + name + "'");
  }
  Target one;
  one.symbol = symbol(name);
  if (attributes && skip_operator(".")) {
    WEFT_TRY_ASSIGN(one.attribute, expect_name("the name of an attribute"));
  }
  return one;
}

const Token& Parser::next() {
  if (at_ + 1 < tokens_.size()) ++at_;
  return current();
}

bool Parser::is_operator(std::string_view op) const {
  return current().kind == TokenKind::kOperator && current().text == op;
}

bool Parser::is_name(std::string_view name) const {
  return current().kind == TokenKind::kName && current().text == name;
}

bool Parser::skip_operator(std::string_view op) {
  if (!is_operator(op)) return false;
  next();
  return true;
}

bool Parser::skip_name(std::string_view name) {
  if (!is_name(name)) return false;
  next();
  return true;
}

Result<void> Parser::expect_operator(std::string_view op) {
  if (skip_operator(op)) return {};
  return wanted("'" + std::string(op) + "'");
}

Result<void> Parser::expect_block_end() {
  if (current().kind != TokenKind::kBlockEnd) return wanted("'%}'");
  next();
  return {};
}

Result<std::string> Parser::expect_name(std::string_view what) {
  if (current().kind != TokenKind::kName) return wanted(std::string(what));
  std::string name = current().text;
  next();
  return name;
}

Symbol Parser::symbol(const std::string& name) {
  const auto [place, added] = numbers_.emplace(name, static_cast<Symbol>(tree_.symbols.size()));
  if (added) tree_.symbols.push_back(name);
  return place->second;
}

// Notes that the macro being parsed speaks of what a macro may be given unasked.
void Parser::used(std::string_view name) {
  if (macros_.empty()) return;
  if (name == "varargs") macros_.back()->uses_varargs = true;
  if (name == "kwargs") macros_.back()->uses_kwargs = true;
  if (name == "caller") macros_.back()->uses_caller = true;
}

tl::unexpected<Error> Parser::error(const std::string& message) const {
  return fail(ErrorCode::kTemplateSyntax,
              "template, line " + std::to_string(current().line) + ": " + message);
}

tl::unexpected<Error> Parser::wanted(const std::string& what) const {
  return error("found " + describe(current()) + ", expected " + what);
}

Result<void> Parser::check_depth() const {
  if (depth_ <= limits_.parse_depth) return {};
  return fail(ErrorCode::kLimitExceeded, "template, line " + std::to_string(current().line) +
                                             ": nested deeper than " +
                                             std::to_string(limits_.parse_depth) + " levels");
}

}  // namespace weft::jinja
