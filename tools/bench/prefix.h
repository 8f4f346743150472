// What the prefix cache saves: the time to the first token of a prompt that begins as one before it
// did, over that of a new one.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "api/engine.h"
#include "core/error.h"
#include "tools/bench/report.h"

namespace weft::tools {

// Pairs of prompts of `tokens` ids, `repetitions` times after one to warm up: a new one, and one
// that shares its first 95 % with it. Two rows, the new one's first.
Result<std::vector<BenchRow>> measure_prefix(const std::shared_ptr<const Model>& model,
                                             const EngineConfig& config, int32_t tokens,
                                             int32_t repetitions);

}  // namespace weft::tools
