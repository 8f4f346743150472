// How evenly running streams go on while long prompts arrive, and what that leaves of the prompts'
// own rate.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "api/engine.h"
#include "core/error.h"
#include "tools/bench/report.h"

namespace weft::tools {

struct StallCase {
  int32_t prompt_tokens = 4096;
  int32_t streams = 4;
  int32_t stream_tokens = 128;  // of a generation; a stream is one after the other
};

// The prompts alone, the streams alone (before the prompts and after them), and both together: one
// prompt after the other, `repetitions` of each. Four rows:
//   stall:pp4096            the prompts alone
//   stall:tg128@4           the streams alone: time between two tokens, p50 and p99
//   stall:tg128@4+pp4096    the streams while prompts are computed; p99 over the streams' p50 alone
//   stall:pp4096+tg128@4    the prompts meanwhile; their share of the rate alone
Result<std::vector<BenchRow>> measure_stall(const std::shared_ptr<const Model>& model,
                                            const EngineConfig& config, const StallCase& wanted,
                                            int32_t repetitions);

}  // namespace weft::tools
