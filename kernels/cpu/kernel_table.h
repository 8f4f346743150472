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
#include "kernels/cpu/packed/activations.h"
#include "kernels/cpu/packed/format.h"

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

// Float32 scratch that linear() wants from its caller, aligned to 64 bytes: a panel and two
// columns.
inline constexpr int kLinearScratch = (kPanelColumns + 2) * kPanelStride;

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

// A packed weight matrix times all rows of x, in the order of kernels/cpu/generic/packed_linear.h.
struct PackedLinearArgs {
  const std::byte* weight = nullptr;  // groups of format.group_size(k), aligned to 64
  int64_t k = 0;
  int64_t columns = 0;  // of the whole matrix; the last group may be cut
  Activations x;
  int64_t rows = 0;
  const float* bias = nullptr;  // [columns] or null
  float* out = nullptr;         // [rows, out_stride]
  int64_t out_stride = 0;
};

// Groups [begin, end) of every row. scratch: kPackedScratch bytes, aligned to 64.
using PackedLinearRun = void (*)(const PackedLinearArgs& args, int64_t begin, int64_t end,
                                 std::byte* scratch);
inline constexpr std::size_t kPackedScratch = 256 << 10;
// What BF16 kernels use of it.
inline constexpr std::size_t kBf16Scratch = 64 << 10;
// Rows that meet a piece of weights together: as many as make reading and unpacking it cheap. From
// kBatchedRows on a block of their activations meets batch_groups() groups, at most kBatchGroups;
// it and the sums of all of them lie in the second cache level. Long rows do not stay in the third
// where others have their share of it: they meet more groups each time they are read.
inline constexpr int kBatchRows = 192;
inline constexpr int kBatchedRows = 64;
inline constexpr int kBatchGroups = 16;
inline constexpr int64_t kLongRow = 4096;
static constexpr int64_t batch_groups(int64_t k) { return k < kLongRow ? 8 : kBatchGroups; }

// Bytes from the codes that tiles meet to those that are asked for into the second cache level, and
// from those that they unpack as they use them to those that are asked for into the first.
inline constexpr int64_t kTileAhead = 64 << 10;
inline constexpr int64_t kTileSoon = 4 << 10;

// core/backend.h's kAttentionSplit, known here without that header's inline functions.
inline constexpr int32_t kSplit = 256;

// Neighbouring positions whose keys lie side by side (kernels/cpu/cpu_kv_cache.h): two vectors of 8
// lanes, or one of 16.
inline constexpr int32_t kKeyGroup = 16;

// Elements of a key that attend() takes between two looks at a scale, where the cache has scales.
inline constexpr int32_t kKeyBlock = 32;

// Attention of a tile of queries over one split of kSplit positions: for each of some neighbouring
// KV heads the same number of rows, each one query head of one token. What is loaded and converted
// of a KV head serves all of its rows. Positions count from the split's first one. Row r of every
// KV head sees [begin[r], end[r]):
//   s[p] = (sum over i of q[i] × k[p][i], fused, i ascending from zero) × scale; m = max s
//   e[p] = 2^(s[p] - m); l = sum of e, lane = p modulo 8, p ascending; sum_of_lanes
//   o = fma(e[p], v[p]) in ascending order from zero
// K and V are float32 before they are used, as the cache's type decodes. A row's results do not
// depend on the other rows, and positions that no row sees may hold anything.
struct AttentionTile {
  DType type = DType::kF32;  // of K and V: F32, F16, BF16, Q8_0
  int32_t group = 0;         // tokens of a group: kKeyGroup, or 1, 2, 4, 8
  // [kSplit / group] the groups' keys and values of the first KV head, laid out as the cache says.
  // Valid where any row sees a position of the group; else null.
  const std::byte* const* keys = nullptr;
  const std::byte* const* values = nullptr;
  // The same of the first keys that the caller will want next, to be asked for in good time:
  // [next_groups], null where there is nothing to read.
  const std::byte* const* next_keys = nullptr;
  int32_t next_groups = 0;
  int64_t group_bytes = 0;  // of one head's keys or values in a group
  int64_t head_bytes = 0;   // from a group of one KV head to the same of the next
  int32_t head_dim = 0;
  int32_t row = 0;     // elements of a row of the cache: head_dim padded to 8, in Q8_0 to 32
  float scale = 1.0f;  // log2(e) included

  int32_t kv_heads = 0;
  int32_t rows = 0;                 // of one KV head
  const float* const* q = nullptr;  // [kv_heads, rows] of [head_dim]
  const int32_t* begin = nullptr;   // [rows] ascending; 0 <= begin < end <= kSplit
  const int32_t* end = nullptr;     // [rows] ascending
};

// Partial attention of one row: m and l, then o follows in memory: [2 + 6 unused, row].
inline constexpr int kPartialHeader = 8;

// Positions that attend() takes at a time, at most: their converted keys or values are 16 KiB of
// float32 at 64 elements a head, a third or half of the first cache level.
inline constexpr int32_t kStep = 64;

// Float32 scratch of attend() for so many rows of all KV heads: scores [rows, kSplit] and converted
// keys or values [kStep, row].
static constexpr int64_t attend_scratch(int64_t rows, int64_t row) {
  return rows * kSplit + kStep * row;
}

// Linear layers over packed weights, for activations of one kind. All tables agree bit for bit, but
// for those that name an order of their own.
struct PackedKernels {
  // The kernel of a type in kPackedFormats (activations in BF16: in kFloatFormats); else null.
  PackedLinearRun (*linear)(DType type);
  // Rounds one row of k elements, a multiple of 32, as packed/activations.h says, to the first row
  // of `to`. The order of a cell's integers is the table's own.
  void (*quantize_row)(const float* x, int64_t k, const Activations& to);
  int64_t block_bytes;      // of 256 rounded elements
  bool whole_rows = false;  // a row's blocks lie together
  // Rows of an input from which its integers lie in the order that tiles want.
  int64_t tile_rows = INT64_MAX;
  // The instruction by whose order and rounding of sums these add, where it is not everybody's.
  const char* order = "";

  // What a row takes. Whole rows take a little more than their blocks, so that equal places in
  // different rows do not fall into the same cache set.
  [[gnu::always_inline]] int64_t row_bytes(int64_t k) const {
    return (k + 255) / 256 * block_bytes + (whole_rows ? 64 : 0);
  }
  // `rows` rows of k elements in memory of rows × row_bytes(k), aligned to 64.
  [[gnu::always_inline]] Activations activations(std::byte* memory, int64_t rows, int64_t k) const {
    if (whole_rows) return {memory, row_bytes(k), block_bytes};
    return {memory, block_bytes, rows * block_bytes, rows >= tile_rows};
  }
};

struct KernelTable {
  const char* isa;
  bool (*supported)(const CpuFeatures& features);

  // Columns [begin, end) of every row. scratch: float32 [kLinearScratch].
  void (*linear)(const LinearArgs& args, int64_t begin, int64_t end, float* scratch);

  PackedKernels int16, int8, bf16;

  // out = x × (1 / sqrt(mean(x²) + eps)) × gain for `rows` rows of `cols`. The squares are summed
  // in double by lanes: ((s0 + s4) + (s2 + s6)) + ...; the factor is rounded to float once.
  void (*rms_norm)(const float* x, const float* gain, float eps, float* out, int64_t rows,
                   int64_t cols);

  // Turns the heads of one row in place. table: [dims / 2] cosines, then sines.
  void (*rope)(float* x, int32_t heads, int32_t head_dim, RopeKind kind, int32_t dims,
               const float* table);

  // partials: [rows, kPartialHeader + row]. scratch: attend_scratch(rows, row), aligned to 64
  // bytes.
  void (*attend)(const AttentionTile& tile, float* partials, float* scratch);

  // Merges `next` into `total`, both as attend() writes them. The neutral partial is m = -infinity,
  // l = 0, o = 0.
  //   m = max(m1, m2); l = l1 × 2^(m1 - m) + l2 × 2^(m2 - m); o likewise.
  void (*merge)(float* total, const float* next, int32_t rows, int32_t row);

  // dst[i] = src[i] rounded to the cache's type (F32, F16, BF16): to nearest, ties to even. Q8_0:
  // whole blocks, the last one padded by zeros.
  void (*store)(DType type, const float* src, std::byte* dst, int64_t n);

  // out = activation(gate) × up. kSilu: x / (1 + exp(-x)). kGelu: its tanh form,
  // x × (1 - 1 / (exp(2u) + 1)), u = sqrt(2 / pi) × (x + 0.044715 x³).
  void (*glu)(const float* gate, const float* up, float* out, int64_t n, Activation activation);

  void (*add)(float* x, const float* y, int64_t n);

  // y = exp(x), for tests: 0 below -104, infinity above 89, within 1.5 units in the last place.
  void (*exp)(const float* x, float* y, int64_t n);
  // y = 2^x for x <= 0, for tests: 0 below -126, within 1 unit in the last place.
  void (*exp2)(const float* x, float* y, int64_t n);
  // For tests, null where there is nothing to test: `n` weights as linear() sees them, which is as
  // core/quant decodes them. False if the type goes by `decode` anyway.
  bool (*unpack)(DType type, const std::byte* src, float* dst, int64_t n);
};

}  // namespace weft::cpu
