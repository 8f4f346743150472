// RMS norm (Zhang & Sennrich, 2019) over vector types V (floats) and D (doubles):
//   out = x × (1 / sqrt(mean(x²) + eps)) × gain
#pragma once

#include "kernels/cpu/generic/elementwise.h"

namespace weft::cpu {

template <class V, class D>
static void rms_norm(const float* x, const float* gain, float eps, float* out, int64_t rows,
                     int64_t cols) {
  for (int64_t row = 0; row < rows; ++row, x += cols, out += cols) {
    D squares = D::zero();
    int64_t i = 0;
    for (; i + 8 <= cols; i += 8) squares = add_square(squares, V::load(x + i));
    if (i < cols) squares = add_square(squares, load_some<V>(x + i, cols - i));
    const double mean = sum_of_lanes(squares) / static_cast<double>(cols);
    const float factor = static_cast<float>(1.0 / __builtin_sqrt(mean + static_cast<double>(eps)));

    const V factors = V::set(factor);
    for (i = 0; i + 8 <= cols; i += 8) {
      (V::load(x + i) * factors * V::load(gain + i)).store(out + i);
    }
    for (; i < cols; ++i) out[i] = x[i] * factor * gain[i];
  }
}

}  // namespace weft::cpu
