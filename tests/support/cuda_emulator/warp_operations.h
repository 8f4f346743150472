// What 32 lanes do together, computed once all of them have come.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "kernels/cuda/device/host.h"

namespace weft::test {

enum class WarpOperation : uint8_t {
  kNone,
  kSync,
  kExchange,
  kBallot,
  kMatrices,
  kMmaHalf,
  kMmaBfloat,
  // Of a warpgroup, whose warps need not come together.
  kWarpgroupFence,
  kWarpgroupMultiply,
  kWarpgroupCommit,
  kWarpgroupWait
};

const char* warp_operation_name(WarpOperation operation);

// A lane's part in one, on the stack of the lane's fiber, which waits.
struct WarpCall {
  WarpOperation operation = WarpOperation::kNone;
  // kExchange: in value and source lane, out value. kBallot: in a bit, out all.
  uint64_t value = 0;
  int source_lane = 0;
  // mma: the lane's fragments.
  float* d = nullptr;
  const uint32_t* a = nullptr;
  const uint32_t* b = nullptr;
  // kMatrices: the lane's row of eight elements, what it is given, and how.
  const uint16_t* row = nullptr;
  uint32_t* words = nullptr;
  bool transposed = false;
  // kWarpgroupMultiply: with d and a. kWarpgroupWait: how many groups stay open.
  cuda::host::Mma kind = cuda::host::Mma::kHalf;
  int tokens = 0;
  uint64_t descriptor = 0;
  bool accumulate = false;
  int open = 0;
};
using WarpCalls = std::array<WarpCall*, cuda::kWarp>;

// Says what is wrong with the calls; "" if they could be served.
std::string serve(const WarpCalls& calls);

}  // namespace weft::test
