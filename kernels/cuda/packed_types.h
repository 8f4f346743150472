// The one switch over the types that have tiles (weight_format.h).
#pragma once

#include <string>

#include "core/check.h"
#include "core/dtype.h"

namespace weft::cuda {

template <DType kValue>
struct TypeTag {
  static constexpr DType kType = kValue;
};

// Calls f with the TypeTag of this type. Another type is our own bug: weights of such are float32.
template <class F>
void visit_packed_type(DType type, const F& f) {
  switch (type) {
#define WEFT_PACKED_TYPE(TYPE) \
  case DType::k##TYPE:         \
    return f(TypeTag<DType::k##TYPE>{});
    WEFT_PACKED_TYPE(F16)
    WEFT_PACKED_TYPE(BF16)
    WEFT_PACKED_TYPE(Q1_0)
    WEFT_PACKED_TYPE(Q2_0)
    WEFT_PACKED_TYPE(Q4_0)
    WEFT_PACKED_TYPE(Q4_1)
    WEFT_PACKED_TYPE(Q5_0)
    WEFT_PACKED_TYPE(Q5_1)
    WEFT_PACKED_TYPE(Q8_0)
    WEFT_PACKED_TYPE(Q2_K)
    WEFT_PACKED_TYPE(Q3_K)
    WEFT_PACKED_TYPE(Q4_K)
    WEFT_PACKED_TYPE(Q5_K)
    WEFT_PACKED_TYPE(Q6_K)
    WEFT_PACKED_TYPE(IQ1_S)
    WEFT_PACKED_TYPE(IQ1_M)
    WEFT_PACKED_TYPE(IQ2_XXS)
    WEFT_PACKED_TYPE(IQ2_XS)
    WEFT_PACKED_TYPE(IQ2_S)
    WEFT_PACKED_TYPE(IQ3_XXS)
    WEFT_PACKED_TYPE(IQ3_S)
    WEFT_PACKED_TYPE(IQ4_NL)
    WEFT_PACKED_TYPE(IQ4_XS)
    WEFT_PACKED_TYPE(TQ1_0)
    WEFT_PACKED_TYPE(TQ2_0)
    WEFT_PACKED_TYPE(MXFP4)
    WEFT_PACKED_TYPE(NVFP4)
#undef WEFT_PACKED_TYPE
    default:
      WEFT_CHECK(false, "type " + std::string(dtype_name(type)) + " has no tiles");
  }
}

}  // namespace weft::cuda
