// What every block format shares. A block is a packed struct of the file's own bytes
// (little-endian, alignment 1, so it may lie anywhere in a mapped file), with
//   kType      its type id,
//   kElements  how many values it holds,
// and a function `decode_block(const Block&, float* out)` that writes them all.
//
// decode_block is the definition of the format: the order of its float operations decides the
// last bit, and every kernel is measured against it. Nothing is fused (see WeftTarget.cmake).
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/half.h"

// Alignment 1, no padding.
#define WEFT_PACKED __attribute__((packed))

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "blocks are read as they lie in the file");

namespace weft {

// Values in a block of the "K" and "IQ" families.
inline constexpr int kSuperBlock = 256;

}  // namespace weft
