#include "kernels/cuda/pack_weight.h"

#include <cmath>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "core/check.h"
#include "core/quant/blocks.h"

namespace weft::cuda {
namespace {

// What multiplies a block's integers: base × sub of the group, and the minima. Bits are halves,
// or as the format says.
struct Scales {
  uint16_t base = 0;
  uint16_t min_base = 0;
  int sub[16] = {};
  int min[16] = {};  // bytes, or the bits of a half
};

constexpr uint16_t kOne = 0x3c00;    // half
constexpr uint16_t kFour = 0x4400;   // half
constexpr uint16_t kEight = 0x4800;  // half

// Each takes the scales out of a block and leaves some with which decode_block() writes the bare
// integers: what a format's codes mean is asked of its one definition, not told again.
template <class B>
Scales take_base(B& b) {
  const Scales s{.base = b.d};
  b.d = kOne;
  return s;
}
Scales take(BlockQ4_0& b) { return take_base(b); }
Scales take(BlockQ5_0& b) { return take_base(b); }
Scales take(BlockQ8_0& b) { return take_base(b); }
Scales take(BlockIQ4_NL& b) { return take_base(b); }
Scales take(BlockQ1_0& b) { return take_base(b); }
Scales take(BlockQ2_0& b) { return take_base(b); }
Scales take(BlockTQ1_0& b) { return take_base(b); }
Scales take(BlockTQ2_0& b) { return take_base(b); }

template <class B>
Scales take_base_min(B& b) {
  Scales s = take_base(b);
  s.min[0] = b.m;
  b.m = 0;
  return s;
}
Scales take(BlockQ4_1& b) { return take_base_min(b); }
Scales take(BlockQ5_1& b) { return take_base_min(b); }

Scales take(BlockMXFP4& b) {
  // 2^(e - 128), for e of 0 and 1 a subnormal of bfloat16 as of float32.
  const Scales s{.base = bf16_from_float(half_scale_from_e8m0(b.e))};
  b.e = 128;
  return s;
}
Scales take(BlockNVFP4& b) {
  Scales s;
  for (int g = 0; g < 4; ++g) {
    s.sub[g] = half_from_float(half_scale_from_ue4m3(b.scales[g]));  // exact
    b.scales[g] = 0x40;                                              // one
  }
  return s;
}

Scales take(BlockQ2_K& b) {
  Scales s = take_base(b);
  s.min_base = b.dmin;
  for (int g = 0; g < 16; ++g) {
    s.sub[g] = b.scales[g] & 15;
    s.min[g] = b.scales[g] >> 4;
    b.scales[g] = 1;
  }
  return s;
}
Scales take(BlockQ3_K& b) {
  Scales s = take_base(b);
  for (int g = 0; g < 16; ++g) s.sub[g] = unpack_q3_k_scale(b.scales, g);
  const int8_t ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  pack_q3_k_scales(ones, b.scales);
  return s;
}
template <class B>
Scales take_scale_mins(B& b) {
  Scales s = take_base(b);
  s.min_base = b.dmin;
  ScaleMin ones[8];
  for (int g = 0; g < 8; ++g) {
    const ScaleMin packed = unpack_scale_min(b.scales, g);
    s.sub[g] = packed.scale;
    s.min[g] = packed.min;
    ones[g] = {1, 0};
  }
  pack_scale_min(ones, b.scales);
  return s;
}
Scales take(BlockQ4_K& b) { return take_scale_mins(b); }
Scales take(BlockQ5_K& b) { return take_scale_mins(b); }
Scales take(BlockQ6_K& b) {
  Scales s = take_base(b);
  for (int g = 0; g < 16; ++g) {
    s.sub[g] = b.scales[g];
    b.scales[g] = 1;
  }
  return s;
}
Scales take(BlockIQ4_XS& b) {
  Scales s = take_base(b);
  for (int g = 0; g < 8; ++g) s.sub[g] = iq4_xs_scale(b, g);
  // 33 - 32 in every group: low nibbles 1, high pairs 2.
  std::memset(b.scales_low, 0x11, sizeof(b.scales_low));
  b.scales_high = 0xaaaa;
  return s;
}

// A scale of n + 1/2 is 2n + 1 halves; the powers of two beside it are the format's base_divisor.
Scales take(BlockIQ2_XXS& b) {
  Scales s = take_base(b);
  b.d = kEight;
  for (int g = 0; g < 8; ++g) {
    const uint32_t word = b.groups[g].signs_and_scale;
    s.sub[2 * g] = s.sub[2 * g + 1] = static_cast<int>(2 * (word >> 28) + 1);
    b.groups[g].signs_and_scale = word & 0x0fffffffu;
  }
  return s;
}
template <class B>
Scales take_nibbles16(B& b) {
  Scales s = take_base(b);
  b.d = kEight;
  for (int g = 0; g < 16; ++g) s.sub[g] = 2 * ((b.scales[g / 2] >> (4 * (g % 2))) & 15) + 1;
  std::memset(b.scales, 0, sizeof(b.scales));
  return s;
}
Scales take(BlockIQ2_XS& b) { return take_nibbles16(b); }
Scales take(BlockIQ2_S& b) { return take_nibbles16(b); }
Scales take(BlockIQ3_XXS& b) {
  Scales s = take_base(b);
  b.d = kFour;
  for (int g = 0; g < 8; ++g) {
    const uint32_t word = b.signs_and_scales[g];
    s.sub[g] = static_cast<int>(2 * (word >> 28) + 1);
    b.signs_and_scales[g] = word & 0x0fffffffu;
  }
  return s;
}
Scales take(BlockIQ3_S& b) {
  Scales s = take_base(b);
  for (int g = 0; g < 8; ++g) s.sub[g] = 2 * ((b.scales[g / 2] >> (4 * (g % 2))) & 15) + 1;
  std::memset(b.scales, 0, sizeof(b.scales));
  return s;
}
Scales take(BlockIQ1_S& b) {
  Scales s = take_base(b);
  b.d = kEight;
  for (int g = 0; g < 8; ++g) {
    s.sub[2 * g] = s.sub[2 * g + 1] = 2 * ((b.high[g] >> 12) & 7) + 1;
    b.high[g] = static_cast<uint16_t>(b.high[g] & 0x8fff);
  }
  return s;
}
Scales take(BlockIQ1_M& b) {
  Scales s;
  s.base = static_cast<uint16_t>(b.scales[0] >> 12 | (b.scales[1] >> 12) << 4 |
                                 (b.scales[2] >> 12) << 8 | (b.scales[3] >> 12) << 12);
  for (int g = 0; g < 16; ++g) s.sub[g] = 2 * ((b.scales[g / 4] >> (3 * (g % 4))) & 7) + 1;
  for (int i = 0; i < 4; ++i) {
    b.scales[i] = static_cast<uint16_t>(((kEight >> (4 * i)) & 15) << 12);
  }
  return s;
}

// The code of each level of a table or a linear range.
class Codes {
 public:
  explicit Codes(const WeightFormat& format) : zero_(format.zero) {
    linear_ = format.levels == Levels::kLinear;
    const LevelTable table = level_table(format.levels);
    const int count = 1 << format.bits;
    // Descending, so that of two codes for one level the lower is taken.
    for (int code = (count < 16 ? count : 16) - 1; code >= 0 && !linear_; --code) {
      of_[(table.words[code / 4] >> (8 * (code % 4))) & 0xff] = static_cast<uint8_t>(code);
    }
  }
  uint8_t operator()(float level) const {
    const int integer = static_cast<int>(level);
    return linear_ ? static_cast<uint8_t>(integer + zero_)
                   : of_[static_cast<std::size_t>(integer + 128)];
  }

 private:
  bool linear_;
  int zero_;
  uint8_t of_[256] = {};
};

// Writes codes and scales of a tile's rows to their places.
class TileWriter {
 public:
  TileWriter(const WeightFormat& format, int64_t units, std::byte* tile)
      : format_(format), layout_(tile_layout(format, units)), tile_(tile), codes_(format) {
    std::memset(tile, 0, static_cast<std::size_t>(layout_.size_bytes));
  }

  void put_level(int row, int64_t column, float level) { put_code(row, column, codes_(level)); }

  void put_bits16(int row, int64_t column, uint16_t bits) {
    const Place p = place(row, column);
    put16(p.unit * format_.unit_code_bytes() + 16 * (32 * (2 * p.c + p.r) + p.lane) + 2 * p.i,
          bits);
  }

  // Scales of the block that starts at this column and has `elements` of them.
  void put_scales(int row, int64_t column, int elements, const Scales& s) {
    const int g = row % 8;
    const int r = row / 8;
    const int groups = elements < format_.group ? 1 : elements / format_.group;
    if (format_.span == 32) {
      // One scale may be meant for more than 32.
      for (int64_t i = 0; i < elements; i += 32) {
        const int64_t chunk = (column + i) / 32;
        put16(
            layout_.bases + chunk / 2 * format_.unit_base_bytes() + 8 * g + 4 * r + 2 * (chunk % 2),
            s.base);
      }
    } else if (format_.span == 256) {
      put16(layout_.bases + column / 256 * format_.block_base_bytes() + 4 * g + 2 * r, s.base);
    }
    for (int group = 0; group < groups; ++group) {
      put_sub(g, r, column / format_.group + group, s.sub[group]);
      put_min(g, r, column / format_.group + group, s.min[group]);
    }
    if (format_.min == Min::kByte) {
      put16(layout_.min_bases + column / 256 * format_.block_min_base_bytes() + 4 * g + 2 * r,
            s.min_base);
    }
  }

 private:
  // The lane, the octet and the place in it that hold a column.
  struct Place {
    int64_t unit;
    int lane, c, r, i;
  };
  static Place place(int row, int64_t column) {
    const int k = static_cast<int>(column % kUnitColumns);
    return {.unit = column / kUnitColumns,
            .lane = 4 * (row % 8) + k % 32 / 8,
            .c = k / 32,
            .r = row / 8,
            .i = k % 8};
  }

  void put_code(int row, int64_t column, uint8_t code) {
    const Place p = place(row, column);
    int64_t plane = p.unit * format_.unit_code_bytes();
    const int octet = 2 * p.c + p.r;
    if (format_.bits == 8) {
      or8(plane + 16 * (32 * p.c + p.lane) + 8 * p.r + p.i, code);
      return;
    }
    int bits = format_.bits;
    const int half = 16 * (p.i % 2);  // of a word
    if (bits >= 4) {
      or32(plane + 16 * p.lane + 4 * octet, (code & 15u) << (half + 4 * (p.i / 2)));
      plane += 512;
      code = static_cast<uint8_t>(code >> 4);
      bits -= 4;
    }
    if (bits >= 2) {
      or32(plane + 8 * p.lane + 4 * p.c, (code & 3u) << (half + 8 * p.r + 2 * (p.i / 2)));
      plane += 256;
      code = static_cast<uint8_t>(code >> 2);
      bits -= 2;
    }
    if (bits == 1) or32(plane + 4 * p.lane, (code & 1u) << (half + 4 * octet + p.i / 2));
  }

  void put_sub(int g, int r, int64_t group, int sub) {
    if (format_.sub == Sub::kNone) return;
    const int64_t unit = group / format_.unit_groups();
    const int64_t index = (2 * g + r) * format_.unit_groups() + group % format_.unit_groups();
    const int64_t at = layout_.subs + unit * format_.unit_sub_bytes();
    if (format_.sub == Sub::kHalf) return put16(at + 2 * index, static_cast<uint16_t>(sub));
    or8(at + index, static_cast<uint8_t>(sub + 128));
  }

  void put_min(int g, int r, int64_t group, int min) {
    if (format_.min == Min::kNone) return;
    const int64_t block = group / format_.block_groups();
    const int64_t index = (2 * g + r) * format_.block_groups() + group % format_.block_groups();
    const int64_t at = layout_.mins + block * format_.block_min_bytes();
    if (format_.min == Min::kHalf) return put16(at + 2 * index, static_cast<uint16_t>(min));
    or8(at + index, static_cast<uint8_t>(min));
  }

  void or8(int64_t at, uint8_t bits) { tile_[at] |= static_cast<std::byte>(bits); }
  void put16(int64_t at, uint16_t bits) { std::memcpy(tile_ + at, &bits, sizeof(bits)); }
  void or32(int64_t at, uint32_t bits) {
    uint32_t word;
    std::memcpy(&word, tile_ + at, sizeof(word));
    word |= bits;
    std::memcpy(tile_ + at, &word, sizeof(word));
  }

  WeightFormat format_;
  TileLayout layout_;
  std::byte* tile_;
  Codes codes_;
};

template <class B>
void write_row(const std::byte* row, int tile_row, int64_t cols, TileWriter& out) {
  float levels[B::kElements];
  for (int64_t column = 0; column < cols; column += B::kElements) {
    B block;
    std::memcpy(&block, row + column / B::kElements * static_cast<int64_t>(sizeof(B)), sizeof(B));
    const Scales scales = take(block);
    decode_block(block, levels);
    out.put_scales(tile_row, column, B::kElements, scales);
    for (int i = 0; i < B::kElements; ++i) out.put_level(tile_row, column + i, levels[i]);
  }
}

void write_row16(const std::byte* row, int tile_row, int64_t cols, TileWriter& out) {
  for (int64_t column = 0; column < cols; ++column) {
    uint16_t bits;
    std::memcpy(&bits, row + 2 * column, sizeof(bits));
    out.put_bits16(tile_row, column, bits);
  }
}

using WriteRow = void (*)(const std::byte*, int, int64_t, TileWriter&);

WriteRow row_writer(DType type) {
  return visit_block(type, [](auto tag) -> WriteRow {
    using B = typename decltype(tag)::type;
    if constexpr (std::is_void_v<B>) {
      return nullptr;
    } else if constexpr (B::kType == DType::kF16 || B::kType == DType::kBF16) {
      return write_row16;
    } else if constexpr (weight_format(B::kType).bits != 0) {
      return write_row<B>;
    } else {
      return nullptr;
    }
  });
}

}  // namespace

int64_t packed_bytes(const HostTensor& tensor) {
  const WeightFormat format = weight_format(tensor.type);
  return tiles_of(tensor.rows()) * tile_layout(format, units_of(tensor.cols())).size_bytes;
}

void pack_tiles(const HostTensor& tensor, int64_t first, int64_t last, std::byte* out) {
  const WeightFormat format = weight_format(tensor.type);
  const WriteRow write = row_writer(tensor.type);
  WEFT_CHECK(write != nullptr, tensor.name + ": no packed form");
  const int64_t row_size = row_bytes(tensor.type, tensor.cols()).value();
  const int units = units_of(tensor.cols());
  for (int64_t tile = first; tile < last; ++tile) {
    TileWriter writer(format, units, out);
    for (int row = 0; row < kTileRows; ++row) {
      const int64_t r = tile * kTileRows + row;
      if (r < tensor.rows()) write(tensor.bytes.data() + r * row_size, row, tensor.cols(), writer);
    }
    out += tile_layout(format, units).size_bytes;
  }
}

}  // namespace weft::cuda
