// Plain types that kernels and whoever launches them share.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::cuda {

inline constexpr int kWarp = 32;

struct Dim3 {
  int x = 1, y = 1, z = 1;
};

// Sixteen bytes, the widest access of a thread. Warps that read neighbouring ones fill their
// memory transactions.
struct alignas(16) Vec4 {
  uint32_t x, y, z, w;
};
struct alignas(8) Vec2 {
  uint32_t x, y;
};

struct NoShared {};

}  // namespace weft::cuda
