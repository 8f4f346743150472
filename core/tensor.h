// HostTensor: a named, typed, read-only view of a weight as its file stores it. Owns nothing;
// whoever made it keeps the bytes alive.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/dtype.h"

namespace weft {

struct HostTensor {
  std::string name;
  DType type = DType::kF32;
  // Extents in GGUF order: shape[0] is the contiguous one (columns, the input features of a
  // matrix), shape[1] the rows (output features). Unused extents are 1.
  std::array<int64_t, 4> shape = {0, 1, 1, 1};
  std::span<const std::byte> bytes;

  bool present() const { return bytes.data() != nullptr; }
  int64_t cols() const { return shape[0]; }
  int64_t rows() const { return shape[1] * shape[2] * shape[3]; }
  int64_t elements() const { return cols() * rows(); }
};

// "[4096, 4096]", leaving out trailing extents of 1 beyond the first.
std::string shape_string(const std::array<int64_t, 4>& shape);

}  // namespace weft
