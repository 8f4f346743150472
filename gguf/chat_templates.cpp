#include "gguf/chat_templates.h"

namespace weft::gguf {

Result<ChatTemplateSources> load_chat_templates(const Metadata& metadata) {
  constexpr std::string_view kKey = "tokenizer.chat_template";
  ChatTemplateSources sources;
  for (const Entry& entry : metadata.entries()) {
    std::string_view name = entry.key;
    if (!name.starts_with(kKey)) continue;
    name.remove_prefix(kKey.size());
    if (!name.empty() && !name.starts_with('.')) continue;
    if (name.starts_with('.')) name.remove_prefix(1);
    WEFT_TRY_ASSIGN(const auto text, metadata.get<std::string_view>(entry.key));
    sources.by_name.emplace_back(name, text);
  }
  return sources;
}

}  // namespace weft::gguf
