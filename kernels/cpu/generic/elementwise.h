// Operations that take each element by itself, over a vector type V.
#pragma once

#include "core/model/config.h"
#include "kernels/cpu/generic/exp.h"

namespace weft::cpu {

// Loads and stores of n < 8 lanes; the others are zero.
template <class V>
static inline V load_some(const float* p, int64_t n) {
  float lanes[8] = {};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return V::load(lanes);
}
template <class V>
static inline void store_some(V x, float* p, int64_t n) {
  float lanes[8];
  x.store(lanes);
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}

template <class V>
struct Silu {
  static V apply(V x) { return x / (V::set(1.0f) + exp_of(V::set(0.0f) - x)); }
};

// 0.5 x (1 + tanh(u)) = x (1 - 1 / (exp(2u) + 1)) = x exp(2u) / (exp(2u) + 1); in the last form
// infinity over infinity would be NaN, in the middle one a small result is cancelled, so the sign
// goes into the exponent: x / (1 + exp(-2u)).
template <class V>
struct GeluTanh {
  static V apply(V x) {
    const V minus_two_u =
        V::set(-1.5957691216057308f) * x * fma(V::set(0.044715f) * x, x, V::set(1.0f));
    return x / (V::set(1.0f) + exp_of(minus_two_u));
  }
};

template <class W, class V, template <class> class Function>
static inline void glu_loop(const float* gate, const float* up, float* out, int64_t n) {
  int64_t i = 0;
  for (; i + W::kWidth <= n; i += W::kWidth) {
    (Function<W>::apply(W::load(gate + i)) * W::load(up + i)).store(out + i);
  }
  for (; i < n; i += 8) {
    const int64_t count = n - i < 8 ? n - i : 8;
    const V y = Function<V>::apply(load_some<V>(gate + i, count)) * load_some<V>(up + i, count);
    store_some(y, out + i, count);
  }
}

// V has 8 lanes, W is V or wider.
template <class W, class V = W>
static void glu(const float* gate, const float* up, float* out, int64_t n, Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return glu_loop<W, V, Silu>(gate, up, out, n);
    case Activation::kGelu:
      return glu_loop<W, V, GeluTanh>(gate, up, out, n);
  }
}

template <class V>
static void add(float* x, const float* y, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) (V::load(x + i) + V::load(y + i)).store(x + i);
  for (; i < n; ++i) x[i] += y[i];
}

template <class V>
static void exp_array(const float* x, float* y, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) exp_of(V::load(x + i)).store(y + i);
  if (i < n) store_some(exp_of(load_some<V>(x + i, n - i)), y + i, n - i);
}

template <class V>
static void exp2_array(const float* x, float* y, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) exp2_of(V::load(x + i)).store(y + i);
  if (i < n) store_some(exp2_of(load_some<V>(x + i, n - i)), y + i, n - i);
}

// Both members of a pair turn by the same angle; each product is rounded by itself.
template <class V>
static void rope(float* x, int32_t heads, int32_t head_dim, RopeKind kind, int32_t dims,
                 const float* table) {
  const int32_t pairs = dims / 2;
  // Pair i is (first + i × step, first + i × step + apart).
  const int32_t step = kind == RopeKind::kNormal ? 2 : 1;
  const int32_t apart = kind == RopeKind::kNormal ? 1 : pairs;
  for (int32_t head = 0; head < heads; ++head, x += head_dim) {
    for (int32_t i = 0; i < pairs; ++i) {
      float& a = x[i * step];
      float& b = x[i * step + apart];
      const float cosine = table[i];
      const float sine = table[pairs + i];
      const float turned = a * cosine - b * sine;
      b = a * sine + b * cosine;
      a = turned;
    }
  }
}

}  // namespace weft::cpu
