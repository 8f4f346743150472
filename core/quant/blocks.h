// All block formats, and the one switch from a type id to its struct.
#pragma once

#include <type_traits>

#include "core/quant/iq1_m.h"
#include "core/quant/iq1_s.h"
#include "core/quant/iq2_s.h"
#include "core/quant/iq2_xs.h"
#include "core/quant/iq2_xxs.h"
#include "core/quant/iq3_s.h"
#include "core/quant/iq3_xxs.h"
#include "core/quant/iq4_nl.h"
#include "core/quant/iq4_xs.h"
#include "core/quant/mxfp4.h"
#include "core/quant/nvfp4.h"
#include "core/quant/plain.h"
#include "core/quant/q1_0.h"
#include "core/quant/q2_0.h"
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
#include "core/quant/tq1_0.h"
#include "core/quant/tq2_0.h"

namespace weft {

// Carries a block struct as a value, so that a generic lambda can name it.
template <typename Block>
struct BlockTag {
  using type = Block;
};

// Calls f with the block struct of this type:
//   visit_block(type, [](auto tag) { using Block = typename decltype(tag)::type; ... });
// A type of no file, or a value outside the enumeration, gives BlockTag<void>.
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
    case DType::kIQ2_XXS:
      return f(BlockTag<BlockIQ2_XXS>{});
    case DType::kIQ2_XS:
      return f(BlockTag<BlockIQ2_XS>{});
    case DType::kIQ3_XXS:
      return f(BlockTag<BlockIQ3_XXS>{});
    case DType::kIQ1_S:
      return f(BlockTag<BlockIQ1_S>{});
    case DType::kIQ4_NL:
      return f(BlockTag<BlockIQ4_NL>{});
    case DType::kIQ3_S:
      return f(BlockTag<BlockIQ3_S>{});
    case DType::kIQ2_S:
      return f(BlockTag<BlockIQ2_S>{});
    case DType::kIQ4_XS:
      return f(BlockTag<BlockIQ4_XS>{});
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
    case DType::kIQ1_M:
      return f(BlockTag<BlockIQ1_M>{});
    case DType::kBF16:
      return f(BlockTag<BlockBF16>{});
    case DType::kTQ1_0:
      return f(BlockTag<BlockTQ1_0>{});
    case DType::kTQ2_0:
      return f(BlockTag<BlockTQ2_0>{});
    case DType::kMXFP4:
      return f(BlockTag<BlockMXFP4>{});
    case DType::kNVFP4:
      return f(BlockTag<BlockNVFP4>{});
    case DType::kQ1_0:
      return f(BlockTag<BlockQ1_0>{});
    case DType::kQ2_0:
      return f(BlockTag<BlockQ2_0>{});
    case DType::kF8_E4M3:
      break;
  }
  return f(BlockTag<void>{});
}

}  // namespace weft
