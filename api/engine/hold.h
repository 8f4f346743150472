// Hold: a claim to the engine's turns for one caller alone. Waits in line on the step thread until
// it is granted, between two steps; from then on everything but its own turns stands still.
#pragma once

#include <future>

#include "core/error.h"

namespace weft::engine {

struct Hold {
  // Step thread, once: granted, or why not.
  std::promise<Result<void>> granted;
};

}  // namespace weft::engine
