// Variables of one block, and the blocks around it.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "core/text/jinja/ast.h"
#include "core/text/jinja/machine.h"

namespace weft::jinja {

class Scope : public Changeable {
 public:
  explicit Scope(std::shared_ptr<Scope> parent) : parent_(std::move(parent)) {}

  // nullptr: not in this scope or around it. `looked_at` counts what was gone through.
  const Value* find(Symbol symbol, uint64_t& looked_at) const {
    for (const Scope* scope = this; scope; scope = scope->parent_.get()) {
      ++looked_at;
      for (const auto& [name, value] : scope->variables_) {
        ++looked_at;
        if (name == symbol) return &value;
      }
    }
    return nullptr;
  }

  void set(Symbol symbol, Value value) {
    for (auto& [name, old] : variables_) {
      if (name != symbol) continue;
      old = std::move(value);
      return;
    }
    variables_.emplace_back(symbol, std::move(value));
  }

  size_t size() const { return variables_.size(); }
  void release() override { variables_.clear(); }

 private:
  std::shared_ptr<Scope> parent_;
  std::vector<std::pair<Symbol, Value>> variables_;
};

using ScopePtr = std::shared_ptr<Scope>;

}  // namespace weft::jinja
