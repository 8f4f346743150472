#include "gguf/quantize/encode.h"

#include <limits>
#include <type_traits>

#include "gguf/quantize/block_encoders.h"

namespace weft {
namespace {

void encode_block(const float* x, BlockF32& block) { block.value = *x; }
void encode_block(const float* x, BlockF16& block) { block.value = half_from_float(*x); }
void encode_block(const float* x, BlockBF16& block) { block.value = bf16_from_float(*x); }

float made_finite(float x) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  x = x > kLargest ? kLargest : x;
  x = x < -kLargest ? -kLargest : x;
  return x == x ? x : 0.0f;
}

template <typename Block>
void encode_blocks(const float* src, std::byte* dst, int64_t elements) {
  static_assert(alignof(Block) == 1, "blocks are written where they will lie, at any address");
  auto* blocks = reinterpret_cast<Block*>(dst);
  const int64_t count = elements / Block::kElements;
  for (int64_t i = 0; i < count; ++i, src += Block::kElements) {
    if constexpr (Block::kElements == 1) {
      encode_block(src, blocks[i]);
    } else {
      float values[Block::kElements];
      for (int j = 0; j < Block::kElements; ++j) values[j] = made_finite(src[j]);
      encode_block(values, blocks[i]);
    }
  }
}

template <typename Block>
concept Encodable = requires(const float* x, Block& block) {
  encode_block(x, block);
};

}  // namespace

EncodeRow encode_row_function(DType type) {
  return visit_block(type, [](auto tag) -> EncodeRow {
    using Block = typename decltype(tag)::type;
    if constexpr (std::is_void_v<Block>) {
      return nullptr;
    } else if constexpr (Encodable<Block>) {
      return &encode_blocks<Block>;
    } else {
      return nullptr;
    }
  });
}

}  // namespace weft
