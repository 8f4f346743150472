// A talk as a prompt: messages through the model's own chat template, and that to ids. What a
// message says never becomes a control token: only what the template wrote does.
//
//   auto ids = weft::tokenize_chat(*model, {{"user", "Hello"}});
//   auto answer = (*context)->generate(*ids, {.max_tokens = 64});
//
// Engine::chat() and AsyncLLM::chat() do both. docs/chat.md tells what a template can do.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/text/chat_template.h"

namespace weft {

class Model;

// How a talk becomes a prompt, beside its messages.
struct ChatOptions {
  std::string template_name;  // of the model's templates; empty: the default one
  // End with the beginning of the assistant's next message.
  bool add_generation_prompt = true;
  jinja::Value tools = jinja::Value::none();  // a list of JSON schemas, or none
  // Instead of plain messages: a list of dicts, with whatever a template looks for (tool_calls, …).
  jinja::Value messages;
  jinja::Variables variables;       // more variables of the template, by name
  std::function<DateTime()> clock;  // what strftime_now() says; empty: local time
};

// Fails with kNotFound where the model has no chat template (of that name), or as
// ChatTemplate::parse() and render() do; the message of kTemplateRaised is the template's own.
Result<RenderedPrompt> render_chat(const Model& model, const std::vector<ChatMessage>& messages,
                                   const ChatOptions& options = {});

// The ids of a rendered prompt. No BOS is put before it: that is the template's to say. Control
// tokens are recognised but for those that a message wrote (all or part of).
Result<std::vector<int32_t>> tokenize_prompt(const Model& model, const RenderedPrompt& prompt);

// Both.
Result<std::vector<int32_t>> tokenize_chat(const Model& model,
                                           const std::vector<ChatMessage>& messages,
                                           const ChatOptions& options = {});

}  // namespace weft
