// Macros and call blocks of Evaluator.
#include "core/text/jinja/evaluator.h"
#include "core/text/jinja/print.h"

namespace weft::jinja {
namespace {

class MacroObject : public Object {
 public:
  MacroObject(Evaluator& evaluator, std::shared_ptr<const MacroDefinition> definition,
              ScopePtr scope)
      : evaluator_(evaluator), definition_(std::move(definition)), scope_(std::move(scope)) {}

  std::string_view type_name() const override { return "jinja2.runtime.Macro"; }
  Result<Value> call(Machine&, const Arguments& arguments) override {
    return evaluator_.call_macro(*definition_, scope_, arguments);
  }
  std::optional<Value> attribute(std::string_view name) const override {
    if (name == "name") return Value::string(definition_->name);
    return std::nullopt;
  }

 private:
  Evaluator& evaluator_;
  const std::shared_ptr<const MacroDefinition> definition_;
  const ScopePtr scope_;
};

}  // namespace

Result<Value> Evaluator::macro_value(std::shared_ptr<const MacroDefinition> definition) {
  // A macro holds the scope it stands in, which holds the macro.
  WEFT_TRY(machine_.keep(scope_));
  return machine_.make(std::make_shared<MacroObject>(*this, std::move(definition), scope_));
}

Result<Evaluator::Flow> Evaluator::execute(const Macro& node) {
  WEFT_TRY_ASSIGN(Value macro, macro_value(node.definition));
  scope_->set(node.definition->symbol, std::move(macro));
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::execute(const CallBlock& node) {
  WEFT_TRY_ASSIGN(Value caller, macro_value(node.caller));
  const auto& chain = std::get<Chain>(node.call->node);
  WEFT_TRY_ASSIGN(Value callee, evaluate(*chain.base));
  for (size_t i = 0; i + 1 < chain.links.size(); ++i) {
    WEFT_TRY_ASSIGN(callee, follow(callee, chain.links[i]));
  }
  const auto& last = std::get<CallLink>(chain.links.back().node);
  WEFT_TRY_ASSIGN(Arguments arguments, arguments_of(last.arguments));
  arguments.named.emplace_back("caller", std::move(caller));
  machine_.line = chain.links.back().line;
  WEFT_TRY_ASSIGN(const Value result, call(machine_, callee, arguments));
  const size_t before = output_->size();
  WEFT_TRY(append_str(machine_, *output_, result));
  WEFT_TRY(count_output(before));
  return Flow::kNext;
}

Result<Value> Evaluator::call_macro(const MacroDefinition& macro, const ScopePtr& defined_in,
                                    const Arguments& arguments) {
  auto scope = std::make_shared<Scope>(defined_in);
  const ScopePtr caller = std::exchange(scope_, scope);
  const auto bound = bind_parameters(macro, arguments, *scope);
  scope_ = caller;
  WEFT_TRY(bound);
  return captured(std::move(scope), macro.body);
}

Result<void> Evaluator::bind_parameters(const MacroDefinition& macro, const Arguments& arguments,
                                        Scope& scope) {
  const std::string called = "macro '" + macro.name + "'";
  const size_t count = macro.parameters.size();
  const size_t without_default = count - macro.defaults.size();
  std::vector<const Value*> given(count, nullptr);
  std::vector<Value> more;
  for (size_t i = 0; i < arguments.positional.size(); ++i) {
    if (i < count) {
      given[i] = &arguments.positional[i];
    } else {
      more.push_back(arguments.positional[i]);
    }
  }
  if (!more.empty() && !macro.uses_varargs) {
    return machine_.error(called + " takes not more than " + std::to_string(count) +
                          " argument(s)");
  }
  Dict named;
  for (const auto& [name, value] : arguments.named) {
    WEFT_TRY(machine_.spend(1 + count / 8));
    size_t i = 0;
    while (i < count && macro.parameters[i].second != name) ++i;
    if (i < count) {
      if (given[i]) return machine_.error(called + " got two values for '" + name + "'");
      given[i] = &value;
    } else if (name == "caller" && macro.uses_caller) {
      scope.set(caller_symbol_, value);
    } else if (macro.uses_kwargs) {
      named.set(Value::string(name), value);
    } else {
      return machine_.error(called + " takes no keyword argument '" + name + "'");
    }
  }
  if (macro.uses_varargs) {
    WEFT_TRY_ASSIGN(Value list, machine_.make(std::move(more), ListStyle::kTuple));
    scope.set(varargs_symbol_, std::move(list));
  }
  if (macro.uses_kwargs) {
    WEFT_TRY_ASSIGN(Value dict, machine_.make(std::move(named)));
    scope.set(kwargs_symbol_, std::move(dict));
  }
  // In order, so that a default can speak of the parameters before it.
  for (size_t i = 0; i < count; ++i) {
    const auto& [symbol, name] = macro.parameters[i];
    WEFT_TRY(machine_.spend(1 + i / 8));
    if (given[i]) {
      scope.set(symbol, *given[i]);
    } else if (i >= without_default) {
      WEFT_TRY_ASSIGN(Value value, evaluate(*macro.defaults[i - without_default]));
      scope.set(symbol, std::move(value));
    } else {
      scope.set(symbol, Value::undefined("parameter '" + name + "' was not provided"));
    }
  }
  return {};
}

}  // namespace weft::jinja
