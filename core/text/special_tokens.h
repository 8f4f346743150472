// SpecialTokens: finds control and user-defined tokens in a text, before it is tokenised.
// Immutable; borrows the vocabulary's strings.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/text_range.h"
#include "core/text/vocab.h"

namespace weft {

// A stretch of text, or one special token.
struct Fragment {
  size_t begin = 0;
  size_t size = 0;
  int32_t token = -1;  // -1: plain text
};

class SpecialTokens {
 public:
  SpecialTokens(const std::vector<std::string>& tokens, std::span<const TokenType> types);

  // Cuts the text into fragments that cover it, none of them empty. User-defined tokens are
  // always found, control and unknown ones only with `parse_special`. Longer tokens win over
  // shorter ones wherever they stand, then lower ids, then earlier places. What touches a stretch
  // of `plain` (sorted, apart from each other) is never a control or unknown one.
  std::vector<Fragment> split(std::string_view text, bool parse_special,
                              std::span<const TextRange> plain = {}) const;

 private:
  struct Special {
    std::string_view text;
    int32_t id;
    bool only_parsed;  // a control or unknown token
  };

  // Indices of the specials that occur in the text at all, in order.
  std::vector<uint32_t> occurring(std::string_view text, bool parse_special) const;

  std::vector<Special> specials_;     // sorted by text
  std::vector<uint32_t> order_;       // indices into specials_: longest first, then lowest id
  std::vector<uint32_t> first_byte_;  // [257]: where specials_ starting with a byte begin
};

}  // namespace weft
