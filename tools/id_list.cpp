#include "tools/id_list.h"

#include <charconv>
#include <string_view>

namespace weft::tools {

Result<std::vector<int32_t>> parse_ids(const std::vector<std::string>& texts) {
  std::vector<int32_t> ids;
  for (std::string_view text : texts) {
    while (true) {
      const size_t start = text.find_first_not_of(", \t\r\n");
      if (start == std::string_view::npos) break;
      text.remove_prefix(start);
      const std::string_view word = text.substr(0, text.find_first_of(", \t\r\n"));
      int32_t id = 0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
      if (error != std::errc() || end != word.data() + word.size()) {
        return fail(ErrorCode::kInvalidArgument,
                    "token ids: \"" + std::string(word.substr(0, 40)) + "\" is no token id");
      }
      ids.push_back(id);
      text.remove_prefix(word.size());
    }
  }
  return ids;
}

}  // namespace weft::tools
