// exp() of numbers ≤ 0 as a 40-bit fixed-point integer, with the same bits on every machine, GPUs
// included: only IEEE additions, multiplications and conversions in double, in a written order.
#pragma once

#include <bit>
#include <cstdint>

namespace weft {

inline constexpr int kFixedExpBits = 40;  // 2^18 such weights still sum in 64 bits
inline constexpr uint64_t kFixedExpOne = uint64_t{1} << kFixedExpBits;

// round(e^x × 2^40) to within a few units, for x ≤ 0, which is not NaN; 0 for x < −28, where it
// would be below a unit.
// Without branches and conversions, so that a loop over it is vectorised whatever the processor.
constexpr uint64_t fixed_exp(double x) {
  // e^x = 2^k × e^r with |r| ≤ ln(2) / 2; ln(2) in two parts keeps r exact to 2^-60. Added to
  // 1.5 × 2^52, k is rounded to an integer that the low bits of the sum hold.
  constexpr double kRounder = 0x1.8p52;
  const double rounded = x * 1.4426950408889634 + kRounder;
  const double k = rounded - kRounder;
  const double r = (x - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;
  // Taylor to r^11 / 11!: below 2^-45 of the result.
  double p = 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  // × 2^(40 + k) by its exponent: k is within −40 … 0 and the result a normal number.
  const uint64_t exponent = (std::bit_cast<uint64_t>(rounded) + kFixedExpBits) << 52;
  const auto scaled = std::bit_cast<double>(std::bit_cast<uint64_t>(p) + exponent);
  // Added to 2^52, it is rounded to an integer in the low 52 bits.
  // What was too small is 0: the sign of x + 28 says so.
  const uint64_t fixed = std::bit_cast<uint64_t>(scaled + 0x1p52) & ((uint64_t{1} << 52) - 1);
  return fixed & ((std::bit_cast<uint64_t>(x + 28.0) >> 63) - 1);
}

}  // namespace weft
