// One block of finite floats into one block of a format: the inverse of decode_block, up to the
// format's step. encode_row_function (encode.h) is the way in; it makes the values finite first.
#pragma once

#include "core/quant/blocks.h"

namespace weft {

// encode_32.cpp: one scale for 32 values.
void encode_block(const float* x, BlockQ4_0& block);
void encode_block(const float* x, BlockQ4_1& block);
void encode_block(const float* x, BlockQ5_0& block);
void encode_block(const float* x, BlockQ5_1& block);
void encode_block(const float* x, BlockQ8_0& block);
void encode_block(const float* x, BlockQ8_1& block);

// encode_k.cpp: a scale for 256 values, and integer scales for groups in it.
void encode_block(const float* x, BlockQ2_K& block);
void encode_block(const float* x, BlockQ3_K& block);
void encode_block(const float* x, BlockQ4_K& block);
void encode_block(const float* x, BlockQ5_K& block);
void encode_block(const float* x, BlockQ6_K& block);
void encode_block(const float* x, BlockQ8_K& block);

// encode_levels.cpp: levels that are unevenly spaced.
void encode_block(const float* x, BlockIQ4_NL& block);
void encode_block(const float* x, BlockIQ4_XS& block);
void encode_block(const float* x, BlockMXFP4& block);
void encode_block(const float* x, BlockNVFP4& block);

// encode_small.cpp: one and two bits, ternary.
void encode_block(const float* x, BlockQ1_0& block);
void encode_block(const float* x, BlockQ2_0& block);
void encode_block(const float* x, BlockTQ1_0& block);
void encode_block(const float* x, BlockTQ2_0& block);

}  // namespace weft
