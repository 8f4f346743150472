// StopMatcher: finds stop strings in text that arrives in pieces. Text that may yet turn out to
// be the beginning of a stop string is held back; a stop string itself is never emitted.
// Owned by one generation.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weft {

class StopMatcher {
 public:
  // Empty strings are ignored.
  explicit StopMatcher(std::vector<std::string> stop_strings);

  // Returns the text that can be emitted now. Once stopped() is true everything else is dropped.
  std::string push(std::string_view text);
  // The generation ended without a match: what was held back.
  std::string finish();
  bool stopped() const { return stopped_; }
  bool holding() const { return !held_.empty(); }

 private:
  std::vector<std::string> stop_strings_;
  size_t longest_ = 0;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace weft
