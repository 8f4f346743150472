// Floats into the KV cache, over a vector type V that knows how to store as each type.
#pragma once

#include <cstddef>

#include "core/dtype.h"
#include "kernels/cpu/generic/elementwise.h"

namespace weft::cpu {

// Rounds floats to the cache's type.
template <class V, class T>
static inline void store_array_as(const float* src, std::byte* bytes, int64_t n) {
  T* dst = reinterpret_cast<T*>(bytes);
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) V::load(src + i).store(dst + i);
  if (i == n) return;
  T last[8];
  load_some<V>(src + i, n - i).store(last);
  for (int64_t j = 0; i + j < n; ++j) dst[i + j] = last[j];
}

// Q8_0: blocks of a scale and 32 bytes. The scale is rounded to half first, so that the bytes are
// the nearest ones under the scale that readers will see.
template <class V, class Half, class Byte>
static inline void store_q8_0(const float* src, std::byte* bytes, int64_t n) {
  for (int64_t first = 0; first < n; first += 32) {
    V x[4];
    V largest = V::set(0.0f);
    // Zero times infinity or NaN is NaN, which the scale then shows.
    V not_finite = V::set(0.0f);
    for (int j = 0; j < 4; ++j) {
      const int64_t at = first + 8 * j;
      x[j] = at + 8 <= n ? V::load(src + at) : load_some<V>(src + at, at < n ? n - at : 0);
      largest = max(largest, max(x[j], V::set(0.0f) - x[j]));
      not_finite = fma(x[j], V::set(0.0f), not_finite);
    }
    Half scale[8];
    V::set(max_of_lanes(largest) / 127.0f + sum_of_lanes(not_finite)).store(scale);
    *reinterpret_cast<Half*>(bytes) = scale[0];
    bytes += sizeof(Half);
    const V d = V::set(scale[0]);
    for (int j = 0; j < 4; ++j, bytes += 8) {
      // A scale of zero holds zeros only.
      const V q = max_of_lanes(d) == 0.0f ? V::set(0.0f) : round(x[j] / d);
      q.store(reinterpret_cast<Byte*>(bytes));
    }
  }
}

template <class V, class Half, class BFloat, class Byte>
static void store_array(DType type, const float* src, std::byte* dst, int64_t n) {
  switch (type) {
    case DType::kF16:
      return store_array_as<V, Half>(src, dst, n);
    case DType::kBF16:
      return store_array_as<V, BFloat>(src, dst, n);
    case DType::kQ8_0:
      return store_q8_0<V, Half, Byte>(src, dst, n);
    default:
      return store_array_as<V, float>(src, dst, n);
  }
}

}  // namespace weft::cpu
