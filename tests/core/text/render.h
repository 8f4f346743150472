// Renders a template over a few variables, for tests of the language.
#pragma once

#include <cstddef>
#include <string>

#include <gtest/gtest.h>

#include "core/text/jinja/template.h"

namespace weft::test {

inline jinja::Variables some_variables() {
  using jinja::Value;
  const auto message = [](const char* role, const char* content, int64_t n) {
    return Value::dict({{"role", Value::string(role)},
                        {"content", Value::string(content)},
                        {"n", Value::integer(n)}});
  };
  return {{"s", Value::string("héllo Wörld")},
          {"n", Value::integer(7)},
          {"no", Value::none()},
          {"t", Value::boolean(true)},
          {"e", Value::list({})},
          {"l", Value::list({Value::integer(3), Value::integer(1), Value::integer(2)})},
          {"d", Value::dict({{"a", Value::integer(1)}, {"b", Value::list({Value::none()})}})},
          {"m", Value::list({message("user", " hi ", 2), message("assistant", "yo", 1),
                             message("user", "", 3)})}};
}

// What it renders to, or "CODE: MESSAGE".
inline std::string rendered(std::string_view source, const jinja::Limits& limits = {}) {
  const auto failed = [](const Error& error) {
    return std::string(error_code_name(error.code)) + ": " + error.message;
  };
  const auto parsed = jinja::Template::parse(source, limits);
  if (!parsed) return failed(parsed.error());
  const auto text = parsed->render(some_variables(), [] {
    return DateTime{.year = 2026, .month = 1, .day = 2, .hour = 3, .minute = 4, .second = 5};
  });
  return text ? text->bytes : failed(text.error());
}

struct RenderCase {
  const char* source;
  const char* wanted;
};

template <std::size_t N>
void expect_all(const RenderCase (&cases)[N]) {
  for (const RenderCase& one : cases) EXPECT_EQ(rendered(one.source), one.wanted) << one.source;
}

}  // namespace weft::test
