// From the codes of a unit (weight_format.h) to the left operand of mma, in registers. Device code.
#pragma once

#include "kernels/cuda/device/device.h"
#include "kernels/cuda/weight_format.h"

namespace weft::cuda {

// The halves 1024 + n of two codes n < 1024 in the low bits of either half of a word, at the cost
// of an `or`: 1024 is the half whose last place is one.
inline constexpr uint32_t kCodeHalves = 0x64006400u;

constexpr uint32_t twice(uint16_t bits) { return bits | static_cast<uint32_t>(bits) << 16; }

// The half of an integer from 1024 to 2047.
constexpr uint16_t half_of_code(int n) { return static_cast<uint16_t>(0x6400 + (n - 1024)); }

// What a lane holds of one unit of a tile, as it was loaded.
template <WeightFormat kFormat>
struct RawUnit {
  static constexpr bool kFour = kFormat.bits >= 4 && kFormat.bits < 8;
  static constexpr bool kTwo = kFormat.bits < 8 && (kFormat.bits & 2) != 0;
  static constexpr bool kOne = kFormat.bits < 8 && (kFormat.bits & 1) != 0;
  static constexpr int kWide = kFormat.bits >= 8 ? kFormat.bits / 4 : kFour ? 1 : 0;  // Vec4s

  Vec4 wide[kWide > 0 ? kWide : 1];
  Vec2 two;
  uint32_t one;
  // sub of row r and the lane's group of chunk c, number 2r + c, as it is stored.
  uint32_t subs[kFormat.sub == Sub::kNone ? 1 : 4];

  WEFT_DEVICE void load_from(const std::byte* tile, const TileLayout& layout, int unit) {
    const int lane = lane_index();
    const std::byte* codes = tile + int64_t{unit} * kFormat.unit_code_bytes();
    WEFT_UNROLL
    for (int i = 0; i < kWide; ++i) {
      wide[i] = load_streaming(reinterpret_cast<const Vec4*>(codes) + kWarp * i + lane);
    }
    codes += kWide * int{kWarp * sizeof(Vec4)};
    if constexpr (kTwo) {
      two = load_streaming(reinterpret_cast<const Vec2*>(codes) + lane);
      codes += kWarp * sizeof(Vec2);
    }
    if constexpr (kOne) one = load_streaming(reinterpret_cast<const uint32_t*>(codes) + lane);
    load_subs(tile + layout.subs + int64_t{unit} * kFormat.unit_sub_bytes(), lane);
  }

 private:
  // The four lanes of a row read the same words.
  WEFT_DEVICE void load_subs(const std::byte* at, int lane) {
    const int g = lane / 4;
    const int t = lane % 4;
    if constexpr (kFormat.sub == Sub::kByte && kFormat.group == 32) {
      const uint32_t all = load(reinterpret_cast<const uint32_t*>(at) + g);
      WEFT_UNROLL
      for (int i = 0; i < 4; ++i) subs[i] = all >> (8 * i) & 0xff;
    } else if constexpr (kFormat.sub == Sub::kByte) {
      // Groups of 16: lanes t = 0, 1 are in the first of a chunk, 2, 3 in the second.
      const Vec2 all = load(reinterpret_cast<const Vec2*>(at) + g);
      const int shift = 8 * (t / 2);
      subs[0] = all.x >> shift & 0xff;
      subs[1] = all.x >> (16 + shift) & 0xff;
      subs[2] = all.y >> shift & 0xff;
      subs[3] = all.y >> (16 + shift) & 0xff;
    } else if constexpr (kFormat.sub == Sub::kHalf) {
      static_assert(kFormat.group == 16);
      const Vec4 all = load(reinterpret_cast<const Vec4*>(at) + g);
      const int shift = 16 * (t / 2);
      subs[0] = all.x >> shift & 0xffff;
      subs[1] = all.y >> shift & 0xffff;
      subs[2] = all.z >> shift & 0xffff;
      subs[3] = all.w >> shift & 0xffff;
    }
  }
};

// Word i of a vector; i is known when this is compiled.
WEFT_DEVICE uint32_t word_of(const Vec4& v, int i) {
  return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w;
}

// The codes of pair `pair` of octet (c, r), one in each half of a word; of planes below 8 bits.
template <WeightFormat kFormat>
WEFT_DEVICE uint32_t pair_codes(const RawUnit<kFormat>& raw, int c, int r, int pair) {
  using Raw = RawUnit<kFormat>;
  uint32_t codes = 0;
  if constexpr (Raw::kFour) codes = word_of(raw.wide[0], 2 * c + r) >> (4 * pair) & 0x000f000fu;
  if constexpr (Raw::kTwo) {
    const uint32_t word = (c == 0 ? raw.two.x : raw.two.y) >> (8 * r + 2 * pair);
    codes |= (word & 0x00030003u) << (Raw::kFour ? 4 : 0);
  }
  if constexpr (Raw::kOne) {
    constexpr int kBelow = (Raw::kFour ? 4 : 0) + (Raw::kTwo ? 2 : 0);
    codes |= (raw.one >> (4 * (2 * c + r) + pair) & 0x00010001u) << kBelow;
  }
  return codes;
}

// The four pairs of an octet as halves: sub × level each.
template <WeightFormat kFormat>
WEFT_DEVICE void unpack_octet(const RawUnit<kFormat>& raw, int c, int r, uint32_t (&pairs)[4]) {
  if constexpr (kFormat.bits == 16) {
    const Vec4& v = raw.wide[2 * c + r];
    pairs[0] = v.x;
    pairs[1] = v.y;
    pairs[2] = v.z;
    pairs[3] = v.w;
    return;
  }

  // Halves of 1024 + code, or of 1024 + 128 + level.
  constexpr bool kTable = kFormat.levels != Levels::kLinear;
  constexpr int kZero = kTable ? 128 : kFormat.zero;
  if constexpr (kFormat.bits == 8) {
    const Vec4& v = raw.wide[c];
    const uint32_t low = r == 0 ? v.x : v.z;
    const uint32_t high = r == 0 ? v.y : v.w;
    pairs[0] = permute_bytes(low, kCodeHalves, 0x5150);
    pairs[1] = permute_bytes(low, kCodeHalves, 0x5352);
    pairs[2] = permute_bytes(high, kCodeHalves, 0x5150);
    pairs[3] = permute_bytes(high, kCodeHalves, 0x5352);
  } else if constexpr (kTable && kFormat.bits == 4) {
    // Four codes at a time select from both halves of the table; their top bits then choose.
    constexpr LevelTable kLevels = level_table(kFormat.levels);
    const uint32_t word = word_of(raw.wide[0], 2 * c + r);
    uint32_t chosen[2];
    WEFT_UNROLL
    for (int i = 0; i < 2; ++i) {
      const uint32_t codes = word >> (16 * i);
      const uint32_t low = permute_bytes(kLevels.words[0], kLevels.words[1], codes & 0x7777u);
      const uint32_t high = permute_bytes(kLevels.words[2], kLevels.words[3], codes & 0x7777u);
      chosen[i] = permute_bytes(low, high, 0x3210u | (codes & 0x8888u) >> 1);
    }
    // chosen[0] holds the first code of each pair, chosen[1] the second.
    WEFT_UNROLL
    for (int i = 0; i < 4; ++i) {
      const uint32_t both =
          permute_bytes(chosen[0], chosen[1], static_cast<uint32_t>(0x0040 + 0x11 * i));
      pairs[i] = permute_bytes(both, kCodeHalves, 0x5150);
    }
  } else if constexpr (kTable) {
    constexpr LevelTable kLevels = level_table(kFormat.levels);
    WEFT_UNROLL
    for (int i = 0; i < 4; ++i) {
      const uint32_t codes = pair_codes(raw, c, r, i);
      const uint32_t levels =
          permute_bytes(kLevels.words[0], kLevels.words[1], (codes | codes >> 8) & 0xffffu);
      pairs[i] = and_or(levels, 0x00ff00ffu, kCodeHalves);
    }
  } else {
    WEFT_UNROLL
    for (int i = 0; i < 4; ++i) pairs[i] = pair_codes(raw, c, r, i) | kCodeHalves;
  }

  uint32_t sub = 0;
  if constexpr (kFormat.sub == Sub::kByte) {
    // A byte b is sub + 128: half 1024 + b less 1152.
    sub =
        half2_sub(raw.subs[2 * r + c] * 0x00010001u | kCodeHalves, twice(half_of_code(1024 + 128)));
  } else if constexpr (kFormat.sub == Sub::kHalf) {
    sub = raw.subs[2 * r + c] * 0x00010001u;
  }
  WEFT_UNROLL
  for (int i = 0; i < 4; ++i) {
    pairs[i] = half2_sub(pairs[i], twice(half_of_code(1024 + kZero)));
    if constexpr (kFormat.sub != Sub::kNone) pairs[i] = half2_mul(pairs[i], sub);
  }
}

}  // namespace weft::cuda
