// The expressions of Parser. Binary operators of one precedence become one node.
#include "core/text/jinja/parser.h"

namespace weft::jinja {
namespace {

// The chain that `base` is, or a new one around it.
Chain to_chain(ExpressionPtr base) {
  if (auto* chain = std::get_if<Chain>(&base->node)) return std::move(*chain);
  Chain chain;
  chain.base = std::move(base);
  return chain;
}

// A chain without links is its base.
ExpressionPtr from_chain(uint32_t line, Chain chain) {
  if (chain.links.empty()) return std::move(chain.base);
  return make_expression(line, std::move(chain));
}

struct CompareRow {
  std::string_view text;
  CompareOp op;
};
constexpr CompareRow kCompare[] = {
    {"==", CompareOp::kEqual},     {"!=", CompareOp::kNotEqual}, {"<", CompareOp::kLess},
    {"<=", CompareOp::kLessEqual}, {">", CompareOp::kGreater},   {">=", CompareOp::kGreaterEqual},
};

}  // namespace

bool Parser::expression_ends() const {
  const TokenKind kind = current().kind;
  return kind == TokenKind::kVariableEnd || kind == TokenKind::kBlockEnd ||
         kind == TokenKind::kEnd || is_operator(")");
}

// One expression, or several with commas between them: a tuple.
Result<ExpressionPtr> Parser::tuple(bool conditional) {
  const uint32_t line = current().line;
  WEFT_TRY_ASSIGN(ExpressionPtr first, expression(conditional));
  if (!is_operator(",")) return first;
  ListDisplay display;
  display.tuple = true;
  display.items.push_back(std::move(first));
  while (skip_operator(",")) {
    if (expression_ends() || is_name("recursive")) break;
    WEFT_TRY_ASSIGN(ExpressionPtr item, expression(conditional));
    display.items.push_back(std::move(item));
  }
  return make_expression(line, std::move(display));
}

Result<ExpressionPtr> Parser::expression(bool conditional) {
  const Level level(*this);
  WEFT_TRY(check_depth());
  const uint32_t line = current().line;
  WEFT_TRY_ASSIGN(ExpressionPtr value, logic(false));
  if (conditional && skip_name("if")) {
    Conditional node;
    node.then = std::move(value);
    WEFT_TRY_ASSIGN(node.condition, logic(false));
    if (skip_name("else")) {
      WEFT_TRY_ASSIGN(node.otherwise, expression());
    }
    value = make_expression(line, std::move(node));
  }
  return value;
}

Result<ExpressionPtr> Parser::logic(bool is_and) {
  const uint32_t line = current().line;
  const auto operand = [&] { return is_and ? not_() : logic(true); };
  WEFT_TRY_ASSIGN(ExpressionPtr first, operand());
  const std::string_view word = is_and ? "and" : "or";
  if (!is_name(word)) return first;
  Logic node{is_and, {}};
  node.operands.push_back(std::move(first));
  while (skip_name(word)) {
    WEFT_TRY_ASSIGN(ExpressionPtr next_one, operand());
    node.operands.push_back(std::move(next_one));
  }
  return make_expression(line, std::move(node));
}

Result<ExpressionPtr> Parser::not_() {
  if (!is_name("not")) return comparison();
  const Level level(*this);
  WEFT_TRY(check_depth());
  const uint32_t line = current().line;
  next();
  WEFT_TRY_ASSIGN(ExpressionPtr operand, not_());
  return make_expression(line, Unary{Unary::Op::kNot, std::move(operand)});
}

Result<ExpressionPtr> Parser::comparison() {
  const uint32_t line = current().line;
  Comparison node;
  WEFT_TRY_ASSIGN(node.first, sum());
  while (true) {
    std::optional<CompareOp> op;
    for (const CompareRow& row : kCompare) {
      if (is_operator(row.text)) op = row.op;
    }
    if (is_name("in")) op = CompareOp::kIn;
    const bool not_in = is_name("not") && at_ + 1 < tokens_.size() &&
                        tokens_[at_ + 1].kind == TokenKind::kName && tokens_[at_ + 1].text == "in";
    if (not_in) {
      op = CompareOp::kNotIn;
      next();
    }
    if (!op) break;
    next();
    WEFT_TRY_ASSIGN(ExpressionPtr operand, sum());
    node.rest.emplace_back(*op, std::move(operand));
  }
  if (node.rest.empty()) return std::move(node.first);
  return make_expression(line, std::move(node));
}

Result<ExpressionPtr> Parser::sum() {
  const uint32_t line = current().line;
  Arithmetic node;
  WEFT_TRY_ASSIGN(node.first, concatenation());
  while (is_operator("+") || is_operator("-")) {
    const BinaryOp op = is_operator("+") ? BinaryOp::kAdd : BinaryOp::kSubtract;
    next();
    WEFT_TRY_ASSIGN(ExpressionPtr operand, concatenation());
    node.rest.emplace_back(op, std::move(operand));
  }
  if (node.rest.empty()) return std::move(node.first);
  return make_expression(line, std::move(node));
}

Result<ExpressionPtr> Parser::concatenation() {
  const uint32_t line = current().line;
  WEFT_TRY_ASSIGN(ExpressionPtr first, product());
  if (!is_operator("~")) return first;
  Concatenation node;
  node.operands.push_back(std::move(first));
  while (skip_operator("~")) {
    WEFT_TRY_ASSIGN(ExpressionPtr operand, product());
    node.operands.push_back(std::move(operand));
  }
  return make_expression(line, std::move(node));
}

Result<ExpressionPtr> Parser::product() {
  const uint32_t line = current().line;
  Arithmetic node;
  WEFT_TRY_ASSIGN(node.first, power());
  while (true) {
    std::optional<BinaryOp> op;
    if (is_operator("*")) op = BinaryOp::kMultiply;
    if (is_operator("/")) op = BinaryOp::kDivide;
    if (is_operator("//")) op = BinaryOp::kFloorDivide;
    if (is_operator("%")) op = BinaryOp::kModulo;
    if (!op) break;
    next();
    WEFT_TRY_ASSIGN(ExpressionPtr operand, power());
    node.rest.emplace_back(*op, std::move(operand));
  }
  if (node.rest.empty()) return std::move(node.first);
  return make_expression(line, std::move(node));
}

// From the left, as Jinja has it, where Python goes from the right.
Result<ExpressionPtr> Parser::power() {
  const uint32_t line = current().line;
  Arithmetic node;
  WEFT_TRY_ASSIGN(node.first, unary(true));
  while (skip_operator("**")) {
    WEFT_TRY_ASSIGN(ExpressionPtr operand, unary(true));
    node.rest.emplace_back(BinaryOp::kPower, std::move(operand));
  }
  if (node.rest.empty()) return std::move(node.first);
  return make_expression(line, std::move(node));
}

Result<ExpressionPtr> Parser::unary(bool with_filters) {
  const Level level(*this);
  WEFT_TRY(check_depth());
  const uint32_t line = current().line;
  ExpressionPtr value;
  if (is_operator("-") || is_operator("+")) {
    const auto op = is_operator("-") ? Unary::Op::kMinus : Unary::Op::kPlus;
    next();
    WEFT_TRY_ASSIGN(ExpressionPtr operand, unary(false));
    value = make_expression(line, Unary{op, std::move(operand)});
  } else {
    WEFT_TRY_ASSIGN(value, primary());
  }
  Chain chain = to_chain(std::move(value));
  WEFT_TRY(postfix(chain));
  if (with_filters) WEFT_TRY(filters(chain));
  return from_chain(line, std::move(chain));
}

Result<ExpressionPtr> Parser::primary() {
  const Token token = current();
  const auto constant = [&](Value value) {
    next();
    return make_expression(token.line, Constant{std::move(value)});
  };
  switch (token.kind) {
    case TokenKind::kName:
      if (token.text == "true" || token.text == "True") return constant(Value::boolean(true));
      if (token.text == "false" || token.text == "False") return constant(Value::boolean(false));
      if (token.text == "none" || token.text == "None") return constant(Value::none());
      used(token.text);
      next();
      return make_expression(token.line, Name{symbol(token.text)});
    case TokenKind::kString: {
      std::string text;
      for (; current().kind == TokenKind::kString; next()) text += current().text;
      return make_expression(token.line, Constant{Value::string(std::move(text))});
    }
    case TokenKind::kInteger:
      return constant(Value::integer(token.integer));
    case TokenKind::kFloat:
      return constant(Value::number(token.number));
    default:
      break;
  }
  if (is_operator("(")) return parenthesis();
  if (is_operator("[")) return list();
  if (is_operator("{")) return dict();
  return wanted("an expression");
}

Result<ExpressionPtr> Parser::parenthesis() {
  const uint32_t line = current().line;
  next();
  if (skip_operator(")")) {
    ListDisplay empty;
    empty.tuple = true;
    return make_expression(line, std::move(empty));
  }
  WEFT_TRY_ASSIGN(ExpressionPtr inner, tuple());
  WEFT_TRY(expect_operator(")"));
  return inner;
}

Result<ExpressionPtr> Parser::list() {
  const uint32_t line = current().line;
  next();
  ListDisplay display;
  while (!is_operator("]")) {
    if (!display.items.empty()) WEFT_TRY(expect_operator(","));
    if (is_operator("]")) break;
    WEFT_TRY_ASSIGN(ExpressionPtr item, expression());
    display.items.push_back(std::move(item));
  }
  next();
  return make_expression(line, std::move(display));
}

Result<ExpressionPtr> Parser::dict() {
  const uint32_t line = current().line;
  next();
  DictDisplay display;
  while (!is_operator("}")) {
    if (!display.items.empty()) WEFT_TRY(expect_operator(","));
    if (is_operator("}")) break;
    WEFT_TRY_ASSIGN(ExpressionPtr key, expression());
    WEFT_TRY(expect_operator(":"));
    WEFT_TRY_ASSIGN(ExpressionPtr value, expression());
    display.items.emplace_back(std::move(key), std::move(value));
  }
  next();
  return make_expression(line, std::move(display));
}

Result<void> Parser::postfix(Chain& chain) {
  while (true) {
    const uint32_t line = current().line;
    if (is_operator(".")) {
      WEFT_TRY(dot(chain));
    } else if (is_operator("[")) {
      WEFT_TRY(brackets(chain));
    } else if (is_operator("(")) {
      WEFT_TRY_ASSIGN(CallArguments given, arguments());
      chain.links.push_back({line, CallLink{std::move(given)}});
    } else {
      return {};
    }
  }
}

Result<void> Parser::filters(Chain& chain) {
  while (true) {
    const uint32_t line = current().line;
    if (skip_operator("|")) {
      WEFT_TRY_ASSIGN(Link link, filter());
      chain.links.push_back(std::move(link));
    } else if (skip_name("is")) {
      WEFT_TRY_ASSIGN(Link link, test());
      chain.links.push_back(std::move(link));
    } else if (is_operator("(")) {
      WEFT_TRY_ASSIGN(CallArguments given, arguments());
      chain.links.push_back({line, CallLink{std::move(given)}});
    } else {
      return {};
    }
  }
}

Result<void> Parser::dot(Chain& chain) {
  const uint32_t line = current().line;
  next();
  if (current().kind == TokenKind::kInteger) {
    auto index = make_expression(line, Constant{Value::integer(current().integer)});
    next();
    chain.links.push_back({line, ItemLink{std::move(index)}});
    return {};
  }
  WEFT_TRY_ASSIGN(std::string name, expect_name("the name of an attribute or a number"));
  chain.links.push_back({line, AttributeLink{std::move(name)}});
  return {};
}

Result<void> Parser::brackets(Chain& chain) {
  const uint32_t line = current().line;
  next();
  Link link{line, ItemLink{}};
  ExpressionPtr first;
  if (!is_operator(":")) {
    WEFT_TRY_ASSIGN(first, expression());
  }
  if (is_operator(":")) {
    WEFT_TRY_ASSIGN(link, slice(std::move(first)));
  } else if (is_operator(",")) {
    ListDisplay display;
    display.tuple = true;
    display.items.push_back(std::move(first));
    while (skip_operator(",")) {
      if (is_operator("]")) break;
      WEFT_TRY_ASSIGN(ExpressionPtr item, expression());
      display.items.push_back(std::move(item));
    }
    link.node = ItemLink{make_expression(line, std::move(display))};
  } else {
    link.node = ItemLink{std::move(first)};
  }
  WEFT_TRY(expect_operator("]"));
  link.line = line;
  chain.links.push_back(std::move(link));
  return {};
}

Result<Link> Parser::slice(ExpressionPtr start) {
  SliceLink node;
  node.start = std::move(start);
  next();  // :
  if (!is_operator(":") && !is_operator("]")) {
    WEFT_TRY_ASSIGN(node.stop, expression());
  }
  if (skip_operator(":") && !is_operator("]")) {
    WEFT_TRY_ASSIGN(node.step, expression());
  }
  return Link{current().line, std::move(node)};
}

Result<Link> Parser::filter() {
  const uint32_t line = current().line;
  FilterLink node;
  WEFT_TRY_ASSIGN(node.name, expect_name("the name of a filter"));
  if (is_operator("(")) {
    WEFT_TRY_ASSIGN(node.arguments, arguments());
  }
  return Link{line, std::move(node)};
}

Result<Link> Parser::test() {
  const uint32_t line = current().line;
  TestLink node;
  node.negated = skip_name("not");
  WEFT_TRY_ASSIGN(node.name, expect_name("the name of a test"));
  const TokenKind kind = current().kind;
  if (is_operator("(")) {
    WEFT_TRY_ASSIGN(node.arguments, arguments());
  } else if (kind == TokenKind::kString || kind == TokenKind::kInteger ||
             kind == TokenKind::kFloat || is_operator("[") || is_operator("{") ||
             (kind == TokenKind::kName && !is_name("else") && !is_name("or") && !is_name("and") &&
              !is_name("if") && !is_name("in") && !is_name("not") && !is_name("recursive"))) {
    // "x is divisibleby 3": one argument without brackets
    if (is_name("is")) return error("tests cannot be chained with 'is'");
    const uint32_t argument_line = current().line;
    const Level level(*this);
    WEFT_TRY(check_depth());
    WEFT_TRY_ASSIGN(ExpressionPtr argument, primary());
    Chain chain = to_chain(std::move(argument));
    WEFT_TRY(postfix(chain));
    node.arguments.positional.push_back(from_chain(argument_line, std::move(chain)));
  }
  return Link{line, std::move(node)};
}

Result<CallArguments> Parser::arguments() {
  CallArguments given;
  WEFT_TRY(expect_operator("("));
  bool first = true;
  while (!is_operator(")")) {
    if (!first) WEFT_TRY(expect_operator(","));
    if (is_operator(")")) break;
    first = false;
    if (skip_operator("*")) {
      if (given.star || given.double_star) return error("a second '*', expected one");
      WEFT_TRY_ASSIGN(given.star, expression());
    } else if (skip_operator("**")) {
      if (given.double_star) return error("a second '**', expected one");
      WEFT_TRY_ASSIGN(given.double_star, expression());
    } else if (current().kind == TokenKind::kName &&
               tokens_[at_ + 1].kind == TokenKind::kOperator && tokens_[at_ + 1].text == "=") {
      if (given.double_star) return error("an argument behind '**'");
      std::string name = current().text;
      next();
      next();
      WEFT_TRY_ASSIGN(ExpressionPtr value, expression());
      given.named.emplace_back(std::move(name), std::move(value));
    } else {
      if (!given.named.empty() || given.star || given.double_star) {
        return error("an argument without a name behind one that has one");
      }
      WEFT_TRY_ASSIGN(ExpressionPtr value, expression());
      given.positional.push_back(std::move(value));
    }
  }
  next();
  return given;
}

}  // namespace weft::jinja
