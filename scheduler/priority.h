// Priority: whose turn comes first among requests that wait. Plain data.
#pragma once

#include <cstdint>

namespace weft {

// The higher is started first, and preempted last.
enum class Priority : uint8_t { kLow, kNormal, kHigh, kUrgent };
inline constexpr int kNumPriorities = 4;  // How many there are.

}  // namespace weft
