// linear() of many rows with AVX-512, in the order of kernel_table.h: eight lanes a column, so that
// a register holds the lanes of two columns.
#include <immintrin.h>

#include "kernels/cpu/avx2/table.h"
#include "kernels/cpu/avx512/table.h"

namespace weft::cpu {
namespace {

// Columns of a tile. In a strip of the panel, a segment of so many columns, the next eight elements
// of each lie side by side: [length / 8, kColumns, 8].
constexpr int kColumns = 8;
constexpr int kPairs = kColumns / 2;
// 24 sums, four vectors of weights and one of x: of 32 registers.
constexpr int kRows = 6;
constexpr int64_t kStrip = int64_t{kColumns} * kSegment;
static_assert(kPanelColumns % kColumns == 0);
static_assert(kPanelColumns / kColumns * kStrip + 2 * kSegment <= kLinearScratch);

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

__mmask8 first(int64_t n) { return static_cast<__mmask8>((1u << n) - 1); }

__m512 side_by_side(__m256 a, __m256 b) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(a), b, 1);
}
__m256i side_by_side(__m128i a, __m128i b) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
}

// What is read of two columns at a time: eight of one, then eight of the other; of the last of
// each only those that are there, and zeros.
struct Float {
  using Element = float;
  static __m512 load(const float* a, const float* b, __mmask8 some) {
    return side_by_side(_mm256_maskz_loadu_ps(some, a), _mm256_maskz_loadu_ps(some, b));
  }
};
struct Words {
  using Element = uint16_t;
  static __m256i load_words(const uint16_t* a, const uint16_t* b, __mmask8 some) {
    return side_by_side(_mm_maskz_loadu_epi16(some, a), _mm_maskz_loadu_epi16(some, b));
  }
};
struct Half : Words {
  static __m512 load(const uint16_t* a, const uint16_t* b, __mmask8 some) {
    return _mm512_cvtph_ps(load_words(a, b, some));
  }
};
struct BFloat : Words {
  static __m512 load(const uint16_t* a, const uint16_t* b, __mmask8 some) {
    const __m512i words = _mm512_cvtepu16_epi32(load_words(a, b, some));
    return _mm512_castsi512_ps(_mm512_slli_epi32(words, 16));
  }
};

template <class Numbers>
void unpack_pair(const void* a, const void* b, int64_t length, float* strip) {
  using Element = typename Numbers::Element;
  const auto* const left = static_cast<const Element*>(a);
  const auto* const right = static_cast<const Element*>(b);
  int64_t i = 0;
  for (; i + 8 <= length; i += 8) {
    _mm512_store_ps(strip + i * kColumns, Numbers::load(left + i, right + i, 0xff));
  }
  if (i < length) {
    _mm512_store_ps(strip + i * kColumns, Numbers::load(left + i, right + i, first(length - i)));
  }
}

// Segment [k0, k0 + length) of columns n and n + 1 into their places in a strip, padded by zeros to
// eight; if there is no second one, the first stands for it. rows: float32 [2, kSegment].
void unpack_pair(const LinearArgs& args, int64_t n, bool has_second, int64_t k0, int64_t length,
                 float* strip, float* rows) {
  const std::byte* const a =
      args.weight + n * args.weight_row_bytes + args.weight_row_bytes * k0 / args.k;
  const std::byte* const b = has_second ? a + args.weight_row_bytes : a;
  switch (args.type) {
    case DType::kF32:
      return unpack_pair<Float>(a, b, length, strip);
    case DType::kF16:
      return unpack_pair<Half>(a, b, length, strip);
    case DType::kBF16:
      return unpack_pair<BFloat>(a, b, length, strip);
    default:
      for (int i = 0; i < 2; ++i) {
        const std::byte* const from = i == 0 ? a : b;
        float* const to = rows + i * kSegment;
        if (!avx2_table().unpack(args.type, from, to, length)) args.decode(from, to, length);
      }
      return unpack_pair<Float>(rows, rows + kSegment, length, strip);
  }
}

// The eight sums of lanes, of the columns in order, of row a and then of row b.
__m512 sums_of_lanes(const __m512 (&a)[kPairs], const __m512 (&b)[kPairs]) {
  // For columns 0, 1, 2, 3 or 4, 5, 6, 7, a quarter each: v0 + v4, v1 + v5, …
  const auto four = [](__m512 x, __m512 y) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(x, y, 0x88), _mm512_shuffle_f32x4(x, y, 0xdd));
  };
  // In quarter c: two of column c, two of column 4 + c.
  const auto two = [&](const __m512(&v)[kPairs]) {
    const __m512 low = four(v[0], v[1]);
    const __m512 high = four(v[2], v[3]);
    return _mm512_add_ps(_mm512_shuffle_ps(low, high, 0x44), _mm512_shuffle_ps(low, high, 0xee));
  };
  const __m512 of_a = two(a);
  const __m512 of_b = two(b);
  // In quarter c: columns c and 4 + c of a, the same of b.
  const __m512 one =
      _mm512_add_ps(_mm512_shuffle_ps(of_a, of_b, 0x88), _mm512_shuffle_ps(of_a, of_b, 0xdd));
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_ps(order, one);
}

// total (+)= part for `columns` columns; the first part is added to zero.
void add_part(bool is_first, float* total, __m256 part, int64_t columns) {
  const __mmask8 mask = first(columns);
  const __m256 before = is_first ? _mm256_setzero_ps() : _mm256_maskz_loadu_ps(mask, total);
  _mm256_mask_storeu_ps(total, mask, _mm256_add_ps(before, part));
}

// Asks for what the next panel will be made of, line by line while this one is used: rows'
// stretches are too short for the processor to foresee. To the second cache level: rows lie powers
// of two apart, so that the first would hold eight lines of them all.
class Ahead {
 public:
  // The columns [n, end), at most a panel of them, of the segment that begins at k0.
  Ahead(const LinearArgs& args, int64_t n, int64_t end, int64_t k0)
      : row_bytes_(args.weight_row_bytes),
        column_bytes_(row_bytes_ * smaller(args.k - k0, kSegment) / args.k),
        columns_(smaller(end - n, kPanelColumns)),
        line_(args.weight + n * row_bytes_ + row_bytes_ * k0 / args.k) {}

  int64_t lines() const { return columns_ * ((column_bytes_ + 63) / 64); }
  void ask_for_line() {
    if (columns_ <= 0) return;
    _mm_prefetch(line_ + at_, _MM_HINT_T1);
    at_ += 64;
    if (at_ < column_bytes_) return;
    at_ = 0;
    line_ += row_bytes_;
    --columns_;
  }

 private:
  int64_t row_bytes_, column_bytes_, columns_;
  const std::byte* line_;
  int64_t at_ = 0;
};

// Rows [t, t + M) times a strip: 24 FMAs on ten loads.
template <int M>
void tile(const LinearArgs& args, int64_t t, int64_t n, int64_t columns, int64_t k0, int64_t length,
          const float* strip, Ahead& ahead, int64_t lines) {
  const float* const x = args.x + t * args.k + k0;
  __m512 sum[M][kPairs];
  for (int i = 0; i < M; ++i) {
    for (int p = 0; p < kPairs; ++p) sum[i][p] = _mm512_setzero_ps();
  }
  const auto step = [&](int64_t k, const auto& eight) {
    for (int64_t i = 0; i < lines; ++i) ahead.ask_for_line();
    __m512 w[kPairs];
    for (int p = 0; p < kPairs; ++p) w[p] = _mm512_load_ps(strip + k * kColumns + 16 * p);
    for (int i = 0; i < M; ++i) {
      const __m512 both = _mm512_broadcast_f32x8(eight(x + i * args.k + k));
      for (int p = 0; p < kPairs; ++p) sum[i][p] = _mm512_fmadd_ps(both, w[p], sum[i][p]);
    }
  };
  int64_t k = 0;
  for (; k + 8 <= length; k += 8) step(k, [](const float* p) { return _mm256_loadu_ps(p); });
  if (k < length) {
    const __mmask8 mask = first(length - k);
    step(k, [mask](const float* p) { return _mm256_maskz_loadu_ps(mask, p); });
  }
  for (int i = 0; i < M; i += 2) {
    const int next = i + 1 < M ? i + 1 : i;
    const __m512 parts = sums_of_lanes(sum[i], sum[next]);
    float* const out = args.out + (t + i) * args.out_stride + n;
    add_part(k0 == 0, out, _mm512_castps512_ps256(parts), columns);
    if (next != i) {
      add_part(k0 == 0, out + args.out_stride, _mm512_extractf32x8_ps(parts, 1), columns);
    }
  }
}

template <int M>
void tile_of(int64_t rows, const LinearArgs& args, int64_t t, int64_t n, int64_t columns,
             int64_t k0, int64_t length, const float* strip, Ahead& ahead, int64_t lines) {
  if constexpr (M > 0) {
    if (rows == M) return tile<M>(args, t, n, columns, k0, length, strip, ahead, lines);
    tile_of<M - 1>(rows, args, t, n, columns, k0, length, strip, ahead, lines);
  }
}

void many_rows(const LinearArgs& args, int64_t begin, int64_t end, float* scratch) {
  float* const rows = scratch + kPanelColumns / kColumns * kStrip;
  // As many tiles as it takes, of as equal a number of rows as can be.
  const int64_t tiles = (args.rows + kRows - 1) / kRows;
  for (int64_t n = begin; n < end; n += kPanelColumns) {
    const int64_t columns = smaller(end - n, kPanelColumns);
    for (int64_t k0 = 0; k0 < args.k; k0 += kSegment) {
      const int64_t length = smaller(args.k - k0, kSegment);
      for (int64_t j = 0; j < columns; j += 2) {
        unpack_pair(args, n + j, j + 1 < columns, k0, length,
                    scratch + j / kColumns * kStrip + j % kColumns * 8, rows);
      }
      const bool last = k0 + length == args.k;
      Ahead ahead(args, last ? n + columns : n, end, last ? 0 : k0 + length);
      const int64_t steps = tiles * ((columns + kColumns - 1) / kColumns) * ((length + 7) / 8);
      const int64_t lines = (ahead.lines() + steps - 1) / steps;
      for (int64_t i = 0; i < tiles; ++i) {
        const int64_t t = args.rows * i / tiles;
        const int64_t count = args.rows * (i + 1) / tiles - t;
        for (int64_t j = 0; j < columns; j += kColumns) {
          tile_of<kRows>(count, args, t, n + j, smaller(columns - j, kColumns), k0, length,
                         scratch + j / kColumns * kStrip, ahead, lines);
        }
      }
    }
  }
  if (args.bias == nullptr) return;
  for (int64_t t = 0; t < args.rows; ++t) {
    float* const out = args.out + t * args.out_stride;
    for (int64_t n = begin; n < end; ++n) out[n] += args.bias[n];
  }
}

}  // namespace

void avx512_linear(const LinearArgs& args, int64_t begin, int64_t end, float* scratch) {
  // With few rows, what is waited for is memory or decoding, where wider registers gain nothing.
  const bool plain =
      args.type == DType::kF32 || args.type == DType::kF16 || args.type == DType::kBF16;
  if (args.rows < (plain ? 16 : 5)) return avx2_table().linear(args, begin, end, scratch);
  many_rows(args, begin, end, scratch);
}

}  // namespace weft::cpu
