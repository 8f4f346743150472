#include "kernels/cpu/packed/pack.h"

#include <cstring>
#include <string>
#include <type_traits>

#include "core/check.h"
#include "core/quant/blocks.h"

namespace weft::cpu {
namespace {

// What is read of one block: codes in their natural order and the raw scales.
struct Block256 {
  alignas(64) uint8_t codes[kSuperBlock];
  uint16_t d = 0, m = 0;
  uint8_t scale[16] = {};  // of each sub-block
  uint8_t min[16] = {};
};

// Values j in the low, j + 16 in the high nibbles.
void read_nibbles16(const uint8_t* qs, uint8_t* codes) {
  for (int j = 0; j < 16; ++j) codes[j] = qs[j] & 15;
  for (int j = 0; j < 16; ++j) codes[j + 16] = qs[j] >> 4;
}

// Groups of 32 by pairs: the first in the low, the second in the high nibbles of 32 bytes.
void read_nibbles32(const uint8_t* qs, uint8_t* codes) {
  for (int p = 0; p < 4; ++p) {
    for (int j = 0; j < 32; ++j) codes[64 * p + j] = qs[32 * p + j] & 15;
    for (int j = 0; j < 32; ++j) codes[64 * p + 32 + j] = qs[32 * p + j] >> 4;
  }
}

// Value i in qs[32·(i / 128) + i % 32], bits 2·((i / 32) % 4) and up.
void read_pairs(const uint8_t* qs, uint8_t* codes) {
  for (int group = 0; group < 8; ++group) {
    const uint8_t* q = qs + 32 * (group / 4);
    const int shift = 2 * (group % 4);
    for (int j = 0; j < 32; ++j) codes[32 * group + j] = (q[j] >> shift) & 3;
  }
}

template <class B>
void read_fifth_bits(const B& block, uint8_t* codes) {
  for (int i = 0; i < 32; ++i) codes[i] |= static_cast<uint8_t>((block.qh >> i & 1) << 4);
}

void read(const BlockQ4_0& b, Block256& out) {
  out.d = b.d;
  read_nibbles16(b.qs, out.codes);
}
void read(const BlockQ4_1& b, Block256& out) {
  out.d = b.d;
  out.m = b.m;
  read_nibbles16(b.qs, out.codes);
}
void read(const BlockQ5_0& b, Block256& out) {
  out.d = b.d;
  read_nibbles16(b.qs, out.codes);
  read_fifth_bits(b, out.codes);
}
void read(const BlockQ5_1& b, Block256& out) {
  out.d = b.d;
  out.m = b.m;
  read_nibbles16(b.qs, out.codes);
  read_fifth_bits(b, out.codes);
}
void read(const BlockQ8_0& b, Block256& out) {
  out.d = b.d;
  for (int i = 0; i < 32; ++i) out.codes[i] = static_cast<uint8_t>(b.qs[i] + 128);
}
void read(const BlockIQ4_NL& b, Block256& out) {
  out.d = b.d;
  read_nibbles16(b.qs, out.codes);
}
void read(const BlockMXFP4& b, Block256& out) {
  out.scale[0] = b.e;
  read_nibbles16(b.qs, out.codes);
}
void read(const BlockQ2_K& b, Block256& out) {
  out.d = b.d;
  out.m = b.dmin;
  std::memcpy(out.scale, b.scales, sizeof(out.scale));
  read_pairs(b.qs, out.codes);
}
void read(const BlockQ3_K& b, Block256& out) {
  out.d = b.d;
  for (int g = 0; g < 16; ++g) {
    out.scale[g] = static_cast<uint8_t>(unpack_q3_k_scale(b.scales, g));
  }
  read_pairs(b.qs, out.codes);
  for (int group = 0; group < 8; ++group) {
    for (int j = 0; j < 32; ++j) {
      out.codes[32 * group + j] |= static_cast<uint8_t>((b.hmask[j] >> group & 1) << 2);
    }
  }
}
template <class B>
void read_scale_mins(const B& b, Block256& out) {
  out.d = b.d;
  out.m = b.dmin;
  for (int g = 0; g < 8; ++g) {
    const ScaleMin packed = unpack_scale_min(b.scales, g);
    out.scale[g] = packed.scale;
    out.min[g] = packed.min;
  }
}
void read(const BlockQ4_K& b, Block256& out) {
  read_scale_mins(b, out);
  read_nibbles32(b.qs, out.codes);
}
void read(const BlockQ5_K& b, Block256& out) {
  read_scale_mins(b, out);
  read_nibbles32(b.qs, out.codes);
  for (int group = 0; group < 8; ++group) {
    for (int j = 0; j < 32; ++j) {
      out.codes[32 * group + j] |= static_cast<uint8_t>((b.qh[j] >> group & 1) << 4);
    }
  }
}
void read(const BlockQ6_K& b, Block256& out) {
  out.d = b.d;
  std::memcpy(out.scale, b.scales, sizeof(out.scale));
  for (int half = 0; half < 2; ++half) {
    const uint8_t* low = b.ql + 64 * half;
    const uint8_t* high = b.qh + 32 * half;
    uint8_t* codes = out.codes + 128 * half;
    for (int j = 0; j < 64; ++j) codes[j] = low[j] & 15;
    for (int j = 0; j < 64; ++j) codes[j + 64] = low[j] >> 4;
    for (int q = 0; q < 4; ++q) {
      for (int j = 0; j < 32; ++j) {
        codes[32 * q + j] |= static_cast<uint8_t>((high[j] >> (2 * q) & 3) << 4);
      }
    }
  }
}
void read(const BlockIQ4_XS& b, Block256& out) {
  out.d = b.d;
  for (int g = 0; g < 8; ++g) {
    out.scale[g] = static_cast<uint8_t>(iq4_xs_scale(b, g));
    read_nibbles16(b.qs + 16 * g, out.codes + 32 * g);
  }
}
void read(const BlockTQ2_0& b, Block256& out) {
  out.d = b.d;
  read_pairs(b.qs, out.codes);
}

using Words = uint32_t[kUnits][kGroupColumns];  // four codes each, [unit][column]

// Codes are below 16 in each byte of a word, so that words shift as a whole.
void write_plane4(const Words& words, uint32_t* out) {
  for (int v = 0; v < 4; ++v) {
    for (int j = 0; j < kGroupColumns; ++j) {
      out[v * kGroupColumns + j] = (words[v][j] & 0x0f0f0f0fu) | (words[v + 4][j] & 0x0f0f0f0fu)
                                                                     << 4;
    }
  }
}

void write_plane2(const Words& words, int shift, uint32_t* out) {
  const uint32_t mask = 0x03030303u;
  for (int v = 0; v < 2; ++v) {
    for (int j = 0; j < kGroupColumns; ++j) {
      out[v * kGroupColumns + j] =
          (words[v][j] >> shift & mask) | (words[v + 2][j] >> shift & mask) << 2 |
          (words[v + 4][j] >> shift & mask) << 4 | (words[v + 6][j] >> shift & mask) << 6;
    }
  }
}

void write_plane1(const Words& words, int shift, uint32_t* out) {
  for (int j = 0; j < kGroupColumns; ++j) {
    uint32_t bits = 0;
    for (int u = 0; u < kUnits; ++u) bits |= (words[u][j] >> shift & 0x01010101u) << u;
    out[j] = bits;
  }
}

// The planes of one cell, from codes[column] that lie `stride` apart.
template <int kPlanes>
void write_cell(const uint8_t* codes, std::size_t stride, std::byte* dst) {
  Words words;
  for (int j = 0; j < kGroupColumns; ++j) {
    for (int u = 0; u < kUnits; ++u) std::memcpy(&words[u][j], codes + stride * j + 4 * u, 4);
  }
  uint32_t planes[kPlanes * kUnitBytes / 4];
  uint32_t* out = planes;
  if constexpr (kPlanes == 8) {
    std::memcpy(out, words, sizeof(words));
  } else {
    int shift = 0;
    if constexpr ((kPlanes & 4) != 0) {
      write_plane4(words, out);
      out += 4 * kGroupColumns;
      shift += 4;
    }
    if constexpr ((kPlanes & 2) != 0) {
      write_plane2(words, shift, out);
      out += 2 * kGroupColumns;
      shift += 2;
    }
    if constexpr ((kPlanes & 1) != 0) write_plane1(words, shift, out);
  }
  std::memcpy(dst, planes, sizeof(planes));
}

std::byte* put(std::byte* dst, const void* src, std::size_t n) {
  std::memcpy(dst, src, n);
  return dst + n;
}

// The scales of one block of all columns; returns where the next ones go.
template <class B>
std::byte* write_scales(const PackedFormat& format, const Block256 (&blocks)[kGroupColumns],
                        std::byte* dst) {
  uint16_t d[kGroupColumns];
  uint16_t m[kGroupColumns];
  uint8_t s[16][kGroupColumns];
  uint8_t t[16][kGroupColumns];
  for (int j = 0; j < kGroupColumns; ++j) {
    d[j] = blocks[j].d;
    m[j] = blocks[j].m;
    for (int g = 0; g < 16; ++g) {
      s[g][j] = blocks[j].scale[g];
      t[g][j] = blocks[j].min[g];
    }
  }
  if (format.scale == ScaleKind::kE8M0) return put(dst, s[0], sizeof(s[0]));
  dst = put(dst, d, sizeof(d));
  if (format.has_min()) dst = put(dst, m, sizeof(m));
  const int subs = B::kElements / format.sub_block;
  switch (format.scale) {
    case ScaleKind::kSigned:
    case ScaleKind::kNibbles:
      for (int g = 0; g < subs; ++g) dst = put(dst, s[g], sizeof(s[g]));
      break;
    case ScaleKind::kScaleMin:
      for (int g = 0; g < subs; ++g) {
        dst = put(dst, s[g], sizeof(s[g]));
        dst = put(dst, t[g], sizeof(t[g]));
      }
      break;
    default:
      break;
  }
  return dst;
}

template <class B, int kPlanes>
void pack(const PackedFormat& format, const std::byte* rows, int64_t row_bytes, int columns,
          int64_t k, std::byte* group) {
  constexpr int kCells = B::kElements / kCellElements;
  Block256 blocks[kGroupColumns] = {};
  // A missing column is zero by its scale; its codes stay whatever a zeroed block gives.
  std::byte* scales = group;
  std::byte* cells = group + format.scales_size(k);
  for (int64_t b = 0; b < k / B::kElements; ++b) {
    for (int j = 0; j < columns; ++j) {
      read(*reinterpret_cast<const B*>(rows + j * row_bytes + b * sizeof(B)), blocks[j]);
    }
    scales = write_scales<B>(format, blocks, scales);
    for (int c = 0; c < kCells; ++c, cells += kPlanes * kUnitBytes) {
      write_cell<kPlanes>(blocks[0].codes + kCellElements * c, sizeof(Block256), cells);
    }
  }
}

}  // namespace

void pack_group(const PackedFormat& format, const std::byte* rows, int64_t row_bytes, int columns,
                int64_t k, std::byte* group) {
  const auto with = [&](auto tag, auto planes) {
    pack<typename decltype(tag)::type, decltype(planes)::value>(format, rows, row_bytes, columns, k,
                                                                group);
  };
  using std::integral_constant;
  switch (format.type) {
#define WEFT_PACK(TYPE, PLANES) \
  case DType::k##TYPE:          \
    return with(BlockTag<Block##TYPE>{}, integral_constant<int, PLANES>{});
    WEFT_PACK(Q4_0, 4)
    WEFT_PACK(Q4_1, 4)
    WEFT_PACK(Q5_0, 5)
    WEFT_PACK(Q5_1, 5)
    WEFT_PACK(Q8_0, 8)
    WEFT_PACK(Q2_K, 2)
    WEFT_PACK(Q3_K, 3)
    WEFT_PACK(Q4_K, 4)
    WEFT_PACK(Q5_K, 5)
    WEFT_PACK(Q6_K, 6)
    WEFT_PACK(IQ4_NL, 4)
    WEFT_PACK(IQ4_XS, 4)
    WEFT_PACK(MXFP4, 4)
    WEFT_PACK(TQ2_0, 2)
#undef WEFT_PACK
    default:
      WEFT_CHECK(false, "pack_group: type " + std::string(dtype_name(format.type)));
  }
}

}  // namespace weft::cpu
