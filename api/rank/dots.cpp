#include "api/rank/dots.h"

#include <cstring>

namespace weft::rank {
namespace {

// Four floats that are added and multiplied element by element: one register on every processor
// this runs on, so no instruction set needs to be chosen.
using Lanes = float __attribute__((vector_size(16)));
constexpr int64_t kWidth = 4;

inline Lanes load(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}

template <int N>
void dots_of(const float* q, const float* rows, int64_t dim, float* out) {
  Lanes low[N] = {}, high[N] = {};
  int64_t i = 0;
  for (; i + 2 * kWidth <= dim; i += 2 * kWidth) {
    const Lanes q_low = load(q + i), q_high = load(q + i + kWidth);
    for (int r = 0; r < N; ++r) {
      low[r] += q_low * load(rows + r * dim + i);
      high[r] += q_high * load(rows + r * dim + i + kWidth);
    }
  }
  for (int r = 0; r < N; ++r) {
    float sums[2 * kWidth];
    std::memcpy(sums, &low[r], sizeof(Lanes));
    std::memcpy(sums + kWidth, &high[r], sizeof(Lanes));
    for (int64_t rest = i; rest < dim; ++rest) sums[rest - i] += q[rest] * rows[r * dim + rest];
    for (int64_t half = kWidth; half > 0; half /= 2) {
      for (int64_t l = 0; l < half; ++l) sums[l] += sums[l + half];
    }
    out[r] = sums[0];
  }
}

}  // namespace

void dots(const float* q, const float* rows, int n, int64_t dim, float* out) {
  switch (n) {
    case 4:
      return dots_of<4>(q, rows, dim, out);
    case 3:
      return dots_of<3>(q, rows, dim, out);
    case 2:
      return dots_of<2>(q, rows, dim, out);
    case 1:
      return dots_of<1>(q, rows, dim, out);
    default:
      return;
  }
}

}  // namespace weft::rank
