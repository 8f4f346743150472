// exp() of numbers ≤ 0 as a 40-bit fixed-point integer, with the same bits on every machine: only
// IEEE additions, multiplications and conversions in double, in a written order.
#pragma once

#include <bit>
#include <cstdint>

namespace weft {

inline constexpr int kFixedExpBits = 40;  // 2^18 such weights still sum in 64 bits
inline constexpr uint64_t kFixedExpOne = uint64_t{1} << kFixedExpBits;

// round(e^x × 2^40) to within a few units, for x ≤ 0; 0 for x < −28 (below half a unit) and NaN.
inline uint64_t fixed_exp(double x) {
  if (!(x >= -28.0)) return 0;
  // e^x = 2^k × e^r with |r| ≤ ln(2) / 2; ln(2) in two parts keeps r exact to 2^-60.
  // std::floor would be a function's call on processors without an instruction for it.
  const double y = x * 1.4426950408889634 + 0.5;
  const auto truncated = static_cast<int64_t>(y);
  const int64_t power_of_2 = truncated - (static_cast<double>(truncated) > y);
  const auto k = static_cast<double>(power_of_2);
  const double r = (x - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;
  // Taylor to r^11 / 11!: below 2^-45 of the result.
  double p = 1.0 / 39916800.0;
  for (double divisor : {3628800.0, 362880.0, 40320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0}) {
    p = p * r + 1.0 / divisor;
  }
  p = p * r + 1.0;
  p = p * r + 1.0;
  // × 2^(40 + k), a normal number: 40 + k is within 0 … 40.
  const auto power = std::bit_cast<double>((1023 + kFixedExpBits + power_of_2) << 52);
  const double scaled = p * power;
  return static_cast<uint64_t>(scaled + 0.5);
}

}  // namespace weft
