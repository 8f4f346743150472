// ChatTemplate: a talk as the prompt that a model was trained on, by the Jinja template that came
// with it. Knows neither models nor tokenizers; a template is foreign, and so bounded
// (core/text/jinja/limits.h). Immutable and thread-safe; never throws.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/text/jinja/template.h"
#include "core/text/text_range.h"

namespace weft {

// What somebody said.
struct ChatMessage {
  std::string role;     // "system", "user", "assistant", …
  std::string content;  // as it is to stand in the prompt
};

// A prompt, and which of it a message (or a tool, or another value given) said and not the
// template: stretches in which special tokens are to stay text.
struct RenderedPrompt {
  std::string text;              // of the prompt, UTF-8 as its parts are
  std::vector<TextRange> plain;  // sorted, apart from each other
};

// What a template is rendered with.
struct ChatInput {
  // A list of dicts, in full: role and content, and whatever else a template looks for
  // (tool_calls, name, reasoning_content, …). chat_messages() makes it of plain messages.
  jinja::Value messages;
  jinja::Value tools = jinja::Value::none();  // a list of JSON schemas, or none
  // End with the beginning of the assistant's next message.
  bool add_generation_prompt = true;
  std::string bos_token;  // the text of the model's BOS; may be ""
  std::string eos_token;  // of its EOS
  // More variables by name ("enable_thinking", "documents", …). Those above come first.
  jinja::Variables extra;
  // What strftime_now() says; empty: local time.
  std::function<DateTime()> clock;
};

// Plain messages as ChatInput wants them.
jinja::Value chat_messages(const std::vector<ChatMessage>& messages);

// A role's text is the template's own where it looks like a word ("user"), so that a template
// may build a special token of it; any other is a message's.
jinja::Value role_value(std::string role);

// A template that was parsed; copies share it.
class ChatTemplate {
 public:
  // Fails with kTemplateSyntax, naming the line and what was found, or kLimitExceeded.
  static Result<ChatTemplate> parse(std::string_view source, const jinja::Limits& limits = {});

  // Fails with kTemplateError (naming the line), kTemplateRaised (what the template says against
  // these messages, as it says it), kLimitExceeded (naming the limit) or kOutOfMemory.
  Result<RenderedPrompt> render(const ChatInput& input) const;

 private:
  explicit ChatTemplate(jinja::Template parsed) : template_(std::move(parsed)) {}

  jinja::Template template_;
};

}  // namespace weft
