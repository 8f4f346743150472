// Which kernel takes a launch of attention.
#include "kernels/cuda/attention.h"

#include "kernels/cuda/attention_merge.h"
#include "kernels/cuda/attention_tile.h"
#include "kernels/cuda/device/launch.h"

namespace weft::cuda {
namespace {

template <DType kType, int kDim>
void launch_tiles(Stream& stream, const AttentionArguments& args) {
  // q, o and the total of 256 elements are 320 registers of a lane: four warps share 16 rows.
  constexpr int kManyShares = kDim <= 128 ? 1 : 4;
  constexpr int kRowTiles = many_tile_rows(kDim) / 16;
  const Dim3 grid{.x = args.num_tiles,
                  .y = args.shape.n_kv_heads,
                  .z = args.partials != nullptr ? args.max_splits : 1};
  if (args.schedule == AttentionSchedule::kFewRows) {
    launch(stream, grid, TileAttention<kType, kDim, kFewTileRows / 16, 4>{args});
  } else {
    launch(stream, grid, TileAttention<kType, kDim, kRowTiles, kManyShares>{args});
  }
}

template <DType kType>
void launch_type(Stream& stream, const AttentionArguments& args) {
  if (args.shape.head_dim <= 64) {
    launch_tiles<kType, 64>(stream, args);
  } else if (args.shape.head_dim <= 128) {
    launch_tiles<kType, 128>(stream, args);
  } else {
    launch_tiles<kType, kMaxHeadDim>(stream, args);
  }
}

}  // namespace

void attention(Stream& stream, const AttentionArguments& args) {
  switch (args.keys.type) {
    case DType::kF32:
      return attention_float(stream, args);
    case DType::kBF16:
      launch_type<DType::kBF16>(stream, args);
      break;
    case DType::kQ8_0:
      launch_type<DType::kQ8_0>(stream, args);
      break;
    case DType::kF8_E4M3:
      launch_type<DType::kF8_E4M3>(stream, args);
      break;
    default:
      launch_type<DType::kF16>(stream, args);
  }
  if (args.partials != nullptr) {
    launch(stream, {.x = args.num_slots, .y = args.shape.n_heads}, MergeSplits<1.0f>{args});
  }
}

}  // namespace weft::cuda
