#include "kernels/cpu/peaks.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "core/thread_pool.h"

namespace weft::cpu {
namespace {

using Vector = float __attribute__((vector_size(32)));
using Words = uint64_t __attribute__((vector_size(32)));

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Keeps a value from being optimised away.
void keep(const auto& value) { asm volatile("" : : "g"(&value) : "memory"); }

// Twelve chains of FMAs: two a cycle of four cycles' latency want eight. Named one by one, since
// compilers keep the elements of an array in memory here.
#if defined(__x86_64__)
__attribute__((target("avx2,fma")))
#endif
void multiply_add(int64_t rounds) {
  Vector factor = Vector{} + 0.5f;
  asm volatile("" : "+m"(factor));
  const Vector f = factor;
  Vector a{}, b{}, c{}, d{}, e{}, g{}, h{}, j{}, k{}, l{}, m{}, n{};
  const auto add = [f](Vector & sum) __attribute__((always_inline)) {
#if defined(__x86_64__)
    asm volatile("vfmadd231ps %1, %1, %0" : "+x"(sum) : "x"(f));
#else
    sum += f * f;
#endif
  };
  for (int64_t i = 0; i < rounds; ++i) {
    add(a), add(b), add(c), add(d), add(e), add(g), add(h), add(j), add(k), add(l), add(m), add(n);
  }
  const Vector all = a + b + c + d + e + g + h + j + k + l + m + n;
  keep(all);
}

#if defined(__x86_64__)
__attribute__((target("avx2")))
#endif
void read(const Words* words, int64_t begin, int64_t end) {
  Words sum[8] = {};
  for (int64_t i = begin; i + 8 <= end; i += 8) {
    for (int64_t j = 0; j < 8; ++j) sum[j] ^= words[i + j];
  }
  for (const Words& s : sum) keep(s);
}

}  // namespace

Peaks measure_peaks(int threads) {
  const auto pool = ThreadPool::create(threads).value();
  // Some ten milliseconds: a shorter region would measure how soon threads wake up.
  constexpr int64_t kRounds = 3000000;
  constexpr int64_t kWords = (int64_t{256} << 20) / static_cast<int64_t>(sizeof(Words));
  std::vector<uint64_t> memory(static_cast<std::size_t>(kWords * 4 + 4), 1);
  // To a vector's boundary.
  const auto address = reinterpret_cast<uintptr_t>(memory.data());
  const auto* words = reinterpret_cast<const Words*>((address + 31) / 32 * 32);

  double fma_seconds = 1e9;
  double read_seconds = 1e9;
  for (int attempt = 0; attempt < 5; ++attempt) {
    fma_seconds = std::min(fma_seconds, seconds_of([&] {
                             pool->parallel_for(64, 1, [](int64_t begin, int64_t end, int) {
                               multiply_add(kRounds / 16 * (end - begin));
                             });
                           }));
    read_seconds = std::min(
        read_seconds, seconds_of([&] {
          pool->parallel_for(kWords, 1 << 15,
                             [&](int64_t begin, int64_t end, int) { read(words, begin, end); });
        }));
  }
  constexpr double kFlops = 64.0 * (kRounds / 16) * 12 * 8 * 2;
  return {.read_bytes_per_s = 32.0 * kWords / read_seconds, .flops = kFlops / fma_seconds};
}

}  // namespace weft::cpu
