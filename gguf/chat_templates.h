// The chat templates of a file: tokenizer.chat_template, and others as
// tokenizer.chat_template.NAME.
#pragma once

#include "core/error.h"
#include "core/text/chat_template_sources.h"
#include "gguf/metadata.h"

namespace weft::gguf {

// Fails with kGgufWrongKeyType where one is no string.
Result<ChatTemplateSources> load_chat_templates(const Metadata& metadata);

}  // namespace weft::gguf
