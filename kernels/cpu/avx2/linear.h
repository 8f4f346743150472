// linear() on AVX2: two loops over the same unpacking of weights and the same order of sums.
//   few rows   blocks go straight into registers and are used there for up to four rows; plain
//              numbers, which cost nothing to unpack, in several passes
//   many rows  a panel of columns is unpacked once a segment, and a tile of rows × columns is
//              multiplied from the panel at a time
#pragma once

#include "kernels/cpu/avx2/unpack.h"
#include "kernels/cpu/kernel_table.h"

namespace weft::cpu::avx2 {

// How one format's rows are walked: kElements at a time, 32 of them a group.
template <class Format>
struct Blocks {
  static constexpr int kElements = Format::Block::kElements;
  static constexpr bool kHasTail = false;
  using Block = typename Format::Block;
  static constexpr int kBytes = sizeof(Block);

  static const std::byte* at(const std::byte* row, int64_t k) {
    return row + k / kElements * static_cast<int64_t>(sizeof(Block));
  }
  static void scales(const std::byte* block, Scales& s) {
    Format::scales(*reinterpret_cast<const Block*>(block), s);
    // From here on they are in memory, where a broadcast is one load. A compiler that keeps them
    // in registers runs out of those and moves the sums to memory instead.
    asm volatile("" : "+m"(s));
  }
  static void group(const std::byte* block, const Scales& s, int index, F32x8 (&w)[4]) {
    unpack_group<Format>(*reinterpret_cast<const Block*>(block), s, index, w);
  }
  static F32x8 some(const std::byte*, int64_t) { return F32x8::set(0.0f); }
};

// Plain numbers have no blocks; their rows may end anywhere.
template <class T>
struct Numbers {
  static constexpr int kElements = 32;
  static constexpr int kBytes = 32 * sizeof(T);
  static constexpr bool kHasTail = true;

  static const std::byte* at(const std::byte* row, int64_t k) {
    return row + k * static_cast<int64_t>(sizeof(T));
  }
  static void scales(const std::byte*, Scales&) {}
  static void group(const std::byte* src, const Scales&, int, F32x8 (&w)[4]) {
    for (int j = 0; j < 4; ++j) w[j] = vector(src, j);
  }
  static F32x8 vector(const std::byte* src, int v) {
    return F32x8::load(reinterpret_cast<const T*>(src) + 8 * v);
  }
  // n <= 8 numbers, padded by zeros.
  static F32x8 some(const std::byte* src, int64_t n) {
    T lanes[8] = {};
    __builtin_memcpy(lanes, src, static_cast<std::size_t>(n) * sizeof(T));
    return F32x8::load(lanes);
  }
};

static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// total (+)= part: the first part is added to zero.
static inline float add_part(bool first, float total, float part) {
  return (first ? 0.0f : total) + part;
}

static inline void add_bias(const LinearArgs& args, int64_t begin, int64_t end) {
  if (args.bias == nullptr) return;
  for (int64_t t = 0; t < args.rows; ++t) {
    float* out = args.out + t * args.out_stride;
    for (int64_t n = begin; n < end; ++n) out[n] += args.bias[n];
  }
}

// Asks for what lies `ahead` bytes behind a block: the same place in the columns that come next.
// Columns are read side by side, in stretches too short for the processor to foresee. To the second
// cache level: rows lie powers of two apart, so that the first would hold eight lines of them all.
// kMemory: memory is all that is waited for; to the first level then, and again shortly before it
// is used (Zen 5, float16 weights from memory: 1.06 times for one row, 1.08 for two, 1.02 for
// three; four would take 0.95 times).
template <class Reader, bool kMemory>
static inline void prefetch_ahead(const std::byte* block, int64_t ahead) {
  constexpr int kAgain = 1024;
  for (int i = 0; i < Reader::kBytes; i += 64) {
    _mm_prefetch(block + ahead + i, kMemory ? _MM_HINT_T0 : _MM_HINT_T1);
    if constexpr (kMemory) _mm_prefetch(block + kAgain + i, _MM_HINT_T0);
    // GCC leaves out loops that do nothing but prefetch.
    asm volatile("");
  }
}

// --- Few rows ------------------------------------------------------------------------------

// The next 32 elements of N columns of plain numbers meet M rows, eight at a time.
template <class Reader, int M, int N>
static inline void plain_numbers(const float* xs, int64_t stride,
                                 const std::byte* const (&blocks)[N], F32x8 (&sum)[M][N]) {
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) {
    F32x8 w[N];
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) w[j] = Reader::vector(blocks[j], v);
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i) {
      const F32x8 x = F32x8::load(xs + i * stride + 8 * v);
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) sum[i][j] = fma(x, w[j], sum[i][j]);
    }
  }
}

// Rows [t, t + M) of x times columns [n, n + N): M × N accumulators, each a chain of FMAs of 4
// cycles' latency, so at least 4 of them run side by side.
template <class Reader, int M, int N>
static inline void few_rows_tile(const LinearArgs& args, int64_t t, int64_t n) {
  const float* const xs = args.x + t * args.k;
  const std::byte* rows[N];
  for (int j = 0; j < N; ++j) rows[j] = args.weight + (n + j) * args.weight_row_bytes;

  for (int64_t k0 = 0; k0 < args.k; k0 += kSegment) {
    const int64_t end = smaller(k0 + kSegment, args.k);
    F32x8 sum[M][N];
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) sum[i][j] = F32x8::set(0.0f);
    }
    int64_t k = k0;
    for (; k + Reader::kElements <= end; k += Reader::kElements) {
      Scales scales[N];
      const std::byte* blocks[N];
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) {
        blocks[j] = Reader::at(rows[j], k);
        prefetch_ahead<Reader, Reader::kHasTail && M <= 3>(blocks[j], N * args.weight_row_bytes);
        Reader::scales(blocks[j], scales[j]);
      }
      if constexpr (Reader::kHasTail && M > 2) {
        plain_numbers<Reader, M, N>(xs + k, args.k, blocks, sum);
        continue;
      }
#pragma GCC unroll 8
      for (int group = 0; group < Reader::kElements / 32; ++group) {
        const float* x = xs + k + 32 * group;
#pragma GCC unroll 4
        for (int j = 0; j < N; ++j) {
          F32x8 w[4];
          Reader::group(blocks[j], scales[j], group, w);
#pragma GCC unroll 4
          for (int v = 0; v < 4; ++v) {
#pragma GCC unroll 4
            for (int i = 0; i < M; ++i) {
              sum[i][j] = fma(F32x8::load(x + i * args.k + 8 * v), w[v], sum[i][j]);
            }
          }
        }
      }
    }
    if constexpr (Reader::kHasTail) {
      for (; k < end; k += 8) {
        const int64_t count = smaller(end - k, 8);
#pragma GCC unroll 4
        for (int i = 0; i < M; ++i) {
          const auto* x = reinterpret_cast<const std::byte*>(xs + i * args.k + k);
          const F32x8 lanes = Numbers<float>::some(x, count);
#pragma GCC unroll 4
          for (int j = 0; j < N; ++j) {
            sum[i][j] = fma(lanes, Reader::some(Reader::at(rows[j], k), count), sum[i][j]);
          }
        }
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) {
        float& total = args.out[(t + i) * args.out_stride + n + j];
        total = add_part(k0 == 0, total, sum_of_lanes(sum[i][j]));
      }
    }
  }
}

template <class Reader, int M>
static void few_rows(const LinearArgs& args, int64_t begin, int64_t end) {
  // One row of plain numbers waits for memory alone, which two streams keep busiest; 4 rows × 3
  // columns are all registers.
  constexpr int kColumns = Reader::kHasTail ? (M == 1 ? 2 : M == 2 ? 4 : 3) : M <= 2 ? 4 : 2;
  int64_t n = begin;
  for (; n + kColumns <= end; n += kColumns) few_rows_tile<Reader, M, kColumns>(args, 0, n);
  for (; n < end; ++n) few_rows_tile<Reader, M, 1>(args, 0, n);
}

// All rows of x times columns [n, n + N), in passes of up to four rows and as equal a number as can
// be; all but the first find the columns in a cache.
template <class Reader, int N>
static void passes(const LinearArgs& args, int64_t n) {
  const int64_t count = (args.rows + 3) / 4;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t t = args.rows * i / count;
    switch (args.rows * (i + 1) / count - t) {
      case 2:
        few_rows_tile<Reader, 2, N>(args, t, n);
        break;
      case 3:
        few_rows_tile<Reader, 3, N>(args, t, n);
        break;
      default:
        few_rows_tile<Reader, 4, N>(args, t, n);
    }
  }
}

// Up to so many rows, plain numbers need no panel (measured on Zen 4: twice as fast with eight
// rows, level with panels at 64).
inline constexpr int64_t kPassRows = 32;

// Rows from 5 on; fewer than that in a pass are two at least.
template <class Reader>
static void some_rows(const LinearArgs& args, int64_t begin, int64_t end) {
  int64_t n = begin;
  for (; n + 3 <= end; n += 3) passes<Reader, 3>(args, n);
  for (; n < end; ++n) passes<Reader, 1>(args, n);
}

// --- Many rows -----------------------------------------------------------------------------

// Segment [k0, k0 + length) of one column into the panel, padded by zeros to whole vectors.
template <class Reader>
static inline void unpack_segment(const std::byte* row, int64_t k0, int64_t length, float* dst) {
  int64_t i = 0;
  for (; i + Reader::kElements <= length; i += Reader::kElements) {
    const std::byte* block = Reader::at(row, k0 + i);
    Scales scales;
    Reader::scales(block, scales);
#pragma GCC unroll 8
    for (int group = 0; group < Reader::kElements / 32; ++group) {
      F32x8 w[4];
      Reader::group(block, scales, group, w);
      for (int v = 0; v < 4; ++v) w[v].store(dst + i + 32 * group + 8 * v);
    }
  }
  if constexpr (Reader::kHasTail) {
    for (; i < length; i += 8) {
      Reader::some(Reader::at(row, k0 + i), smaller(length - i, 8)).store(dst + i);
    }
  }
}

// Formats that have no unpacking here go through their definition.
struct Decoded {};

template <class Reader>
static inline void unpack_column(const LinearArgs& args, int64_t n, int64_t k0, int64_t length,
                                 float* dst) {
  const std::byte* row = args.weight + n * args.weight_row_bytes;
  if constexpr (__is_same(Reader, Decoded)) {
    args.decode(row + args.weight_row_bytes * k0 / args.k, dst, length);
    for (int64_t i = length; i % kLanes != 0; ++i) dst[i] = 0.0f;
  } else {
    unpack_segment<Reader>(row, k0, length, dst);
  }
}

// Rows [t, t + M) times N columns of the panel. 4 × 3 accumulators, three vectors of weights and
// one of x fill the 16 registers; an iteration is 12 FMAs on 7 loads.
template <int M, int N>
static inline void panel_tile(const LinearArgs& args, int64_t t, int64_t n, int64_t k0,
                              int64_t length, const float* panel) {
  const float* x = args.x + t * args.k + k0;
  F32x8 sum[M][N];
  for (int i = 0; i < M; ++i) {
    for (int j = 0; j < N; ++j) sum[i][j] = F32x8::set(0.0f);
  }
  int64_t k = 0;
  for (; k + 8 <= length; k += 8) {
    F32x8 w[N];
    for (int j = 0; j < N; ++j) w[j] = F32x8::load(panel + j * kPanelStride + k);
    for (int i = 0; i < M; ++i) {
      const F32x8 lanes = F32x8::load(x + i * args.k + k);
      for (int j = 0; j < N; ++j) sum[i][j] = fma(lanes, w[j], sum[i][j]);
    }
  }
  if (k < length) {
    for (int i = 0; i < M; ++i) {
      const auto* src = reinterpret_cast<const std::byte*>(x + i * args.k + k);
      const F32x8 lanes = Numbers<float>::some(src, length - k);
      for (int j = 0; j < N; ++j) {
        sum[i][j] = fma(lanes, F32x8::load(panel + j * kPanelStride + k), sum[i][j]);
      }
    }
  }
  for (int i = 0; i < M; ++i) {
    float* out = args.out + (t + i) * args.out_stride + n;
    for (int j = 0; j < N; ++j) out[j] = add_part(k0 == 0, out[j], sum_of_lanes(sum[i][j]));
  }
}

template <int M>
static inline void panel_row_tiles(const LinearArgs& args, int64_t t, int64_t n, int64_t columns,
                                   int64_t k0, int64_t length, const float* panel) {
  int64_t j = 0;
  for (; j + 3 <= columns; j += 3) {
    panel_tile<M, 3>(args, t, n + j, k0, length, panel + j * kPanelStride);
  }
  for (; j < columns; ++j) {
    panel_tile<M, 1>(args, t, n + j, k0, length, panel + j * kPanelStride);
  }
}

template <class Reader>
static void many_rows(const LinearArgs& args, int64_t begin, int64_t end, float* scratch) {
  for (int64_t n = begin; n < end; n += kPanelColumns) {
    const int64_t columns = smaller(end - n, kPanelColumns);
    for (int64_t k0 = 0; k0 < args.k; k0 += kSegment) {
      const int64_t length = smaller(args.k - k0, kSegment);
      for (int64_t j = 0; j < columns; ++j) {
        unpack_column<Reader>(args, n + j, k0, length, scratch + j * kPanelStride);
      }
      int64_t t = 0;
      for (; t + 4 <= args.rows; t += 4) {
        panel_row_tiles<4>(args, t, n, columns, k0, length, scratch);
      }
      if (t + 2 <= args.rows) {
        panel_row_tiles<2>(args, t, n, columns, k0, length, scratch);
        t += 2;
      }
      if (t < args.rows) panel_row_tiles<1>(args, t, n, columns, k0, length, scratch);
    }
  }
}

// --- The choice ----------------------------------------------------------------------------

template <class Reader>
static void linear_of(const LinearArgs& args, int64_t begin, int64_t end, float* scratch) {
  switch (args.rows) {
    case 1:
      few_rows<Reader, 1>(args, begin, end);
      break;
    case 2:
      few_rows<Reader, 2>(args, begin, end);
      break;
    case 3:
      few_rows<Reader, 3>(args, begin, end);
      break;
    case 4:
      few_rows<Reader, 4>(args, begin, end);
      break;
    default:
      if constexpr (Reader::kHasTail) {
        if (args.rows <= kPassRows) return some_rows<Reader>(args, begin, end);
      }
      many_rows<Reader>(args, begin, end, scratch);
  }
}

// What is done with a type: the reader to pass on. One list for linear() and unpack().
template <class Function>
static inline void with_reader(DType type, const Function& function) {
  switch (type) {
    case DType::kF32:
      return function(Numbers<float>{});
    case DType::kF16:
      return function(Numbers<Half>{});
    case DType::kBF16:
      return function(Numbers<BFloat>{});
    case DType::kQ4_0:
      return function(Blocks<Q4_0>{});
    case DType::kQ4_1:
      return function(Blocks<Q4_1>{});
    case DType::kQ5_0:
      return function(Blocks<Q5_0>{});
    case DType::kQ5_1:
      return function(Blocks<Q5_1>{});
    case DType::kQ8_0:
      return function(Blocks<Q8_0>{});
    case DType::kQ2_K:
      return function(Blocks<Q2_K>{});
    case DType::kQ3_K:
      return function(Blocks<Q3_K>{});
    case DType::kQ4_K:
      return function(Blocks<Q4_K>{});
    case DType::kQ5_K:
      return function(Blocks<Q5_K>{});
    case DType::kQ6_K:
      return function(Blocks<Q6_K>{});
    case DType::kIQ4_NL:
      return function(Blocks<IQ4_NL>{});
    case DType::kIQ4_XS:
      return function(Blocks<IQ4_XS>{});
    case DType::kMXFP4:
      return function(Blocks<MXFP4>{});
    default:
      return function(Decoded{});
  }
}

static void linear(const LinearArgs& args, int64_t begin, int64_t end, float* scratch) {
  with_reader(args.type, [&](auto reader) {
    using Reader = decltype(reader);
    if constexpr (__is_same(Reader, Decoded)) {
      many_rows<Decoded>(args, begin, end, scratch);
    } else {
      linear_of<Reader>(args, begin, end, scratch);
    }
  });
  add_bias(args, begin, end);
}

// KernelTable::unpack.
static bool unpack(DType type, const std::byte* src, float* dst, int64_t n) {
  bool known = true;
  with_reader(type, [&](auto reader) {
    using Reader = decltype(reader);
    if constexpr (__is_same(Reader, Decoded)) {
      known = false;
    } else {
      unpack_segment<Reader>(src, 0, n, dst);
    }
  });
  return known;
}

}  // namespace weft::cpu::avx2
