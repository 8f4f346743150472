// How packed weights are asked for ahead of their use on x86.
#pragma once

#include <cstddef>
#include <immintrin.h>

#include "kernels/cpu/kernel_table.h"

namespace weft::cpu::avx2 {
// Nameless, as avx2/simd.h is.
namespace {

struct Prefetch {
  static void prefetch_line(const std::byte* p) { _mm_prefetch(p, _MM_HINT_T1); }
  // A compiler makes it one for reading where it is not told that the processor knows this one,
  // which those that do not take for a no-operation.
  static void prefetch_for_write(const float* p) { asm volatile("prefetchw %0" : : "m"(*p)); }

  // Beside a cell's codes, or a block's scales. Asking again helps, as if requests got lost where a
  // core has too many under way: few rows, which wait for memory alone, ask three times (Zen 5, one
  // row from memory, against 12 KiB into the second level and 4 into the first: 1.02 to 1.12 times
  // the rate). Tiles read less: what they ask for must not push their activations out of the first
  // level (the same for them: 0.75 to 0.85 times).
  static void prefetch(const std::byte* p, int bytes) {
    for (int i = 0; i < bytes; i += 64) {
      _mm_prefetch(p + (12 << 10) + i, _MM_HINT_T0);
      _mm_prefetch(p + (8 << 10) + i, _MM_HINT_T0);
      _mm_prefetch(p + (4 << 10) + i, _MM_HINT_T0);
      keep_loop();
    }
  }
  static void prefetch_far(const std::byte* p, int bytes) {
    for (int i = 0; i < bytes; i += 64) {
      _mm_prefetch(p + i, _MM_HINT_T1);
      keep_loop();
    }
  }
  static void prefetch_near(const std::byte* p) { _mm_prefetch(p, _MM_HINT_T0); }
  static void prefetch_near(const std::byte* p, int bytes) {
    for (int i = 0; i < bytes; i += 64) {
      _mm_prefetch(p + i, _MM_HINT_T0);
      keep_loop();
    }
  }
  static void prefetch_both(const std::byte* far, const std::byte* near, int bytes) {
    for (int i = 0; i < bytes; i += 64) {
      _mm_prefetch(far + i, _MM_HINT_T1);
      _mm_prefetch(near + i, _MM_HINT_T0);
      keep_loop();
    }
  }

 private:
  // GCC leaves out loops that do nothing but prefetch.
  static void keep_loop() { asm volatile(""); }
};

}  // namespace
}  // namespace weft::cpu::avx2
