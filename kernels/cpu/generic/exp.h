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

// 2^x for x <= 0, within 1 unit in the last place; 0 below -126, 1 at 0. Shorter than exp_of():
// attention spends a tenth of its time here. 2^x = 2^n × 2^f, n = round(x); 2^f by the polynomial
// of degree 6 whose largest relative error over |f| <= 1/2 is least (2^-28), with p(0) = 1.
template <class V>
static inline V exp2_of(V x) {
  const V n = round(x);
  const V f = x - n;
  V y = V::set(0x1.41fbb6p-13f);
  y = fma(y, f, V::set(0x1.5f3e5ap-10f));
  y = fma(y, f, V::set(0x1.3b2d4ep-7f));
  y = fma(y, f, V::set(0x1.c6aee8p-5f));
  y = fma(y, f, V::set(0x1.ebfbdcp-3f));
  y = fma(y, f, V::set(0x1.62e430p-1f));
  y = fma(y, f, V::set(1.0f));
  return scale_down_by_power(y, n, x);
}

}  // namespace weft::cpu
