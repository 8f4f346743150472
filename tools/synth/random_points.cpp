#include "tools/synth/random_points.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "core/check.h"
#include "core/half.h"
#include "core/philox.h"
#include "core/quant/blocks.h"

namespace weft::synth {
namespace {

constexpr uint32_t kPoints = 0x706f696e;  // "poin": what this use of the generator is for

template <class Block>
void set_scale(Block& block, float scale) {
  const uint16_t d = half_from_float(scale);
  if constexpr (std::is_same_v<Block, BlockIQ1_M>) {
    // A nibble of it above each of four words.
    for (int i = 0; i < 4; ++i) {
      const int nibble = d >> (4 * i) & 15;
      block.scales[i] = static_cast<uint16_t>((block.scales[i] & 0x0fff) | nibble << 12);
    }
  } else {
    block.d = d;
  }
}

template <class Block>
void draw_block(uint64_t seed, uint32_t tensor, float deviation, uint64_t number, Block& block) {
  auto* const bytes = reinterpret_cast<std::byte*>(&block);
  for (std::size_t at = 0; at < sizeof(Block); at += 16) {
    // Blocks are far below 2^40, and have below 2^8 draws each.
    const uint64_t draw = number << 8 | at / 16;
    const auto words = Philox4x32::keyed(seed, {static_cast<uint32_t>(draw),
                                                static_cast<uint32_t>(draw >> 32), tensor, kPoints})
                           .draw();
    std::memcpy(bytes + at, words.data(), std::min(sizeof(Block) - at, sizeof(words)));
  }
  set_scale(block, 1.0f);
  float values[Block::kElements];
  decode_block(block, values);
  double squares = 0;
  for (const float value : values) squares += double{value} * value;
  const double size = std::sqrt(squares / Block::kElements);
  set_scale(block, static_cast<float>(deviation / size));
}

// f(tag) for a type that has points, else false.
template <class F>
bool with_points(DType type, const F& f) {
  return visit_block(type, [&](auto tag) {
    using Block = typename decltype(tag)::type;
    if constexpr (std::is_void_v<Block>) {
      return false;
    } else if constexpr (Block::kType == DType::kIQ1_S || Block::kType == DType::kIQ1_M ||
                         Block::kType == DType::kIQ2_XXS || Block::kType == DType::kIQ2_XS ||
                         Block::kType == DType::kIQ2_S || Block::kType == DType::kIQ3_XXS ||
                         Block::kType == DType::kIQ3_S) {
      f(tag);
      return true;
    } else {
      return false;
    }
  });
}

}  // namespace

bool has_random_points(DType type) {
  return with_points(type, [](auto) {});
}

void random_points(uint64_t seed, uint32_t tensor, DType type, float deviation,
                   uint64_t first_block, std::span<std::byte> blocks) {
  const bool known = with_points(type, [&](auto tag) {
    using Block = typename decltype(tag)::type;
    for (std::size_t at = 0; at < blocks.size(); at += sizeof(Block), ++first_block) {
      draw_block(seed, tensor, deviation, first_block,
                 *reinterpret_cast<Block*>(blocks.data() + at));
    }
  });
  WEFT_CHECK(known, "random_points: type " + std::string(dtype_name(type)));
}

}  // namespace weft::synth
