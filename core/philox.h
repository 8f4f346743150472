// Philox4x32-10: a counter-based random generator (Salmon et al., "Parallel random numbers: as
// easy as 1, 2, 3", SC'11). The same key and counter give the same numbers anywhere, in any order.
#pragma once

#include <array>
#include <cstdint>

namespace weft {

struct Philox4x32 {
  std::array<uint32_t, 4> counter;
  std::array<uint32_t, 2> key;

  static Philox4x32 keyed(uint64_t seed, std::array<uint32_t, 4> counter) {
    return {counter, {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)}};
  }

  // Four uniform 32-bit numbers.
  std::array<uint32_t, 4> draw() const {
    std::array<uint32_t, 4> c = counter;
    std::array<uint32_t, 2> k = key;
    for (int round = 0; round < 10; ++round) {
      const uint64_t a = uint64_t{0xD2511F53} * c[0];
      const uint64_t b = uint64_t{0xCD9E8D57} * c[2];
      c = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(b),
           static_cast<uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(a)};
      k[0] += 0x9E3779B9;
      k[1] += 0xBB67AE85;
    }
    return c;
  }
};

}  // namespace weft
