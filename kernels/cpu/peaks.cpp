#include "kernels/cpu/peaks.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "core/cpu_features.h"
#include "core/platform/amx.h"
#include "core/platform/cpus.h"
#include "core/platform/memory.h"
#include "core/thread_pool.h"
#include "kernels/cpu/peaks/probe.h"

namespace weft::cpu {
namespace {

constexpr int kAttempts = 5;

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double best_seconds_of(const auto& work) {
  double best = 1e9;
  for (int attempt = 0; attempt < kAttempts; ++attempt) best = std::min(best, seconds_of(work));
  return best;
}

// 128 bits, which every processor of either kind has; two such loads a cycle are far more than
// memory gives. The sums have names since compilers keep the elements of an array in memory here.
using Words = uint64_t __attribute__((vector_size(16)));

void read(const Words* words, int64_t begin, int64_t end) {
  Words a{}, b{}, c{}, d{};
  for (int64_t i = begin; i + 8 <= end; i += 8) {
    a ^= words[i], b ^= words[i + 1], c ^= words[i + 2], d ^= words[i + 3];
    a ^= words[i + 4], b ^= words[i + 5], c ^= words[i + 6], d ^= words[i + 7];
  }
  const Words all = a ^ b ^ c ^ d;
  asm volatile("" : : "m"(all));
}

constexpr std::size_t kPiece = std::size_t{1} << 20;

double read_bytes_per_second(ThreadPool& pool) {
  const int64_t cache = platform::last_level_cache_bytes();
  const auto bytes = static_cast<std::size_t>(
      std::clamp<int64_t>(4 * cache, int64_t{256} << 20, int64_t{2} << 30));
  // As large pages where the system has them: the machine's limit, not that of its page tables.
  constexpr std::size_t kPage = std::size_t{2} << 20;
  const std::unique_ptr<void, decltype(&std::free)> memory(
      std::aligned_alloc(kPage, bytes / kPage * kPage), &std::free);
  auto* words = static_cast<Words*>(memory.get());
  if (words == nullptr) return 0;
  platform::prefer_large_pages(reinterpret_cast<std::byte*>(words), bytes);
  const auto count = static_cast<int64_t>(bytes / kPage * kPage / sizeof(Words));
  constexpr auto kSlice = static_cast<int64_t>(kPiece / sizeof(Words));
  // Each worker writes first what it will read, so that it lies near it.
  pool.parallel_for(count, kSlice, [&](int64_t begin, int64_t end, int) {
    std::fill(words + begin, words + end, Words{1, 1});
  });
  const double seconds = best_seconds_of([&] {
    pool.parallel_for(count, kSlice,
                      [&](int64_t begin, int64_t end, int) { read(words, begin, end); });
  });
  return static_cast<double>(count) * sizeof(Words) / seconds;
}

double ops_per_second(ThreadPool& pool, const ArithmeticProbe& probe) {
  // Slices of about a third of a millisecond; all of them some milliseconds, beside which it does
  // not count how soon threads wake up.
  int64_t rounds = 1000;
  while (seconds_of([&] { probe.run(rounds); }) < 3e-4) rounds *= 2;
  const int64_t slices = int64_t{16} * pool.size();
  const double seconds = best_seconds_of([&] {
    pool.parallel_for(slices, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) probe.run(rounds);
    });
  });
  return probe.ops_per_round * static_cast<double>(rounds * slices) / seconds;
}

std::vector<ArithmeticProbe> probes_that_run_here() {
  CpuFeatures features = detect_cpu_features();
  if (features.amx_tile && !platform::request_amx_tiles()) features.amx_tile = false;
  std::vector<ArithmeticProbe> probes;
  const auto add = [&](ProbeList list) {
    for (int i = 0; i < list.count; ++i) {
      if (list.probes[i].supported(features)) probes.push_back(list.probes[i]);
    }
  };
#if defined(__x86_64__)
  add(avx2_probes());
  add(avx512_probes());
  add(amx_probes());
#elif defined(__aarch64__)
  add(neon_probes());
#endif
  return probes;
}

}  // namespace

double Peaks::of(std::string_view name) const {
  const auto peak = std::ranges::find(all, name, &Peak::name);
  return peak != all.end() ? peak->per_second : 0;
}

std::string_view Peaks::compute_limit(std::string_view isa, std::string_view activations,
                                      bool float_weights) const {
  struct Choice {
    std::string_view isa, activations, probe;
  };
  static constexpr Choice kChoices[] = {
      {"avx2", "i16", "dot_i16_avx2"},
      {"avx2", "int8", "dot_u8s8_avx2"},
      {"avx512", "f32", "fma_f32_avx512"},
      {"avx512", "i16", "dot_i16_avx512"},
      {"avx512", "bf16", "dot_bf16_avx512"},
      {"avx512", "int8", "dot_u8s8_avx512"},
      {"amx", "f32", "fma_f32_avx512"},
      {"amx", "bf16", "amx_bf16"},
      {"amx", "i16", "amx_int8"},
      {"amx", "int8", "amx_int8"},
      {"neon", "i16", "dot_i16_neon"},
      {"neon", "bf16", "matrix_bf16_neon"},
      {"neon", "int8", "dot_s8_neon"},
  };
  if (of("tensor_f16") > 0) return "tensor_f16";
  if (float_weights && activations != "bf16") activations = "f32";
  for (const Choice& choice : kChoices) {
    if (isa == choice.isa && activations == choice.activations && of(choice.probe) > 0) {
      return choice.probe;
    }
  }
  return of("fma_f32_neon") > 0 ? "fma_f32_neon" : "fma_f32_avx2";
}

ReadProbe::ReadProbe(std::span<const std::span<const std::byte>> parts, int threads) {
  constexpr std::size_t kMost = 512;  // pieces
  for (const std::span<const std::byte> part : parts) {
    for (std::size_t at = 0; at < part.size() && pieces_.size() < kMost; at += kPiece) {
      // Whole words, which lie where those of the memory do.
      void* begin = const_cast<std::byte*>(part.data() + at);
      std::size_t size = std::min(kPiece, part.size() - at);
      if (std::align(alignof(Words), sizeof(Words), begin, size) == nullptr) continue;
      pieces_.emplace_back(static_cast<const std::byte*>(begin), size);
      bytes_ += static_cast<double>(size);
    }
  }
  if (!pieces_.empty()) pool_ = ThreadPool::create(threads).value();
}

double ReadProbe::bytes_per_second() {
  if (pool_ == nullptr) return 0;
  std::array<double, kAttempts> seconds;
  for (double& once : seconds) {
    once = seconds_of([&] {
      pool_->parallel_for(std::ssize(pieces_), 1, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) {
          const auto& piece = pieces_[static_cast<std::size_t>(i)];
          read(reinterpret_cast<const Words*>(piece.data()), 0,
               static_cast<int64_t>(piece.size() / sizeof(Words)));
        }
      });
    });
  }
  const auto middle = seconds.begin() + kAttempts / 2;
  std::ranges::nth_element(seconds, middle);
  return bytes_ / *middle;
}

Peaks measure_peaks(int threads) {
  const auto pool = ThreadPool::create(threads).value();
  Peaks peaks{.threads = threads};
  peaks.read_bytes_per_s = read_bytes_per_second(*pool);
  peaks.all.push_back({"dram_read", true, peaks.read_bytes_per_s});
  for (const ArithmeticProbe& probe : probes_that_run_here()) {
    peaks.all.push_back({probe.name, false, ops_per_second(*pool, probe)});
  }
  return peaks;
}

}  // namespace weft::cpu
