#include "api/stop_matcher.h"

#include <algorithm>
#include <utility>

namespace weft {

StopMatcher::StopMatcher(std::vector<std::string> stop_strings)
    : stop_strings_(std::move(stop_strings)) {
  std::erase(stop_strings_, "");
  for (const std::string& stop : stop_strings_) longest_ = std::max(longest_, stop.size());
}

std::string StopMatcher::push(std::string_view text) {
  if (stopped_) return "";
  held_ += text;
  size_t first = std::string::npos;
  for (const std::string& stop : stop_strings_) first = std::min(first, held_.find(stop));
  if (first != std::string::npos) {
    stopped_ = true;
    held_.resize(first);
    return std::exchange(held_, "");
  }
  // Hold back the longest tail that begins some stop string.
  size_t keep = std::min(held_.size(), longest_ > 0 ? longest_ - 1 : 0);
  for (; keep > 0; --keep) {
    const std::string_view tail = std::string_view(held_).substr(held_.size() - keep);
    if (std::any_of(stop_strings_.begin(), stop_strings_.end(),
                    [&](const std::string& stop) { return stop.starts_with(tail); })) {
      break;
    }
  }
  std::string out = held_.substr(0, held_.size() - keep);
  held_.erase(0, out.size());
  return out;
}

std::string StopMatcher::finish() { return stopped_ ? "" : std::exchange(held_, ""); }

}  // namespace weft
