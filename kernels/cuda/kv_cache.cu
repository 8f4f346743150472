#include "kernels/cuda/kv_cache.h"

#include <algorithm>
#include <bit>
#include <type_traits>

#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/fp8.h"
#include "kernels/cuda/kv_layout.h"

namespace weft::cuda {
namespace {

constexpr uint16_t kNanHalf = 0x7e00;

// A row of up to kMaxHeadDim elements, number 32j + lane of which is a lane's x[j], as the cache
// keeps it. Made by a whole warp.
template <DType kType>
struct KvRow {
  static constexpr int kParts = kMaxHeadDim / kWarp;
  static constexpr bool kPlain = kType == DType::kF16 || kType == DType::kBF16;
  using Element = std::conditional_t<kType == DType::kF32, float,
                                     std::conditional_t<kPlain, uint16_t, uint8_t>>;

  Element elements[kParts];
  uint16_t scales[kType == DType::kQ8_0 ? kParts : 1];
  bool finite;  // of this lane's elements, as they will be read

  WEFT_DEVICE static bool is_finite(float x) {
    return (bits_from_float(x) & 0x7f800000u) != 0x7f800000u;
  }
  WEFT_DEVICE static float magnitude(float x) { return x < 0.0f ? -x : x; }

  WEFT_DEVICE explicit KvRow(const float (&x)[kParts]) : finite(true) {
    if constexpr (kType == DType::kF8_E4M3) {
      encode_fp8(x);
    } else {
      WEFT_UNROLL
      for (int j = 0; j < kParts; ++j) {
        if constexpr (kType == DType::kF32) {
          elements[j] = x[j];
        } else if constexpr (kType == DType::kQ8_0) {
          encode_q8_0(x[j], j);
        } else {
          elements[j] = kType == DType::kF16 ? half_of(x[j]) : bfloat_of(x[j]);
          constexpr uint16_t kExponent = kType == DType::kF16 ? 0x7c00 : 0x7f80;
          finite = finite && (elements[j] & kExponent) != kExponent;
        }
      }
    }
  }

  WEFT_DEVICE void write(const KvLayer& layer, int64_t slot, int head) const {
    std::byte* const tokens = layer.data + kv_slot_offset(layer, slot, head);
    const int offset = kv_offset_in_block(layer, slot);
    std::byte* const row = tokens + kv_row_offset(layer, offset);
    WEFT_UNROLL
    for (int j = 0; j < kParts; ++j) {
      const int element = kWarp * j + lane_index();
      if (element < layer.row_elements) {
        store(reinterpret_cast<Element*>(row) + element, elements[j]);
      }
    }
    if (layer.scales == 0 || lane_index() != 0) return;
    auto* const to = reinterpret_cast<uint16_t*>(tokens + kv_scale_group_offset(layer, offset) +
                                                 kv_scale_offset_in_group(layer, offset));
    WEFT_UNROLL
    for (int j = 0; j < int{sizeof(scales) / sizeof(scales[0])}; ++j) {
      if (j < layer.scales) store(to + j, scales[j]);
    }
  }

 private:
  // Block j: an element a lane.
  WEFT_DEVICE void encode_q8_0(float x, int j) {
    const float largest = warp_max(magnitude(x));
    const bool all_finite = ballot(!is_finite(x)) == 0;
    scales[j] = all_finite ? half_of(largest / 127.0f) : kNanHalf;
    const float scale = float_of_half(scales[j]);
    float q = scale == 0.0f || !all_finite ? 0.0f : x / scale;
    q = q > 127.0f ? 127.0f : q < -128.0f ? -128.0f : q;
    // To the nearest integer: the float of this size has no places behind the point.
    constexpr float kRound = 0x1.8p+23f;
    q = (q + kRound) - kRound;
    elements[j] = static_cast<uint8_t>(static_cast<int>(q));
    finite = finite && (half_of(q * scale) & 0x7c00) != 0x7c00;
  }

  WEFT_DEVICE void encode_fp8(const float (&x)[kParts]) {
    float largest = 0.0f;
    WEFT_UNROLL
    for (int j = 0; j < kParts; ++j) {
      largest = magnitude(x[j]) > largest ? magnitude(x[j]) : largest;
      finite = finite && is_finite(x[j]);
    }
    finite = ballot(!finite) == 0;
    const float scale = fp8_scale(warp_max(largest));
    scales[0] = finite ? half_of(scale) : kNanHalf;
    const float inverse = 1.0f / scale;  // exact, as its products are
    WEFT_UNROLL
    for (int j = 0; j < kParts; ++j) {
      elements[j] = finite ? fp8_from_float(x[j] * inverse) : uint8_t{0};
    }
  }
};

// A warp is a token's KV head.
template <DType kType>
struct KvStore {
  static constexpr const char* kName = "kv_store";
  static constexpr int kThreads = 128;
  static constexpr int kWarps = kThreads / kWarp;
  using Shared = NoShared;
  using Row = KvRow<kType>;

  KvLayer keys, values;
  Mat k, v;
  const int32_t* slots;

  WEFT_DEVICE static void read(const KvLayer& layer, const float* from, float (&x)[Row::kParts]) {
    WEFT_UNROLL
    for (int j = 0; j < Row::kParts; ++j) {
      const int element = kWarp * j + lane_index();
      x[j] = element < layer.head_dim ? load(from + element) : 0.0f;
    }
  }
  WEFT_DEVICE static void fill(float value, float (&x)[Row::kParts]) {
    WEFT_UNROLL
    for (int j = 0; j < Row::kParts; ++j) x[j] = value;
  }

  WEFT_DEVICE void operator()(Shared&) const {
    const int64_t index = int64_t{block_index().x} * kWarps + warp_index();
    const int64_t t = index / keys.n_kv_heads;
    const int head = static_cast<int>(index % keys.n_kv_heads);
    if (t >= k.rows) return;
    float key[Row::kParts], value[Row::kParts];
    read(keys, k.data + t * k.cols + head * keys.head_dim, key);
    read(values, v.data + t * v.cols + head * values.head_dim, value);
    if constexpr (kType != DType::kF32) {
      if (ballot(!Row(value).finite) != 0) {
        fill(0.0f, value);
        fill(float_from_bits(0x7fc00000), key);
      }
    }
    const int64_t slot = load(slots + t);
    Row(key).write(keys, slot, head);
    Row(value).write(values, slot, head);
  }
};

template <DType kType>
void launch_store(Stream& stream, const KvLayer& keys, const KvLayer& values, Mat k, Mat v,
                  const int32_t* slots) {
  using Kernel = KvStore<kType>;
  const int64_t warps = k.rows * keys.n_kv_heads;
  launch(stream, {.x = static_cast<int>((warps + Kernel::kWarps - 1) / Kernel::kWarps)},
         Kernel{.keys = keys, .values = values, .k = k, .v = v, .slots = slots});
}

// A thread carries the same 16 bytes of every copy, so that a block that is written and then read
// is the thread's own.
struct CopyBlocks {
  static constexpr const char* kName = "copy_blocks";
  static constexpr int kThreads = 256;
  using Shared = NoShared;

  std::byte* data;
  int64_t array_bytes, block_bytes;
  const BlockCopy* copies;
  int num_copies;

  WEFT_DEVICE void operator()(Shared&) const {
    std::byte* const blocks = data + block_index().y * array_bytes;
    const int64_t at =
        (int64_t{block_index().x} * kThreads + thread_index()) * int64_t{sizeof(Vec4)};
    if (at >= block_bytes) return;
    for (int i = 0; i < num_copies; ++i) {
      const BlockCopy copy = load(copies + i);
      const Vec4 bytes = load(reinterpret_cast<const Vec4*>(blocks + copy.from * block_bytes + at));
      store(reinterpret_cast<Vec4*>(blocks + copy.to * block_bytes + at), bytes);
    }
  }
};

}  // namespace

KvLayer kv_layer(const KvCacheSpec& spec) {
  constexpr int kPiece = 16;
  const auto padded = [](int n, int unit) { return (n + unit - 1) / unit * unit; };
  KvLayer layer{
      .type = spec.type,
      .n_kv_heads = spec.n_kv_heads,
      .head_dim = spec.head_dim,
      .block_size = spec.block_size,
      .block_shift = static_cast<int>(std::bit_width(static_cast<unsigned>(spec.block_size))) - 1};
  if (spec.type == DType::kQ8_0) {
    layer.row_elements = padded(spec.head_dim, 32);
    layer.row_bytes = layer.row_elements;
    layer.scales = layer.row_elements / 32;
  } else {
    const int element_bytes = spec.type == DType::kF32 ? 4 : spec.type == DType::kF8_E4M3 ? 1 : 2;
    layer.row_elements = padded(spec.head_dim, kPiece / element_bytes);
    layer.row_bytes = layer.row_elements * element_bytes;
    layer.scales = spec.type == DType::kF8_E4M3 ? 1 : 0;
  }
  // Eight tokens' scales fill pieces of 16 bytes.
  layer.scale_group_shift = std::min(layer.block_shift, 3);
  layer.scale_group_bytes =
      padded((layer.scales * int{sizeof(uint16_t)}) << layer.scale_group_shift, kPiece);
  layer.head_bytes = int64_t{spec.block_size} * layer.row_bytes +
                     int64_t{spec.block_size >> layer.scale_group_shift} * layer.scale_group_bytes;
  return layer;
}

void kv_store(Stream& stream, const KvLayer& keys, const KvLayer& values, Mat k, Mat v,
              const int32_t* slots) {
  switch (keys.type) {
    case DType::kF32:
      return launch_store<DType::kF32>(stream, keys, values, k, v, slots);
    case DType::kBF16:
      return launch_store<DType::kBF16>(stream, keys, values, k, v, slots);
    case DType::kQ8_0:
      return launch_store<DType::kQ8_0>(stream, keys, values, k, v, slots);
    case DType::kF8_E4M3:
      return launch_store<DType::kF8_E4M3>(stream, keys, values, k, v, slots);
    default:
      return launch_store<DType::kF16>(stream, keys, values, k, v, slots);
  }
}

void copy_blocks(Stream& stream, std::byte* data, int num_arrays, int64_t array_bytes,
                 int64_t block_bytes, const BlockCopy* copies, int num_copies) {
  constexpr int64_t kPiece = CopyBlocks::kThreads * int64_t{sizeof(Vec4)};
  launch(stream, {.x = static_cast<int>((block_bytes + kPiece - 1) / kPiece), .y = num_arrays},
         CopyBlocks{.data = data,
                    .array_bytes = array_bytes,
                    .block_bytes = block_bytes,
                    .copies = copies,
                    .num_copies = num_copies});
}

}  // namespace weft::cuda
