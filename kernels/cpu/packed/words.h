// Sixteen columns' bytes as words of four, a column a lane: what packing computes in. Plain loops
// over the lanes, which a compiler makes vectors of; only the turning round of rows into lanes,
// which none does by itself, is written with vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/cpu/packed/format.h"

namespace weft::cpu {

struct alignas(64) WordLanes {
  uint32_t lane[kGroupColumns];
};

// out[i].lane[j] = the word at columns[j] + offset + 4 × i, for i < kWords, a multiple of 4.
template <int kWords>
static inline void turn_words(const std::byte* const (&columns)[kGroupColumns], std::size_t offset,
                              WordLanes* out) {
  static_assert(kWords % 4 == 0);
  using Four = uint32_t __attribute__((vector_size(16)));
  for (int w = 0; w < kWords; w += 4) {
    for (int j = 0; j < kGroupColumns; j += 4) {
      Four a, b, c, d;
      const std::size_t at = offset + 4 * static_cast<std::size_t>(w);
      std::memcpy(&a, columns[j] + at, sizeof(a));
      std::memcpy(&b, columns[j + 1] + at, sizeof(b));
      std::memcpy(&c, columns[j + 2] + at, sizeof(c));
      std::memcpy(&d, columns[j + 3] + at, sizeof(d));
      const Four ac0 = __builtin_shufflevector(a, c, 0, 4, 1, 5);
      const Four ac1 = __builtin_shufflevector(a, c, 2, 6, 3, 7);
      const Four bd0 = __builtin_shufflevector(b, d, 0, 4, 1, 5);
      const Four bd1 = __builtin_shufflevector(b, d, 2, 6, 3, 7);
      const Four turned[4] = {__builtin_shufflevector(ac0, bd0, 0, 4, 1, 5),
                              __builtin_shufflevector(ac0, bd0, 2, 6, 3, 7),
                              __builtin_shufflevector(ac1, bd1, 0, 4, 1, 5),
                              __builtin_shufflevector(ac1, bd1, 2, 6, 3, 7)};
      for (int i = 0; i < 4; ++i) std::memcpy(&out[w + i].lane[j], &turned[i], sizeof(Four));
    }
  }
}

// to[j] = f(j) for every lane.
template <class F>
static inline void for_lanes(WordLanes& to, const F& f) {
  for (int j = 0; j < kGroupColumns; ++j) to.lane[j] = f(j);
}

}  // namespace weft::cpu
