#include "core/text/jinja/template.h"

#include <algorithm>
#include <new>

#include "core/text/jinja/evaluator.h"
#include "core/text/jinja/functions.h"
#include "core/text/jinja/lexer.h"
#include "core/text/jinja/parser.h"

namespace weft::jinja {
namespace {

// What each name of the template is before it is set: a variable that was given, or a function.
Result<std::vector<Value>> globals_of(const SyntaxTree& tree, const Variables& variables,
                                      Machine& machine) {
  std::vector<Value> globals(tree.symbols.size());
  for (size_t i = 0; i < globals.size(); ++i) {
    const std::string& name = tree.symbols[i];
    const auto given = std::ranges::find(variables, name, &std::pair<std::string, Value>::first);
    if (given != variables.end()) {
      if (given->second.depth() > machine.limits().value_depth) {
        return fail(ErrorCode::kLimitExceeded, "template: the variable " + name +
                                                   " holds more than " +
                                                   std::to_string(machine.limits().value_depth) +
                                                   " lists and dicts inside each other");
      }
      globals[i] = given->second;
    } else if (const Function* function = find_function(global_functions(), name)) {
      globals[i] = Value::object(std::make_shared<BoundFunction>(*function, Value()));
    }
  }
  return globals;
}

tl::unexpected<Error> out_of_memory() {
  return fail(ErrorCode::kOutOfMemory, "template: not enough memory");
}

}  // namespace

Result<Template> Template::parse(std::string_view source, const Limits& limits) try {
  if (source.size() > limits.source_bytes) {
    return fail(ErrorCode::kLimitExceeded, "template: " + std::to_string(source.size()) +
                                               " bytes of source, expected at most " +
                                               std::to_string(limits.source_bytes));
  }
  WEFT_TRY_ASSIGN(std::vector<Token> tokens, tokenize(source));
  WEFT_TRY_ASSIGN(SyntaxTree tree, jinja::parse(std::move(tokens), limits));
  Template parsed;
  parsed.limits_ = limits;
  parsed.tree_ = std::make_shared<const SyntaxTree>(std::move(tree));
  return parsed;
} catch (const std::bad_alloc&) {
  return out_of_memory();
}

Result<Text> Template::render(const Variables& variables,
                              const std::function<DateTime()>& clock) const try {
  Machine machine(limits_);
  machine.clock = clock;
  WEFT_TRY_ASSIGN(std::vector<Value> globals, globals_of(*tree_, variables, machine));
  Evaluator evaluator(machine, *tree_, std::move(globals));
  return evaluator.run();
} catch (const std::bad_alloc&) {
  return out_of_memory();
}

}  // namespace weft::jinja
