// exp() over a vector type V, the same operations on every instruction set.
//
// exp(x) = 2^n × exp(r), n = round(x / ln 2), |r| <= ln 2 / 2; exp(r) by its Taylor series up to
// r^7 / 7! (the rest is below 2^-27). Everything here is a template over V, whose functions are
// found by argument-dependent lookup: instantiations of two instruction sets never share a symbol.
#pragma once

namespace weft::cpu {

template <class V>
static inline V exp_of(V x) {
  // Below, the result is 0 (half the smallest denormal is exp(-103.97)); above, infinity (from
  // exp(88.73)). The bounds come first, so that NaN goes through.
  x = min(V::set(90.0f), max(V::set(-106.0f), x));
  const V n = round(x * V::set(0x1.715476p+0f));
  // ln 2 in two parts, the first short enough that n times it is exact.
  V r = fma(n, V::set(-0x1.62e400p-1f), x);
  r = fma(n, V::set(-0x1.7f7d1cp-20f), r);
  V y = V::set(1.0f / 5040);
  y = fma(y, r, V::set(1.0f / 720));
  y = fma(y, r, V::set(1.0f / 120));
  y = fma(y, r, V::set(1.0f / 24));
  y = fma(y, r, V::set(1.0f / 6));
  y = fma(y, r, V::set(0.5f));
  y = fma(y, r, V::set(1.0f));
  y = fma(y, r, V::set(1.0f));
  return scale_by_power(y, n);
}

}  // namespace weft::cpu
