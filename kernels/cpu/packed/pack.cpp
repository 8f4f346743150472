#include "kernels/cpu/packed/pack.h"

#include <cstring>
#include <string>
#include <type_traits>

#include "core/check.h"
#include "core/quant/blocks.h"
#include "core/quant/decode.h"
#include "kernels/cpu/packed/activations.h"
#include "kernels/cpu/packed/pack_codes.h"
#include "kernels/cpu/packed/pack_lattice.h"
#include "kernels/cpu/packed/pack_scales.h"

namespace weft::cpu {
namespace {

// Bytes of a column that are asked for ahead: with sixteen columns side by side the processor's own
// prefetcher has more streams to follow than it can.
constexpr int kAhead = 1024;

void write_plane4(const CellCodes& codes, WordLanes* out) {
  for (int v = 0; v < 4; ++v) {
    const WordLanes& low = codes.unit[v];
    const WordLanes& high = codes.unit[v + 4];
    for_lanes(out[v], [&](int j) {
      return (low.lane[j] & 0x0f0f0f0fu) | (high.lane[j] & 0x0f0f0f0fu) << 4;
    });
  }
}

void write_plane2(const CellCodes& codes, int shift, WordLanes* out) {
  constexpr uint32_t kMask = 0x03030303u;
  for (int v = 0; v < 2; ++v) {
    const WordLanes* unit = codes.unit + v;
    for_lanes(out[v], [&](int j) {
      return (unit[0].lane[j] >> shift & kMask) | (unit[2].lane[j] >> shift & kMask) << 2 |
             (unit[4].lane[j] >> shift & kMask) << 4 | (unit[6].lane[j] >> shift & kMask) << 6;
    });
  }
}

void write_plane1(const CellCodes& codes, int shift, WordLanes& out) {
  for_lanes(out, [&](int j) {
    uint32_t bits = 0;
    for (int u = 0; u < kUnits; ++u) bits |= (codes.unit[u].lane[j] >> shift & 0x01010101u) << u;
    return bits;
  });
}

template <int kPlanes>
void write_cell(const CellCodes& codes, std::byte* dst) {
  if constexpr (kPlanes == 8) {
    std::memcpy(dst, &codes, sizeof(codes));
    return;
  }
  WordLanes planes[kPlanes];
  WordLanes* out = planes;
  int shift = 0;
  if constexpr ((kPlanes & 4) != 0) {
    write_plane4(codes, out);
    out += 4;
    shift += 4;
  }
  if constexpr ((kPlanes & 2) != 0) {
    write_plane2(codes, shift, out);
    out += 2;
    shift += 2;
  }
  if constexpr ((kPlanes & 1) != 0) write_plane1(codes, shift, *out);
  std::memcpy(dst, planes, sizeof(planes));
}

template <class B>
void pack_planes(const std::byte* rows, int64_t row_bytes, int columns, int64_t k,
                 std::byte* group) {
  constexpr PackedFormat kFormat = kPackedFormatOf<B::kType>;
  // A missing column is zero by its scale; its codes stay whatever a zeroed block gives.
  static constexpr B kMissing = {};
  BlockScales scale_columns[kGroupColumns];
  CellCodes codes[kCellsOf<B>];
  std::byte* scales = group;
  std::byte* cells = group + kFormat.scales_size(k);
  for (int64_t b = 0; b < k / B::kElements; ++b) {
    BlockColumns from;
    for (int j = 0; j < kGroupColumns; ++j) {
      from[j] = reinterpret_cast<const std::byte*>(&kMissing);
      if (j >= columns) continue;
      from[j] = rows + j * row_bytes + b * static_cast<int64_t>(sizeof(B));
      for (std::size_t at = 0; at < sizeof(B); at += 64) {
        __builtin_prefetch(from[j] + kAhead + at);
      }
    }
    for (int j = 0; j < kGroupColumns; ++j) {
      read_scales(*reinterpret_cast<const B*>(from[j]), scale_columns[j]);
    }
    scales = write_scales<B>(scale_columns, scales);
    read_codes(BlockTag<B>{}, from, codes);
    for (const CellCodes& cell : codes) {
      write_cell<kFormat.planes>(cell, cells);
      cells += kFormat.cell_bytes();
    }
  }
}

template <class B>
void pack(const std::byte* rows, int64_t row_bytes, int columns, int64_t k, std::byte* group) {
  if constexpr (kPackedFormatOf<B::kType>.is_lattice()) {
    pack_lattice<B>(rows, row_bytes, columns, k, group);
  } else {
    pack_planes<B>(rows, row_bytes, columns, k, group);
  }
}

// Floats to pairs of BF16.
void pack_floats(DType type, const std::byte* rows, int64_t row_bytes, int columns, int64_t k,
                 std::byte* group) {
  const DecodeRow decode = decode_row_function(type);
  const int64_t cell_bytes = *weft::row_bytes(type, kCellElements);
  for (int64_t c = 0; c < k / kCellElements; ++c) {
    for (int j = 0; j < kGroupColumns; ++j) {
      float values[kCellElements] = {};
      if (j < columns) decode(rows + j * row_bytes + c * cell_bytes, values, kCellElements);
      for (int e = 0; e < kCellElements; ++e) {
        const uint16_t stored = round_to_bf16(values[e]);
        std::memcpy(group + kUnitBytes * (e / 2) + 4 * j + 2 * (e % 2), &stored, sizeof(stored));
      }
    }
    group += 2 * kCellElements * kGroupColumns;
  }
}

}  // namespace

void pack_group(const PackedFormat& format, const std::byte* rows, int64_t row_bytes, int columns,
                int64_t k, std::byte* group) {
  switch (format.type) {
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
      return pack_floats(format.type, rows, row_bytes, columns, k, group);
#define WEFT_PACK(TYPE) \
  case DType::k##TYPE:  \
    return pack<Block##TYPE>(rows, row_bytes, columns, k, group);
      WEFT_PACK(Q4_0)
      WEFT_PACK(Q4_1)
      WEFT_PACK(Q5_0)
      WEFT_PACK(Q5_1)
      WEFT_PACK(Q8_0)
      WEFT_PACK(Q2_K)
      WEFT_PACK(Q3_K)
      WEFT_PACK(Q4_K)
      WEFT_PACK(Q5_K)
      WEFT_PACK(Q6_K)
      WEFT_PACK(IQ4_NL)
      WEFT_PACK(IQ4_XS)
      WEFT_PACK(MXFP4)
      WEFT_PACK(NVFP4)
      WEFT_PACK(Q1_0)
      WEFT_PACK(Q2_0)
      WEFT_PACK(TQ1_0)
      WEFT_PACK(TQ2_0)
      WEFT_PACK(IQ1_S)
      WEFT_PACK(IQ1_M)
      WEFT_PACK(IQ2_XXS)
      WEFT_PACK(IQ2_XS)
      WEFT_PACK(IQ2_S)
      WEFT_PACK(IQ3_XXS)
      WEFT_PACK(IQ3_S)
#undef WEFT_PACK
    default:
      WEFT_CHECK(false, "pack_group: type " + std::string(dtype_name(format.type)));
  }
}

}  // namespace weft::cpu
