#include "core/text/jinja/evaluator.h"
#include "core/text/jinja/functions.h"
#include "core/text/jinja/operators.h"
#include "core/text/jinja/print.h"

namespace weft::jinja {

Result<Value> Evaluator::evaluate(const Expression& expression) {
  const Machine::Level level(machine_);
  WEFT_TRY(machine_.check_depth());
  WEFT_TRY(machine_.spend(1));
  machine_.line = expression.line;
  return std::visit([this](const auto& node) { return evaluate(node); }, expression.node);
}

Result<Value> Evaluator::evaluate(const Constant& node) { return node.value; }

Result<Value> Evaluator::evaluate(const Name& node) {
  uint64_t looked_at = 0;
  const Value* found = scope_->find(node.symbol, looked_at);
  WEFT_TRY(machine_.spend(looked_at / 8));
  if (found) return *found;
  const Value& global = globals_[node.symbol];
  if (!global.is_undefined()) return global;
  return Value::undefined("'" + tree_.symbols[node.symbol] + "' is undefined");
}

Result<Value> Evaluator::evaluate(const ListDisplay& node) {
  std::vector<Value> items;
  items.reserve(node.items.size());
  for (const ExpressionPtr& item : node.items) {
    WEFT_TRY_ASSIGN(Value value, evaluate(*item));
    items.push_back(std::move(value));
  }
  return machine_.make(std::move(items), node.tuple ? ListStyle::kTuple : ListStyle::kList);
}

Result<Value> Evaluator::evaluate(const DictDisplay& node) {
  Dict dict;
  for (const auto& [key_node, value_node] : node.items) {
    WEFT_TRY_ASSIGN(const Value key, evaluate(*key_node));
    WEFT_TRY_ASSIGN(Value value, evaluate(*value_node));
    WEFT_TRY(need_defined(machine_, key));
    if (!hashable(key)) {
      return machine_.error("unhashable type: '" + std::string(key.type_name()) + "'");
    }
    WEFT_TRY(machine_.spend_key(key));
    dict.set(key, std::move(value));
  }
  return machine_.make(std::move(dict));
}

Result<Value> Evaluator::evaluate(const Arithmetic& node) {
  WEFT_TRY_ASSIGN(Value value, evaluate(*node.first));
  for (const auto& [op, operand] : node.rest) {
    WEFT_TRY_ASSIGN(const Value right, evaluate(*operand));
    machine_.line = operand->line;
    WEFT_TRY_ASSIGN(value, arithmetic(machine_, op, value, right));
  }
  return value;
}

Result<Value> Evaluator::evaluate(const Comparison& node) {
  WEFT_TRY_ASSIGN(Value left, evaluate(*node.first));
  for (const auto& [op, operand] : node.rest) {
    WEFT_TRY_ASSIGN(Value right, evaluate(*operand));
    machine_.line = operand->line;
    WEFT_TRY_ASSIGN(const bool holds, compare(machine_, op, left, right));
    if (!holds) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Result<Value> Evaluator::evaluate(const Logic& node) {
  Value value;
  for (const ExpressionPtr& operand : node.operands) {
    WEFT_TRY_ASSIGN(value, evaluate(*operand));
    if (value.truthy() != node.is_and) return value;
  }
  return value;
}

Result<Value> Evaluator::evaluate(const Unary& node) {
  WEFT_TRY_ASSIGN(Value value, evaluate(*node.operand));
  switch (node.op) {
    case Unary::Op::kNot:
      return Value::boolean(!value.truthy());
    case Unary::Op::kMinus:
      return negate(machine_, value);
    case Unary::Op::kPlus:
      WEFT_TRY(need_defined(machine_, value));
      if (value.is(Value::Kind::kFloat)) return value;
      if (value.is_integral()) return Value::integer(value.as_int());
      return machine_.error("bad operand type for unary +: '" + std::string(value.type_name()) +
                            "'");
  }
  return value;
}

Result<Value> Evaluator::evaluate(const Concatenation& node) {
  Text text;
  for (const ExpressionPtr& operand : node.operands) {
    WEFT_TRY_ASSIGN(const Value value, evaluate(*operand));
    WEFT_TRY(append_str(machine_, text, value));
  }
  return machine_.make(std::move(text));
}

Result<Value> Evaluator::evaluate(const Conditional& node) {
  WEFT_TRY_ASSIGN(const Value condition, evaluate(*node.condition));
  if (condition.truthy()) return evaluate(*node.then);
  if (node.otherwise) return evaluate(*node.otherwise);
  return Value::undefined("the inline if-expression on line " + std::to_string(machine_.line) +
                          " evaluated to false and no else section was defined.");
}

Result<Value> Evaluator::evaluate(const Chain& node) {
  WEFT_TRY_ASSIGN(Value value, evaluate(*node.base));
  for (const Link& link : node.links) {
    WEFT_TRY_ASSIGN(value, follow(value, link));
  }
  return value;
}

Result<Value> Evaluator::follow(const Value& value, const Link& link) {
  WEFT_TRY(machine_.spend(1));
  machine_.line = link.line;
  if (const auto* attribute = std::get_if<AttributeLink>(&link.node)) {
    return get_attribute(machine_, value, attribute->name);
  }
  if (const auto* item = std::get_if<ItemLink>(&link.node)) {
    WEFT_TRY_ASSIGN(const Value index, evaluate(*item->index));
    machine_.line = link.line;
    return get_item(machine_, value, index);
  }
  if (const auto* slice = std::get_if<SliceLink>(&link.node)) {
    WEFT_TRY_ASSIGN(const Value start, evaluate_optional(slice->start));
    WEFT_TRY_ASSIGN(const Value stop, evaluate_optional(slice->stop));
    WEFT_TRY_ASSIGN(const Value step, evaluate_optional(slice->step));
    machine_.line = link.line;
    return get_slice(machine_, value, start, stop, step);
  }
  if (const auto* called = std::get_if<CallLink>(&link.node)) {
    WEFT_TRY_ASSIGN(const Arguments arguments, arguments_of(called->arguments));
    machine_.line = link.line;
    return call(machine_, value, arguments);
  }
  if (const auto* filter = std::get_if<FilterLink>(&link.node)) {
    WEFT_TRY_ASSIGN(const Arguments arguments, arguments_of(filter->arguments));
    machine_.line = link.line;
    return run_filter(machine_, filter->name, value, arguments);
  }
  const auto& test = std::get<TestLink>(link.node);
  WEFT_TRY_ASSIGN(const Arguments arguments, arguments_of(test.arguments));
  machine_.line = link.line;
  WEFT_TRY_ASSIGN(const bool passes, run_test(machine_, test.name, value, arguments));
  return Value::boolean(passes != test.negated);
}

Result<Value> Evaluator::filtered(Value value, const std::vector<Link>& links) {
  for (const Link& link : links) {
    WEFT_TRY_ASSIGN(value, follow(value, link));
  }
  return value;
}

Result<Value> Evaluator::evaluate_optional(const ExpressionPtr& expression) {
  if (!expression) return Value();
  return evaluate(*expression);
}

Result<Arguments> Evaluator::arguments_of(const CallArguments& given) {
  Arguments arguments;
  arguments.positional.reserve(given.positional.size());
  for (const ExpressionPtr& argument : given.positional) {
    WEFT_TRY_ASSIGN(Value value, evaluate(*argument));
    arguments.positional.push_back(std::move(value));
  }
  if (given.star) {
    WEFT_TRY_ASSIGN(const Value more, evaluate(*given.star));
    WEFT_TRY_ASSIGN(const Items list, iterate(machine_, more));
    WEFT_TRY(machine_.room(list->items.size() * sizeof(Value)));
    arguments.positional.insert(arguments.positional.end(), list->items.begin(), list->items.end());
  }
  for (const auto& [name, argument] : given.named) {
    WEFT_TRY_ASSIGN(Value value, evaluate(*argument));
    arguments.named.emplace_back(name, std::move(value));
  }
  if (given.double_star) {
    WEFT_TRY_ASSIGN(const Value more, evaluate(*given.double_star));
    if (!more.is_dict()) return machine_.error("argument after ** must be a mapping");
    WEFT_TRY(machine_.room(more.as_dict().items.size() * 4 * sizeof(Value)));
    for (const auto& [key, value] : more.as_dict().items) {
      if (!key.is_string()) return machine_.error("keywords must be strings");
      arguments.named.emplace_back(key.as_string(), value);
    }
  }
  return arguments;
}

Result<void> Evaluator::emit(const Expression& expression) {
  const size_t before = output_->size();
  WEFT_TRY_ASSIGN(const Value value, evaluate(expression));
  WEFT_TRY(append_str(machine_, *output_, value));
  return count_output(before);
}

}  // namespace weft::jinja
