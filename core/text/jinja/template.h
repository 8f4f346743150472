// A template, parsed once and rendered any number of times: Jinja as Hugging Face sets it up for
// chat templates (trim_blocks, lstrip_blocks, loop controls, an immutable sandbox), in bounds.
// Immutable and thread-safe. Never throws.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/platform/local_time.h"
#include "core/text/jinja/limits.h"
#include "core/text/jinja/value.h"

namespace weft::jinja {

struct SyntaxTree;

// Names and what they stand for.
using Variables = std::vector<std::pair<std::string, Value>>;

// A template that was parsed; copies share it.
class Template {
 public:
  // Fails with kTemplateSyntax, naming the line and what was found, or kLimitExceeded.
  static Result<Template> parse(std::string_view source, const Limits& limits = {});

  // `clock`: what strftime_now() goes by; empty: local time. Fails with kTemplateError (naming the
  // line), kTemplateRaised (the message that the template gave to raise_exception, as it is),
  // kLimitExceeded (naming the limit) or kOutOfMemory.
  Result<Text> render(const Variables& variables,
                      const std::function<DateTime()>& clock = {}) const;

 private:
  Limits limits_;
  std::shared_ptr<const SyntaxTree> tree_;
};

}  // namespace weft::jinja
