#include "tools/chat/talk.h"

#include <span>

#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "tools/json_value.h"

namespace weft::tools {

using nlohmann::ordered_json;

const std::string* system_of(const Talk& talk) {
  return !talk.empty() && talk.front().role == "system" ? &talk.front().content : nullptr;
}

void set_system(Talk& talk, const std::string& text) {
  if (system_of(talk)) talk.erase(talk.begin());
  if (!text.empty()) talk.insert(talk.begin(), {"system", text});
}

void clear_talk(Talk& talk) { talk.resize(system_of(talk) ? 1 : 0); }

Result<void> save_talk(const Talk& talk, const std::string& path) {
  ordered_json list = ordered_json::array();
  for (const ChatMessage& message : talk) {
    list.push_back({{"role", message.role}, {"content", message.content}});
  }
  const std::string text =
      list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  WEFT_TRY_ASSIGN(AtomicFile file, AtomicFile::create(path));
  WEFT_TRY(file.write(std::as_bytes(std::span(text))));
  return file.commit();
}

Result<Talk> load_talk(const std::string& path) {
  WEFT_TRY_ASSIGN(const std::string text, read_text_file(path));
  const auto list = ordered_json::parse(text, nullptr, false);
  if (!list.is_array()) {
    return fail(ErrorCode::kInvalidArgument, path + ": not a JSON array of messages");
  }
  Talk talk;
  for (const ordered_json& one : list) {
    const bool whole = one.is_object() && one.contains("role") && one["role"].is_string() &&
                       one.contains("content") && one["content"].is_string();
    if (!whole) {
      return fail(ErrorCode::kInvalidArgument,
                  path + ": message " + std::to_string(talk.size()) +
                      " is no object with the strings \"role\" and \"content\"");
    }
    talk.push_back({one["role"].get<std::string>(), one["content"].get<std::string>()});
  }
  return talk;
}

}  // namespace weft::tools
