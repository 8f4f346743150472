// Where a file's blocks keep their scales: from the blocks of sixteen columns to the scales of a
// packed group, [sub-block][column].
#pragma once

#include "core/quant/blocks.h"
#include "kernels/cpu/packed/pack_codes.h"
#include "kernels/cpu/packed/words.h"

namespace weft::cpu {

// What is read of one column's block.
struct BlockScales {
  uint16_t d = 0, m = 0;
  alignas(16) uint8_t scale[16] = {};  // of each sub-block
  alignas(16) uint8_t min[16] = {};
};

static inline void read_scale_mins(const uint8_t* packed, BlockScales& out) {
  // Four bytes at a time, as unpack_scale_min() has it byte by byte.
  uint32_t word[3];
  std::memcpy(word, packed, sizeof(word));
  const uint32_t scale[2] = {word[0] & 0x3f3f3f3fu,
                             (word[2] & 0x0f0f0f0fu) | (word[0] >> 2 & 0x30303030u)};
  const uint32_t min[2] = {word[1] & 0x3f3f3f3fu,
                           (word[2] >> 4 & 0x0f0f0f0fu) | (word[1] >> 2 & 0x30303030u)};
  std::memcpy(out.scale, scale, sizeof(scale));
  std::memcpy(out.min, min, sizeof(min));
}

template <class B>
static inline void read_scales(const B& b, BlockScales& out) {
  if constexpr (B::kType == DType::kMXFP4) {
    out.scale[0] = b.e;
  } else if constexpr (B::kType == DType::kNVFP4) {
    std::memcpy(out.scale, b.scales, sizeof(b.scales));
  } else {
    out.d = b.d;
  }
  if constexpr (B::kType == DType::kQ4_1 || B::kType == DType::kQ5_1) {
    out.m = b.m;
  } else if constexpr (B::kType == DType::kQ2_K) {
    out.m = b.dmin;
    std::memcpy(out.scale, b.scales, sizeof(out.scale));
  } else if constexpr (B::kType == DType::kQ3_K) {
    for (int g = 0; g < 16; ++g) {
      out.scale[g] = static_cast<uint8_t>(unpack_q3_k_scale(b.scales, g));
    }
  } else if constexpr (B::kType == DType::kQ4_K || B::kType == DType::kQ5_K) {
    out.m = b.dmin;
    read_scale_mins(b.scales, out);
  } else if constexpr (B::kType == DType::kQ6_K) {
    std::memcpy(out.scale, b.scales, sizeof(out.scale));
  } else if constexpr (B::kType == DType::kIQ4_XS) {
    for (int g = 0; g < 8; ++g) out.scale[g] = static_cast<uint8_t>(iq4_xs_scale(b, g));
  }
}

// out[g × stride + j] = byte g of bytes[j], g < count, a multiple of 4.
static inline void turn_bytes(const std::byte* const (&columns)[kGroupColumns], int count,
                              std::size_t stride, std::byte* out) {
  WordLanes words[4];
  turn_words<4>(columns, 0, words);
  for (int g = 0; g < count; ++g) {
    uint8_t bytes[kGroupColumns];
    for (int j = 0; j < kGroupColumns; ++j) {
      bytes[j] = static_cast<uint8_t>(words[g / 4].lane[j] >> (8 * (g % 4)));
    }
    std::memcpy(out + static_cast<std::size_t>(g) * stride, bytes, sizeof(bytes));
  }
}

// The scales of one block of all columns; returns where the next ones go.
template <class B>
static inline std::byte* write_scales(const BlockScales (&columns)[kGroupColumns], std::byte* dst) {
  constexpr PackedFormat kFormat = kPackedFormatOf<B::kType>;
  constexpr int kSubs = B::kElements / kFormat.sub_block;
  const std::byte* scale[kGroupColumns];
  const std::byte* min[kGroupColumns];
  uint16_t d[kGroupColumns];
  uint16_t m[kGroupColumns];
  for (int j = 0; j < kGroupColumns; ++j) {
    scale[j] = reinterpret_cast<const std::byte*>(columns[j].scale);
    min[j] = reinterpret_cast<const std::byte*>(columns[j].min);
    d[j] = columns[j].d;
    m[j] = columns[j].m;
  }
  if constexpr (kFormat.scale == ScaleKind::kE8M0) {
    turn_bytes(scale, 1, kGroupColumns, dst);
    return dst + kGroupColumns;
  }
  if constexpr (kFormat.scale == ScaleKind::kUE4M3) {
    turn_bytes(scale, kSubs, kGroupColumns, dst);
    return dst + kSubs * kGroupColumns;
  }
  if constexpr (kFormat.scale == ScaleKind::kHalf) {
    for (int c = 0; c < kCellsOf<B>; ++c, dst += sizeof(d)) std::memcpy(dst, d, sizeof(d));
    return dst;
  }
  std::memcpy(dst, d, sizeof(d));
  dst += sizeof(d);
  if constexpr (kFormat.has_min()) {
    std::memcpy(dst, m, sizeof(m));
    dst += sizeof(m);
  }
  if constexpr (kFormat.scale == ScaleKind::kSigned || kFormat.scale == ScaleKind::kNibbles) {
    turn_bytes(scale, kSubs, kGroupColumns, dst);
    dst += kSubs * kGroupColumns;
  } else if constexpr (kFormat.scale == ScaleKind::kScaleMin) {
    ScaleMins six_bits;
    turn_bytes(scale, kSubs, kGroupColumns, six_bits.scale);
    turn_bytes(min, kSubs, kGroupColumns, six_bits.min);
    six_bits.pack(dst);
    dst += kScaleMinBytes;
  }
  return dst;
}

}  // namespace weft::cpu
