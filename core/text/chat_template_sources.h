// The chat templates that a model's file carries, as text: a default one, and possibly others by
// name ("tool_use"). Filled by a file loader; core/text/chat_template.h knows what they mean.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft {

// Templates by name.
struct ChatTemplateSources {
  std::vector<std::pair<std::string, std::string>> by_name;  // the default one has the name ""

  // Whether there is none.
  bool empty() const { return by_name.empty(); }

  // nullptr: there is none of that name.
  const std::string* find(std::string_view name = "") const {
    const auto found =
        std::ranges::find(by_name, name, &std::pair<std::string, std::string>::first);
    return found == by_name.end() ? nullptr : &found->second;
  }
};

}  // namespace weft
