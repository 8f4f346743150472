// Types without blocks, written as blocks of one value so that one template serves all types.
// 64-bit values and I32 are rounded once, to nearest, ties to even.
#pragma once

#include "core/quant/block.h"

namespace weft {

struct WEFT_PACKED BlockF32 {
  static constexpr DType kType = DType::kF32;
  static constexpr int kElements = 1;
  float value;
};

struct WEFT_PACKED BlockF16 {
  static constexpr DType kType = DType::kF16;
  static constexpr int kElements = 1;
  uint16_t value;  // IEEE binary16
};

struct WEFT_PACKED BlockBF16 {
  static constexpr DType kType = DType::kBF16;
  static constexpr int kElements = 1;
  uint16_t value;  // upper half of a binary32
};

struct WEFT_PACKED BlockF64 {
  static constexpr DType kType = DType::kF64;
  static constexpr int kElements = 1;
  double value;
};

struct WEFT_PACKED BlockI8 {
  static constexpr DType kType = DType::kI8;
  static constexpr int kElements = 1;
  int8_t value;
};

struct WEFT_PACKED BlockI16 {
  static constexpr DType kType = DType::kI16;
  static constexpr int kElements = 1;
  int16_t value;
};

struct WEFT_PACKED BlockI32 {
  static constexpr DType kType = DType::kI32;
  static constexpr int kElements = 1;
  int32_t value;
};

struct WEFT_PACKED BlockI64 {
  static constexpr DType kType = DType::kI64;
  static constexpr int kElements = 1;
  int64_t value;
};

WEFT_HD void decode_block(const BlockF32& block, float* out) { *out = block.value; }
WEFT_HD void decode_block(const BlockF16& block, float* out) {
  *out = float_from_half(block.value);
}
WEFT_HD void decode_block(const BlockBF16& block, float* out) {
  *out = float_from_bf16(block.value);
}
WEFT_HD void decode_block(const BlockF64& block, float* out) {
  *out = static_cast<float>(block.value);
}
WEFT_HD void decode_block(const BlockI8& block, float* out) { *out = block.value; }
WEFT_HD void decode_block(const BlockI16& block, float* out) { *out = block.value; }
WEFT_HD void decode_block(const BlockI32& block, float* out) {
  *out = static_cast<float>(block.value);
}
WEFT_HD void decode_block(const BlockI64& block, float* out) {
  *out = static_cast<float>(block.value);
}

}  // namespace weft
