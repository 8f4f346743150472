// The syntax tree of a template. What stands side by side in the source ("a + b + c", "x.y|f|g",
// elif after elif) is a list and not a tower, so its depth is the depth of the source's brackets
// and blocks. Immutable once parsed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/text/jinja/value.h"

namespace weft::jinja {

struct Expression;
struct Statement;
using ExpressionPtr = std::unique_ptr<Expression>;
using Body = std::vector<Statement>;
// A variable's name as the parser numbered it.
using Symbol = uint32_t;

// Expressions

enum class BinaryOp { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
enum class CompareOp { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn, kNotIn };

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr star, double_star;  // *args, **kwargs
};

struct Constant {
  Value value;
};
struct Name {
  Symbol symbol;
};
struct ListDisplay {
  std::vector<ExpressionPtr> items;
  bool tuple = false;
};
struct DictDisplay {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> items;
};
// first op operand op operand …, from the left
struct Arithmetic {
  ExpressionPtr first;
  std::vector<std::pair<BinaryOp, ExpressionPtr>> rest;
};
struct Comparison {
  ExpressionPtr first;
  std::vector<std::pair<CompareOp, ExpressionPtr>> rest;
};
struct Logic {  // and, or
  bool is_and;
  std::vector<ExpressionPtr> operands;
};
struct Unary {
  enum class Op { kNot, kMinus, kPlus } op;
  ExpressionPtr operand;
};
struct Concatenation {  // ~
  std::vector<ExpressionPtr> operands;
};
struct Conditional {
  ExpressionPtr condition, then, otherwise;  // otherwise may be missing
};

// What follows a value: attributes, items, calls, filters, tests.
struct AttributeLink {
  std::string name;
};
struct ItemLink {
  ExpressionPtr index;
};
struct SliceLink {
  ExpressionPtr start, stop, step;  // each may be missing
};
struct CallLink {
  CallArguments arguments;
};
struct FilterLink {
  std::string name;
  CallArguments arguments;
};
struct TestLink {
  std::string name;
  CallArguments arguments;
  bool negated = false;
};
struct Link {
  uint32_t line;
  std::variant<AttributeLink, ItemLink, SliceLink, CallLink, FilterLink, TestLink> node;
};
struct Chain {
  ExpressionPtr base;
  std::vector<Link> links;
};

struct Expression {
  uint32_t line;
  std::variant<Constant, Name, ListDisplay, DictDisplay, Arithmetic, Comparison, Logic, Unary,
               Concatenation, Conditional, Chain>
      node;
};

// Where an assignment goes: a name, an attribute of a namespace, or a tuple of targets.
struct Target {
  Symbol symbol = 0;
  std::optional<std::string> attribute;
  std::vector<Target> parts;
  bool tuple = false;
};

// Statements

struct Data {
  std::string text;
};
struct Output {
  ExpressionPtr value;
};
struct If {
  std::vector<std::pair<ExpressionPtr, Body>> branches;
  Body otherwise;
};
struct For {
  Target target;
  ExpressionPtr iterable, condition;  // condition may be missing
  Body body, otherwise;
  bool recursive = false;
};
struct Set {
  Target target;
  ExpressionPtr value;
};
struct SetBlock {
  Target target;
  std::vector<Link> filters;
  Body body;
};
struct MacroDefinition {
  std::string name;
  Symbol symbol = 0;
  std::vector<std::pair<Symbol, std::string>> parameters;
  std::vector<ExpressionPtr> defaults;  // of the last parameters
  Body body;
  // What its body speaks of, and so can be given.
  bool uses_varargs = false, uses_kwargs = false, uses_caller = false;
};
struct Macro {
  // Shared with the macro values made of it.
  std::shared_ptr<const MacroDefinition> definition;
};
struct CallBlock {
  std::shared_ptr<const MacroDefinition> caller;
  ExpressionPtr call;  // a Chain that ends in a CallLink
};
struct FilterBlock {
  std::vector<Link> filters;
  Body body;
};
struct With {
  std::vector<std::pair<Target, ExpressionPtr>> variables;
  Body body;
};
struct Block {  // {% generation %}
  Body body;
};
struct Break {};
struct Continue {};

struct Statement {
  uint32_t line;
  std::variant<Data, Output, If, For, Set, SetBlock, Macro, CallBlock, FilterBlock, With, Block,
               Break, Continue>
      node;
};

struct SyntaxTree {
  Body body;
  std::vector<std::string> symbols;  // by number
};

}  // namespace weft::jinja
