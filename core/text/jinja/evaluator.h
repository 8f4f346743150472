// Walks a syntax tree: evaluate.cpp has the expressions, execute.cpp the statements. Owned by one
// render; borrows the tree and the machine.
#pragma once

#include <vector>

#include "core/text/jinja/ast.h"
#include "core/text/jinja/machine.h"
#include "core/text/jinja/scope.h"

namespace weft::jinja {

class Evaluator {
 public:
  // `globals`: by symbol; undefined ones are those that are not there.
  Evaluator(Machine& machine, const SyntaxTree& tree, std::vector<Value> globals);

  Result<Text> run();

  // Calls a macro: its body as text.
  Result<Value> call_macro(const MacroDefinition& macro, const ScopePtr& defined_in,
                           const Arguments& arguments);

 private:
  enum class Flow { kNext, kBreak, kContinue };

  // Expressions.
  Result<Value> evaluate(const Expression& expression);
  Result<Value> evaluate(const Constant& node);
  Result<Value> evaluate(const Name& node);
  Result<Value> evaluate(const ListDisplay& node);
  Result<Value> evaluate(const DictDisplay& node);
  Result<Value> evaluate(const Arithmetic& node);
  Result<Value> evaluate(const Comparison& node);
  Result<Value> evaluate(const Logic& node);
  Result<Value> evaluate(const Unary& node);
  Result<Value> evaluate(const Concatenation& node);
  Result<Value> evaluate(const Conditional& node);
  Result<Value> evaluate(const Chain& node);
  Result<Value> follow(const Value& value, const Link& link);
  Result<Value> filtered(Value value, const std::vector<Link>& links);
  Result<Arguments> arguments_of(const CallArguments& given);
  Result<Value> evaluate_optional(const ExpressionPtr& expression);
  // Appends str(expression), a sum of strings piece by piece.
  Result<void> emit(const Expression& expression);

  // Statements.
  Result<Flow> execute(const Body& body);
  Result<Flow> execute(const Statement& statement);
  Result<Flow> execute(const Data& node);
  Result<Flow> execute(const Output& node);
  Result<Flow> execute(const If& node);
  Result<Flow> execute(const For& node);
  Result<Flow> execute(const Set& node);
  Result<Flow> execute(const SetBlock& node);
  Result<Flow> execute(const Macro& node);
  Result<Flow> execute(const CallBlock& node);
  Result<Flow> execute(const FilterBlock& node);
  Result<Flow> execute(const With& node);
  Result<Flow> execute(const Block& node);
  Result<Flow> execute(const Break& node);
  Result<Flow> execute(const Continue& node);

  Result<Flow> run_loop(const For& node, const Value& iterable, uint32_t depth0);
  Result<Items> items_for(const For& node, const Value& iterable);
  Result<Flow> execute_in(ScopePtr scope, const Body& body);
  // What the body prints, in a scope of its own.
  Result<Value> captured(ScopePtr scope, const Body& body);
  Result<void> assign(const Target& target, const Value& value);
  Result<Value> macro_value(std::shared_ptr<const MacroDefinition> definition);
  Result<void> bind_parameters(const MacroDefinition& macro, const Arguments& arguments,
                               Scope& scope);
  // Notes that output grew since it had `before` bytes.
  Result<void> count_output(size_t before);

  Machine& machine_;
  const SyntaxTree& tree_;
  const std::vector<Value> globals_;
  ScopePtr scope_;
  Symbol loop_symbol_, caller_symbol_, varargs_symbol_, kwargs_symbol_;
  Text* output_ = nullptr;
  size_t buffered_ = 0;  // bytes of all output that is being made
};

}  // namespace weft::jinja
