// The two handlers of api/inference.h against each other: requests one after another, and in turns.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/engine.h"
#include "core/error.h"

namespace weft::tools {

struct HandlerFigures {
  int32_t requests = 0;
  bool concurrent = false;
  double total_seconds = 0;  // until the last request is done; medians of the repetitions
  double tokens_per_second = 0;
  double mean_latency_seconds = 0;  // from the start to a request's end
  double ratio = 1;                 // the blocking handler's total over this one's
};

// For each number of requests: both handlers in turn, `repetitions` times, each request generating
// up to `tokens` at temperature 0.7. Two rows each, the blocking handler's first.
Result<std::vector<HandlerFigures>> measure_handlers(const std::shared_ptr<const Model>& model,
                                                     const EngineConfig& config,
                                                     const std::vector<int32_t>& requests,
                                                     int32_t tokens, int32_t repetitions);

// `form`: md, json or csv.
std::string format_handlers(const std::vector<HandlerFigures>& rows, const std::string& form);

}  // namespace weft::tools
