// Q8_K: 256 signed bytes, a float scale, and the sums of each 16 values, which dot products
// against formats with a minimum use. Made for activations; files do not carry it in practice.
//   x = d · q
#pragma once

#include "core/quant/block.h"

namespace weft {

struct WEFT_PACKED BlockQ8_K {
  static constexpr DType kType = DType::kQ8_K;
  static constexpr int kElements = kSuperBlock;
  float d;
  int8_t qs[256];
  int16_t bsums[16];  // play no part in decoding
};
static_assert(sizeof(BlockQ8_K) == 292);

WEFT_HD void decode_block(const BlockQ8_K& block, float* out) {
  const float d = block.d;
  for (int j = 0; j < kSuperBlock; ++j) out[j] = d * static_cast<float>(block.qs[j]);
}

}  // namespace weft
