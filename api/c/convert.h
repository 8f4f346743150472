// Structs of weft.h as those of the C++ interface and back, where several files need them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "api/c/boundary.h"
#include "api/chat.h"
#include "api/model.h"

namespace weft::c {

// Its texts are those of `info`.
weft_model_info info_of(const ModelInfo& info);

inline Result<std::span<const int32_t>> ids_of(const int32_t* ids, size_t count, const char* name) {
  if (count > 0) WEFT_TRY(given({{ids, name}}));
  return std::span(ids, count);
}

// chat.cpp
Result<std::vector<ChatMessage>> messages_of(const weft_chat_message* messages, size_t count);
Result<ChatOptions> chat_options_of(const weft_chat_options* options);

// context.cpp
Result<ContextParams> context_params_of(const weft_context_params* params);

}  // namespace weft::c
