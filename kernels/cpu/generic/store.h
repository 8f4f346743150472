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

template <class V, class Half, class BFloat>
static void store_array(DType type, const float* src, std::byte* dst, int64_t n) {
  if (type == DType::kF16) return store_array_as<V, Half>(src, dst, n);
  if (type == DType::kBF16) return store_array_as<V, BFloat>(src, dst, n);
  store_array_as<V, float>(src, dst, n);
}

}  // namespace weft::cpu
