// The time to the first token of one prompt.
#pragma once

#include <cstdint>
#include <vector>

#include "api/engine.h"
#include "core/error.h"

namespace weft::tools {

struct FirstToken {
  double seconds = 0;                // from the submission
  int64_t computed = 0, cached = 0;  // tokens of the prompt

  double rate() const { return static_cast<double>(computed) / seconds; }
};

// Submits, waits for one token, and ends. Fails as submit() and the generation do.
Result<FirstToken> time_to_first_token(Engine& engine, std::vector<int32_t> prompt_ids);

}  // namespace weft::tools
