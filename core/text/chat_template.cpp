#include "core/text/chat_template.h"

#include <algorithm>

namespace weft {
namespace {

using jinja::Value;

bool looks_like_a_word(std::string_view role) {
  return std::ranges::all_of(role, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

}  // namespace

Value role_value(std::string role) {
  const bool word = looks_like_a_word(role);
  return Value::string(std::move(role), !word);
}

Value chat_messages(const std::vector<ChatMessage>& messages) {
  std::vector<Value> list;
  for (const ChatMessage& message : messages) {
    list.push_back(Value::dict(
        {{"role", role_value(message.role)}, {"content", Value::string(message.content, true)}}));
  }
  return Value::list(std::move(list));
}

Result<ChatTemplate> ChatTemplate::parse(std::string_view source, const jinja::Limits& limits) {
  WEFT_TRY_ASSIGN(jinja::Template parsed, jinja::Template::parse(source, limits));
  return ChatTemplate(std::move(parsed));
}

Result<RenderedPrompt> ChatTemplate::render(const ChatInput& input) const {
  jinja::Variables variables = {
      {"messages", input.messages},
      {"tools", input.tools},
      {"add_generation_prompt", Value::boolean(input.add_generation_prompt)},
      {"bos_token", Value::string(input.bos_token)},
      {"eos_token", Value::string(input.eos_token)},
  };
  variables.insert(variables.end(), input.extra.begin(), input.extra.end());
  WEFT_TRY_ASSIGN(jinja::Text text, template_.render(variables, input.clock));
  return RenderedPrompt{std::move(text.bytes), std::move(text.given)};
}

}  // namespace weft
