// How packed weights are asked for ahead of their use on x86.
#pragma once

#include <cstddef>
#include <immintrin.h>

namespace weft::cpu::avx2 {
// Nameless, as avx2/simd.h is.
namespace {

struct Prefetch {
  static void prefetch_line(const std::byte* p) { _mm_prefetch(p, _MM_HINT_T1); }

  // Beside a cell's codes, or a block's scales, which `kRows` rows meet. In two hops: from memory
  // into the second level, then into the first. Few rows read so much that what is asked for beyond
  // the end of a slice would count: no further than memory needs to keep its pace (measured on Zen
  // 4: 16 KiB gives 1.3 times the rate of 2 KiB; on Zen 5: 12 as much as 16 to 32, the second hop
  // at 4 KiB 1.05 times the rate of 1). More rows read less and wait for whatever comes late (Zen
  // 5: 64 KiB give 1.02 to 1.2 times the rate of 16).
  template <int kRows>
  static void prefetch(const std::byte* p, int bytes) {
    constexpr int kAhead = kRows < 3 ? 12 << 10 : 64 << 10;
    constexpr int kNear = 4 << 10;
    for (int i = 0; i < bytes; i += 64) {
      _mm_prefetch(p + kAhead + i, _MM_HINT_T1);
      _mm_prefetch(p + kNear + i, _MM_HINT_T0);
      // GCC leaves out loops that do nothing but prefetch.
      asm volatile("");
    }
  }
};

}  // namespace
}  // namespace weft::cpu::avx2
