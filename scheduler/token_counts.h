// TokenCounts: the ids of a sequence, each once, with how often it was generated: what penalties
// are for. Kept from token to token, so that a step costs its own ids and not the whole sequence.
// Owned by one sampler; not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/row_draw.h"

namespace weft {

// How often each id was generated.
class TokenCounts {
 public:
  // Those of `prompt` and `generated`, in the order in which they first came; valid until the next
  // call. Begins anew where the ids are not those of the last call and some more.
  std::span<const TokenCount> of(std::span<const int32_t> prompt,
                                 std::span<const int32_t> generated);

 private:
  bool continues(std::span<const int32_t> prompt, std::span<const int32_t> generated) const;
  void add(int32_t id, int32_t times_generated);

  std::vector<int32_t> prompt_, generated_;  // what was counted
  std::vector<TokenCount> counts_;
  std::unordered_map<int32_t, size_t> places_;  // of an id, in counts_
};

}  // namespace weft
