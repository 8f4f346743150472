#include <algorithm>

#include "core/text/jinja/evaluator.h"
#include "core/text/jinja/loop.h"
#include "core/text/jinja/namespace.h"

namespace weft::jinja {
namespace {

// A symbol that no name of the template has, where the template does not speak of it.
Symbol symbol_of(const SyntaxTree& tree, std::string_view name) {
  const auto found = std::ranges::find(tree.symbols, name);
  return static_cast<Symbol>(found - tree.symbols.begin());
}

}  // namespace

Evaluator::Evaluator(Machine& machine, const SyntaxTree& tree, std::vector<Value> globals)
    : machine_(machine),
      tree_(tree),
      globals_(std::move(globals)),
      scope_(std::make_shared<Scope>(nullptr)),
      loop_symbol_(symbol_of(tree, "loop")),
      caller_symbol_(symbol_of(tree, "caller")),
      varargs_symbol_(symbol_of(tree, "varargs")),
      kwargs_symbol_(symbol_of(tree, "kwargs")) {}

Result<Text> Evaluator::run() {
  Text text;
  output_ = &text;
  WEFT_TRY(machine_.keep(scope_));
  WEFT_TRY(execute(tree_.body));
  return text;
}

Result<Evaluator::Flow> Evaluator::execute(const Body& body) {
  const Machine::Level level(machine_);
  WEFT_TRY(machine_.check_depth());
  for (const Statement& statement : body) {
    WEFT_TRY_ASSIGN(const Flow flow, execute(statement));
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::execute(const Statement& statement) {
  WEFT_TRY(machine_.spend(1));
  machine_.line = statement.line;
  return std::visit([this](const auto& node) { return execute(node); }, statement.node);
}

Result<Evaluator::Flow> Evaluator::execute(const Data& node) {
  const size_t before = output_->size();
  WEFT_TRY(machine_.spend_bytes(node.text.size()));
  output_->append(node.text);
  WEFT_TRY(count_output(before));
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::execute(const Output& node) {
  WEFT_TRY(emit(*node.value));
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::execute(const If& node) {
  for (const auto& [condition, body] : node.branches) {
    WEFT_TRY_ASSIGN(const Value holds, evaluate(*condition));
    if (holds.truthy()) return execute(body);
  }
  return execute(node.otherwise);
}

Result<Evaluator::Flow> Evaluator::execute(const For& node) {
  WEFT_TRY_ASSIGN(const Value iterable, evaluate(*node.iterable));
  return run_loop(node, iterable, 0);
}

// The items that pass the loop's condition.
Result<Items> Evaluator::items_for(const For& node, const Value& iterable) {
  WEFT_TRY_ASSIGN(Items items, iterate(machine_, iterable));
  if (!node.condition) return items;
  std::vector<Value> kept;
  const ScopePtr outer = scope_;
  for (const Value& item : items->items) {
    scope_ = std::make_shared<Scope>(outer);
    const auto passes = [&]() -> Result<bool> {
      WEFT_TRY(assign(node.target, item));
      WEFT_TRY_ASSIGN(const Value value, evaluate(*node.condition));
      return value.truthy();
    }();
    scope_ = outer;
    if (!passes) return tl::unexpected(passes.error());
    if (*passes) kept.push_back(item);
  }
  WEFT_TRY_ASSIGN(const Value list, machine_.make(std::move(kept)));
  return list.list_pointer();
}

Result<Evaluator::Flow> Evaluator::run_loop(const For& node, const Value& iterable,
                                            uint32_t depth0) {
  WEFT_TRY_ASSIGN(const Items items, items_for(node, iterable));
  if (items->items.empty()) {
    return execute_in(std::make_shared<Scope>(scope_), node.otherwise);
  }
  const ScopePtr outer = scope_;
  Loop::Recurse recurse;
  if (node.recursive) {
    WEFT_TRY(machine_.keep(outer));  // the loop holds it, and may be held by it
    recurse = [this, &node, outer, depth0](const Value& inner) -> Result<Value> {
      Text text;
      Text* const output = std::exchange(output_, &text);
      const ScopePtr scope = std::exchange(scope_, outer);
      const auto flow = run_loop(node, inner, depth0 + 1);
      output_ = output;
      scope_ = scope;
      if (!flow) return tl::unexpected(flow.error());
      buffered_ -= text.size();
      return machine_.make(std::move(text));
    };
  }
  const auto loop = std::make_shared<Loop>(items, depth0, std::move(recurse));
  WEFT_TRY_ASSIGN(const Value loop_value, machine_.make(loop));
  const uint32_t line = machine_.line;
  Result<Flow> flow = Flow::kNext;
  for (size_t i = 0; i < items->items.size() && flow && *flow != Flow::kBreak; ++i) {
    machine_.line = line;
    loop->move_to(i);
    // Each round has variables of its own.
    auto scope = std::make_shared<Scope>(outer);
    scope->set(loop_symbol_, loop_value);
    scope_ = std::move(scope);
    if (const auto assigned = assign(node.target, items->items[i]); !assigned) {
      flow = tl::unexpected(assigned.error());
    } else {
      flow = execute(node.body);
    }
  }
  scope_ = outer;
  WEFT_TRY(flow);
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::execute_in(ScopePtr scope, const Body& body) {
  const ScopePtr outer = std::exchange(scope_, std::move(scope));
  auto flow = execute(body);
  scope_ = outer;
  return flow;
}

Result<Value> Evaluator::captured(ScopePtr scope, const Body& body) {
  Text text;
  Text* const output = std::exchange(output_, &text);
  const auto flow = execute_in(std::move(scope), body);
  output_ = output;
  if (!flow) return tl::unexpected(flow.error());
  buffered_ -= text.size();
  return machine_.make(std::move(text));
}

Result<void> Evaluator::assign(const Target& target, const Value& value) {
  WEFT_TRY(machine_.spend(1 + scope_->size() / 8));
  if (target.tuple) {
    if (value.is_undefined() || !(value.is_list() || value.is_string() || value.is_dict())) {
      return machine_.error("cannot unpack non-iterable " + std::string(value.type_name()) +
                            " object");
    }
    WEFT_TRY_ASSIGN(const Items items, iterate(machine_, value));
    const size_t wanted = target.parts.size(), found = items->items.size();
    if (found > wanted) {
      return machine_.error("too many values to unpack (expected " + std::to_string(wanted) + ")");
    }
    if (found < wanted) {
      return machine_.error("not enough values to unpack (expected " + std::to_string(wanted) +
                            ", got " + std::to_string(found) + ")");
    }
    for (size_t i = 0; i < wanted; ++i) WEFT_TRY(assign(target.parts[i], items->items[i]));
    return {};
  }
  if (!target.attribute) {
    scope_->set(target.symbol, value);
    return {};
  }
  WEFT_TRY_ASSIGN(const Value holder, evaluate(Name{target.symbol}));
  auto* space =
      holder.is(Value::Kind::kObject) ? dynamic_cast<Namespace*>(&holder.as_object()) : nullptr;
  if (!space) return machine_.error("cannot assign attribute on non-namespace object");
  return space->set(machine_, *target.attribute, value);
}

Result<Evaluator::Flow> Evaluator::execute(const Set& node) {
  WEFT_TRY_ASSIGN(const Value value, evaluate(*node.value));
  WEFT_TRY(assign(node.target, value));
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::execute(const SetBlock& node) {
  WEFT_TRY_ASSIGN(Value text, captured(std::make_shared<Scope>(scope_), node.body));
  WEFT_TRY_ASSIGN(const Value value, filtered(std::move(text), node.filters));
  WEFT_TRY(assign(node.target, value));
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::execute(const FilterBlock& node) {
  WEFT_TRY_ASSIGN(Value text, captured(std::make_shared<Scope>(scope_), node.body));
  WEFT_TRY_ASSIGN(const Value value, filtered(std::move(text), node.filters));
  const Expression shown{machine_.line, Constant{value}};
  WEFT_TRY(emit(shown));
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::execute(const With& node) {
  auto scope = std::make_shared<Scope>(scope_);
  const ScopePtr outer = scope_;
  for (const auto& [target, expression] : node.variables) {
    // Each is evaluated outside of the block.
    WEFT_TRY_ASSIGN(const Value value, evaluate(*expression));
    scope_ = scope;
    const auto assigned = assign(target, value);
    scope_ = outer;
    WEFT_TRY(assigned);
  }
  return execute_in(std::move(scope), node.body);
}

Result<Evaluator::Flow> Evaluator::execute(const Block& node) {
  return execute_in(std::make_shared<Scope>(scope_), node.body);
}

Result<Evaluator::Flow> Evaluator::execute(const Break&) { return Flow::kBreak; }
Result<Evaluator::Flow> Evaluator::execute(const Continue&) { return Flow::kContinue; }

Result<void> Evaluator::count_output(size_t before) {
  buffered_ += output_->size() - before;
  return machine_.output_room(buffered_);
}

}  // namespace weft::jinja
