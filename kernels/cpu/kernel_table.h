// KernelTable: the inner loops of the CPU backend, one table an instruction set. Functions work on
// slices (some rows, some output columns) and know no threads; kernels/cpu/cpu_backend.cpp shares
// the slices out. An ISA folder is compiled with its own flags and exports its table alone.
//
// Same bits: an element's value does not depend on the slice it is computed in, nor on how many
// rows there are. Where an order of summation has to be chosen, "lane l" means the terms whose
// index is l modulo 8, and every table of today follows the order written here, so that they
// agree bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/cpu_features.h"
#include "core/dtype.h"
#include "core/model/config.h"
#include "core/quant/decode.h"

namespace weft::cpu {

// Lanes of every sum.
inline constexpr int kLanes = 8;

// linear() cuts the K input features into segments of this many. A multiple of every block size;
// small enough that a panel of decoded weights stays in the second cache level, large enough that
// adding up the lanes at its end (about 6 instructions an output) is lost beside its 128 FMAs.
inline constexpr int kSegment = 1024;

// Columns that linear() decodes at a time, and the distance of their rows in the scratch: 16 more
// than a segment, so that equal offsets in different rows do not fall into the same cache set.
inline constexpr int kPanelColumns = 48;
inline constexpr int kPanelStride = kSegment + 16;

// Float32 scratch that linear() wants from its caller, aligned to 64 bytes.
inline constexpr int kLinearScratch = kPanelColumns * kPanelStride;

// One weight matrix times all rows of x.
//   total = 0; for each segment in ascending order:
//     lane l = fma over its k in ascending order, from zero; the last lanes are padded by zeros
//     total += sum_of_lanes
//   out[t][n] = total (+ bias[n])
// sum_of_lanes(v) = ((v0 + v4) + (v2 + v6)) + ((v1 + v5) + (v3 + v7)).
struct LinearArgs {
  DType type = DType::kF32;
  DecodeRow decode = nullptr;  // of that type
  const std::byte* weight = nullptr;
  int64_t weight_row_bytes = 0;
  const float* bias = nullptr;  // [columns] or null
  int64_t k = 0;
  const float* x = nullptr;  // [rows, k]
  int64_t rows = 0;
  float* out = nullptr;  // [rows, out_stride]
  int64_t out_stride = 0;
};

// core/backend.h's kAttentionSplit, known here without that header's inline functions.
inline constexpr int32_t kSplit = 256;

// Attention of the query heads that share a KV head, for one token, over the positions
// [begin, end) of one split of kSplit, whose first position is `base`.
//   s[p] = (q · k[p]) × scale, lanes over head_dim; m = max s; e[p] = exp(s[p] - m)
//   l = sum of e, lane = (p - base) modulo 8; o = fma(e[p], v[p]) in ascending order from zero
// Rows of K and V hold head_dim elements, padded by zeros to a multiple of 8.
struct AttentionArgs {
  DType type = DType::kF32;      // of K and V: F32, F16, BF16
  const std::byte* k = nullptr;  // of the layer
  const std::byte* v = nullptr;  //
  // [p - base]: element offset of position p's row in k and v. Positions before begin and from end
  // on, up to the next multiples of 8, have the offset of one that takes part: what lies at their
  // own may never have been written.
  const int64_t* offsets = nullptr;
  int32_t begin = 0;  // p - base; 0 <= begin < end <= kSplit
  int32_t end = 0;
  int32_t heads = 0;
  int32_t head_dim = 0;      // padded
  const float* q = nullptr;  // [heads, head_dim], padded by zeros
  float scale = 1.0f;
};

// Partial attention of one head: m and l, then o follows in memory: [2 + 6 unused, head_dim].
inline constexpr int kPartialHeader = 8;

struct KernelTable {
  const char* isa;
  bool (*supported)(const CpuFeatures& features);

  // Columns [begin, end) of every row. scratch: float32 [kLinearScratch].
  void (*linear)(const LinearArgs& args, int64_t begin, int64_t end, float* scratch);

  // out = x × (1 / sqrt(mean(x²) + eps)) × gain for `rows` rows of `cols`. The squares are summed
  // in double by lanes: ((s0 + s4) + (s2 + s6)) + ...; the factor is rounded to float once.
  void (*rms_norm)(const float* x, const float* gain, float eps, float* out, int64_t rows,
                   int64_t cols);

  // Turns the heads of one row in place. table: [dims / 2] cosines, then sines.
  void (*rope)(float* x, int32_t heads, int32_t head_dim, RopeKind kind, int32_t dims,
               const float* table);

  // partials: [heads, kPartialHeader + head_dim]. scratch: float32 [heads, kSplit].
  void (*attend)(const AttentionArgs& args, float* partials, float* scratch);

  // Merges `next` into `total`, both as attend() writes them, for all heads:
  //   m = max(m1, m2); l = l1 × exp(m1 - m) + l2 × exp(m2 - m); o likewise.
  void (*merge)(float* total, const float* next, int32_t heads, int32_t head_dim);

  // dst[i] = src[i] rounded to the cache's type (F32, F16, BF16): to nearest, ties to even.
  void (*store)(DType type, const float* src, std::byte* dst, int64_t n);

  // out = activation(gate) × up. kSilu: x / (1 + exp(-x)). kGelu: its tanh form,
  // x × (1 - 1 / (exp(2u) + 1)), u = sqrt(2 / pi) × (x + 0.044715 x³).
  void (*glu)(const float* gate, const float* up, float* out, int64_t n, Activation activation);

  void (*add)(float* x, const float* y, int64_t n);

  // y = exp(x), for tests: 0 below -104, infinity above 89, within 1.5 units in the last place.
  void (*exp)(const float* x, float* y, int64_t n);
  // For tests, null where there is nothing to test: `n` weights as linear() sees them, which is as
  // core/quant decodes them. False if the type goes by `decode` anyway.
  bool (*unpack)(DType type, const std::byte* src, float* dst, int64_t n);
};

}  // namespace weft::cpu
