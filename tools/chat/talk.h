// A talk: messages in order, to and from a JSON file.
#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "core/text/chat_template.h"

namespace weft::tools {

using Talk = std::vector<ChatMessage>;

// The system message, which is first; an empty text takes it away.
void set_system(Talk& talk, const std::string& text);
// nullptr: there is none.
const std::string* system_of(const Talk& talk);
// All but the system message goes.
void clear_talk(Talk& talk);

// One JSON array of {"role", "content"}, written atomically.
Result<void> save_talk(const Talk& talk, const std::string& path);
// Fails with kInvalidArgument for what is no such array, naming the element.
Result<Talk> load_talk(const std::string& path);

}  // namespace weft::tools
