#include "kernels/cpu/packed/unpack.h"

#include <cstring>

#include "core/quant/blocks.h"
#include "kernels/cpu/packed/lattice.h"

namespace weft::cpu {
namespace {

// What the 32 codes of one column of a cell stand for, and 128: lattice points.
void read_points(const PackedFormat& format, const std::byte* cell, int column,
                 uint8_t (&codes)[kCellElements]) {
  const LatticeFormat& lattice = format.lattice;
  const std::byte* const high = cell + lattice.high_at();
  const std::byte* const signs = cell + lattice.signs_at();
  uint32_t field = 0;
  std::memcpy(&field, high + column * lattice.high_bytes(),
              static_cast<std::size_t>(lattice.high_bytes()));
  const auto mask = (1u << lattice.high_bits) - 1;
  for (int p = 0; p < lattice.points(); ++p) {
    const uint32_t index = static_cast<uint32_t>(cell[kGroupColumns * p + column]) |
                           (field >> (lattice.high_bits * p) & mask) << 8;
    const uint64_t point =
        lattice.elements == 8 ? points_of_8(format.type)[index] : points_of_4(format.type)[index];
    for (int i = 0; i < lattice.elements; ++i) {
      const int e = lattice.elements * p + i;
      const auto code = static_cast<uint8_t>(point >> (8 * i));
      const bool negative =
          lattice.signs && (static_cast<int>(signs[4 * column + e % 4]) >> (e / 4) & 1) != 0;
      codes[e] = static_cast<uint8_t>(negative ? -code : code);
    }
  }
}

// The 32 codes of one column of a cell, plane by plane, the low bits first.
void read_codes(const PackedFormat& format, const std::byte* cell, int column,
                uint8_t (&codes)[kCellElements]) {
  if (format.is_lattice()) return read_points(format, cell, column, codes);
  std::memset(codes, 0, sizeof(codes));
  int shift = 0;
  for (int plane = 8; plane > 0; plane /= 2) {
    if ((format.planes & plane) == 0) continue;
    const int mask = (1 << plane) - 1;
    for (int e = 0; e < kCellElements; ++e) {
      const int unit = e / 4;
      const auto byte = static_cast<int>(cell[kUnitBytes * (unit % plane) + 4 * column + e % 4]);
      const int bits = byte >> (plane * (unit / plane)) & mask;
      codes[e] = static_cast<uint8_t>(codes[e] | bits << shift);
    }
    cell += kUnitBytes * plane;
    shift += plane;
  }
}

float half_at(const std::byte* p, int column) {
  uint16_t bits;
  std::memcpy(&bits, p + 2 * column, sizeof(bits));
  return float_from_half(bits);
}

struct Scale {
  float scale = 0;
  float min = 0;  // taken from the product
};

// What eight cells share, of one column.
struct Shared {
  float d = 0;
  float m = 0;
  ScaleMins six_bits = {};
};

Shared read_shared(const PackedFormat& format, const std::byte* p, int column) {
  Shared shared;
  shared.d = half_at(p, column);
  if (format.has_min()) shared.m = half_at(p + 32, column);
  if (format.scale == ScaleKind::kScaleMin) shared.six_bits.unpack(p + 64);
  return shared;
}

// Of one sub-block of a cell, the index-th of eight.
Scale read_scale(const PackedFormat& format, const std::byte* cell, int64_t index, int sub,
                 int column, const Shared& shared) {
  const auto& [d, m, six_bits] = shared;
  const auto byte = [&](int at) { return static_cast<uint8_t>(cell[at + column]); };
  switch (format.scale) {
    case ScaleKind::kHalf:
      return {half_at(cell, column), 0};
    case ScaleKind::kHalfMin:
      return {half_at(cell, column), -half_at(cell + 32, column)};
    case ScaleKind::kE8M0:
      return {half_scale_from_e8m0(byte(0)), 0};
    case ScaleKind::kUE4M3:
      return {half_scale_from_ue4m3(byte(16 * sub)), 0};
    case ScaleKind::kSuper:
      return {d, 0};
    case ScaleKind::kOdd:
      return {d * format.lattice.unit * static_cast<float>(2 * (byte(0) >> (4 * sub) & 15) + 1), 0};
    case ScaleKind::kSigned:
      return {d * static_cast<float>(static_cast<int8_t>(byte(16 * sub))), 0};
    case ScaleKind::kScaleMin: {
      const int64_t at = kGroupColumns * index + column;
      return {d * static_cast<float>(six_bits.scale[at]), m * static_cast<float>(six_bits.min[at])};
    }
    case ScaleKind::kNone:
      break;
    case ScaleKind::kNibbles:
      return {d * static_cast<float>(byte(16 * sub) & 15),
              m * static_cast<float>(byte(16 * sub) >> 4)};
  }
  return {};
}

int value_of(const PackedFormat& format, uint8_t code) {
  switch (format.table) {
    case CodeTable::kNone:
      return code - format.offset;
    case CodeTable::kIq4:
      return iq4_levels()[code];
    case CodeTable::kFp4:
      return fp4_doubled_levels()[code];
    case CodeTable::kSigns:
      return 2 * code - 1;
  }
  return 0;
}

void unpack_floats(const std::byte* group, int column, int64_t k, float* out) {
  for (int64_t i = 0; i < k; ++i) {
    uint16_t bits;
    std::memcpy(&bits, group + kUnitBytes * (i / 2) + 4 * column + 2 * (i % 2), sizeof(bits));
    out[i] = float_from_bf16(bits);
  }
}

}  // namespace

void unpack_row(const PackedFormat& format, const std::byte* group, int column, int64_t k,
                float* out) {
  if (format.scale == ScaleKind::kNone) return unpack_floats(group, column, k, out);
  const std::byte* scales = group;
  const std::byte* codes = group + format.scales_size(k);
  Shared shared;
  for (int64_t c = 0; c < k / kCellElements; ++c) {
    if (format.is_super() && c % kSuperCells == 0) {
      shared = read_shared(format, scales, column);
      scales += format.super_bytes();
    }
    uint8_t cell[kCellElements];
    read_codes(format, codes, column, cell);
    for (int e = 0; e < kCellElements; ++e) {
      const Scale s =
          read_scale(format, scales, c % kSuperCells, e / format.sub_block, column, shared);
      const float product = s.scale * static_cast<float>(value_of(format, cell[e]));
      *out++ = format.has_min() ? product - s.min : product;
    }
    codes += format.cell_bytes();
    scales += format.scale_bytes();
  }
}

}  // namespace weft::cpu
