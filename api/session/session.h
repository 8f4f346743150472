// Session: a sequence that goes on later, in another process or on another machine: its ids, what
// they are drawn with, and the keys and values that were computed for them. Plain data; knows no
// context and no file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "scheduler/sampler.h"

namespace weft {

struct Session {
  uint64_t model = 0;        // ModelInfo::fingerprint
  std::vector<int32_t> ids;  // prompt and generated
  int64_t num_prompt = 0;    // of them; penalties tell the two apart
  // What the ids were drawn with. It has no other state: random numbers are keyed by seed and
  // position.
  SamplingParams sampling;

  // Keys and values of the first kv_tokens ids, in whole blocks; what is left is computed again
  // from the ids, with the same bits. They fit where Backend::kv_identity() is this one.
  std::string kv_identity;
  int64_t kv_tokens = 0;
  std::vector<std::byte> kv;
};

}  // namespace weft
