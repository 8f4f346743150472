#include "core/quant/decode.h"

#include <string>

#include "core/check.h"
#include "core/quant/blocks.h"

namespace weft {
namespace {

template <typename Block>
void decode_blocks(const std::byte* src, float* dst, int64_t elements) {
  static_assert(alignof(Block) == 1, "blocks are read where they lie, at any address");
  const auto* blocks = reinterpret_cast<const Block*>(src);
  const int64_t count = elements / Block::kElements;
  for (int64_t i = 0; i < count; ++i) decode_block(blocks[i], dst + i * Block::kElements);
}

}  // namespace

DecodeRow decode_row_function(DType type) {
  const DecodeRow decode = visit_block(type, [](auto tag) -> DecodeRow {
    using Block = typename decltype(tag)::type;
    if constexpr (std::is_void_v<Block>) {
      return nullptr;
    } else {
      return &decode_blocks<Block>;
    }
  });
  WEFT_CHECK(decode != nullptr, "no such type: " + std::to_string(static_cast<uint32_t>(type)));
  return decode;
}

}  // namespace weft
