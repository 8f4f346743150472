// All block formats, and the one switch from a type id to its struct.
#pragma once

#include <type_traits>

#include "core/quant/plain.h"
#include "core/quant/q2_k.h"
#include "core/quant/q3_k.h"
#include "core/quant/q4_0.h"
#include "core/quant/q4_1.h"
#include "core/quant/q4_k.h"
#include "core/quant/q5_0.h"
#include "core/quant/q5_1.h"
#include "core/quant/q5_k.h"
#include "core/quant/q6_k.h"
#include "core/quant/q8_0.h"
#include "core/quant/q8_1.h"
#include "core/quant/q8_k.h"

namespace weft {

// Carries a block struct as a value, so that a generic lambda can name it:
//   visit_block(type, [](auto tag) { using Block = typename decltype(tag)::type; ... });
template <typename Block>
using BlockTag = std::type_identity<Block>;

// Calls f(BlockTag<Block>{}) with the block struct of this type.
template <typename F>
constexpr decltype(auto) visit_block(DType type, F&& f) {
  switch (type) {
    case DType::kF32:
      return f(BlockTag<BlockF32>{});
    case DType::kF16:
      return f(BlockTag<BlockF16>{});
    case DType::kQ4_0:
      return f(BlockTag<BlockQ4_0>{});
    case DType::kQ4_1:
      return f(BlockTag<BlockQ4_1>{});
    case DType::kQ5_0:
      return f(BlockTag<BlockQ5_0>{});
    case DType::kQ5_1:
      return f(BlockTag<BlockQ5_1>{});
    case DType::kQ8_0:
      return f(BlockTag<BlockQ8_0>{});
    case DType::kQ8_1:
      return f(BlockTag<BlockQ8_1>{});
    case DType::kQ2_K:
      return f(BlockTag<BlockQ2_K>{});
    case DType::kQ3_K:
      return f(BlockTag<BlockQ3_K>{});
    case DType::kQ4_K:
      return f(BlockTag<BlockQ4_K>{});
    case DType::kQ5_K:
      return f(BlockTag<BlockQ5_K>{});
    case DType::kQ6_K:
      return f(BlockTag<BlockQ6_K>{});
    case DType::kQ8_K:
      return f(BlockTag<BlockQ8_K>{});
    case DType::kI8:
      return f(BlockTag<BlockI8>{});
    case DType::kI16:
      return f(BlockTag<BlockI16>{});
    case DType::kI32:
      return f(BlockTag<BlockI32>{});
    case DType::kI64:
      return f(BlockTag<BlockI64>{});
    case DType::kF64:
      return f(BlockTag<BlockF64>{});
    case DType::kBF16:
      return f(BlockTag<BlockBF16>{});
    default:
      return f(BlockTag<void>{});  // no decoder yet
  }
}

}  // namespace weft
