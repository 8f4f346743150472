#include "api/chat.h"

#include "api/c/boundary.h"
#include "api/c/convert.h"
#include "api/c/handles.h"

using namespace weft;
using namespace weft::c;

namespace weft::c {

Result<std::vector<ChatMessage>> messages_of(const weft_chat_message* messages, size_t count) {
  if (count > 0) WEFT_TRY(given({{messages, "messages"}}));
  std::vector<ChatMessage> result;
  result.reserve(count);
  for (const weft_chat_message& each : std::span(messages, count)) {
    WEFT_TRY_ASSIGN(const auto role, text_of(each.role.data, each.role.size, "role"));
    WEFT_TRY_ASSIGN(const auto content, text_of(each.content.data, each.content.size, "content"));
    result.push_back({std::string(role), std::string(content)});
  }
  return result;
}

Result<ChatOptions> chat_options_of(const weft_chat_options* options) {
  WEFT_TRY_ASSIGN(const auto all, options_of(options, weft_chat_options_init, "chat_options"));
  ChatOptions result;
  result.template_name = text_or(all.template_name, "");
  result.add_generation_prompt = all.add_generation_prompt != 0;
  return result;
}

}  // namespace weft::c

extern "C" {

void weft_chat_options_init(weft_chat_options* options, size_t struct_size) {
  const ChatOptions defaults;
  init_struct(options, struct_size,
              weft_chat_options{.struct_size = 0,
                                .template_name = "",
                                .add_generation_prompt = defaults.add_generation_prompt ? 1 : 0});
}

weft_status weft_model_render_chat(const weft_model* model, const weft_chat_message* messages,
                                   size_t count, const weft_chat_options* options,
                                   weft_text** prompt, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}, {prompt, "prompt"}}));
    WEFT_TRY_ASSIGN(const auto talk, messages_of(messages, count));
    WEFT_TRY_ASSIGN(const auto how, chat_options_of(options));
    WEFT_TRY_ASSIGN(auto rendered, render_chat(*model->value, talk, how));
    hand_out(prompt, std::move(rendered.text));
    return {};
  });
}

weft_status weft_model_tokenize_chat(const weft_model* model, const weft_chat_message* messages,
                                     size_t count, const weft_chat_options* options, weft_ids** ids,
                                     weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}, {ids, "ids"}}));
    WEFT_TRY_ASSIGN(const auto talk, messages_of(messages, count));
    WEFT_TRY_ASSIGN(const auto how, chat_options_of(options));
    WEFT_TRY_ASSIGN(auto all, tokenize_chat(*model->value, talk, how));
    hand_out(ids, std::move(all));
    return {};
  });
}

}  // extern "C"
