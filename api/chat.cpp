#include "api/chat.h"

#include "api/model.h"
#include "core/text/tokenizer.h"

namespace weft {
namespace {

std::string token_text(const Vocab& vocab, const std::optional<int32_t>& id) {
  return id ? vocab.tokens[static_cast<size_t>(*id)] : "";
}

}  // namespace

Result<RenderedPrompt> render_chat(const Model& model, const std::vector<ChatMessage>& messages,
                                   const ChatOptions& options) {
  WEFT_TRY_ASSIGN(const auto parsed, model.chat_template(options.template_name));
  const Vocab& vocab = model.tokenizer().vocab();
  ChatInput input;
  input.messages = options.messages.is_list() ? options.messages : chat_messages(messages);
  input.tools = options.tools;
  input.add_generation_prompt = options.add_generation_prompt;
  input.bos_token = token_text(vocab, vocab.bos_id);
  input.eos_token = token_text(vocab, vocab.eos_id);
  input.extra = options.variables;
  input.clock = options.clock;
  return parsed->render(input);
}

Result<std::vector<int32_t>> tokenize_prompt(const Model& model, const RenderedPrompt& prompt) {
  return model.tokenizer().encode(
      prompt.text, {.add_special = false, .parse_special = true, .plain = prompt.plain});
}

Result<std::vector<int32_t>> tokenize_chat(const Model& model,
                                           const std::vector<ChatMessage>& messages,
                                           const ChatOptions& options) {
  WEFT_TRY_ASSIGN(const RenderedPrompt prompt, render_chat(model, messages, options));
  return tokenize_prompt(model, prompt);
}

}  // namespace weft
