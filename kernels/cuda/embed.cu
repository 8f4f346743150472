// out[t][i] = base × sub × level - min of row ids[t], column i, looked up one by one: a step embeds
// few rows, and this is far from its time.
#include "kernels/cuda/embed.h"

#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/packed_types.h"

namespace weft::cuda {
namespace {

template <WeightFormat kFormat>
struct EmbedPacked {
  static constexpr const char* kName = "embed";
  static constexpr int kThreads = 128;
  using Shared = NoShared;

  PackedWeight table;
  TileLayout layout;
  const int32_t* ids;
  Mat out;

  WEFT_DEVICE static float half_at(const std::byte* p) {
    return float_of_half(load(reinterpret_cast<const uint16_t*>(p)));
  }
  WEFT_DEVICE static uint32_t byte_at(const std::byte* p) {
    return load(reinterpret_cast<const uint8_t*>(p));
  }

  // The code of column i of octet (c, r) of a lane.
  WEFT_DEVICE static int code(const std::byte* unit, int lane, int c, int r, int i) {
    if constexpr (kFormat.bits == 8) {
      return static_cast<int>(byte_at(unit + 16 * (kWarp * c + lane) + 8 * r + i));
    }
    const int half = 16 * (i % 2);
    uint32_t code = 0;
    int below = 0;
    if constexpr (kFormat.bits >= 4) {
      const auto* words = reinterpret_cast<const uint32_t*>(unit + 16 * lane);
      code = load(words + 2 * c + r) >> (half + 4 * (i / 2)) & 15;
      unit += kWarp * 16;
      below = 4;
    }
    if constexpr ((kFormat.bits & 2) != 0) {
      const auto* words = reinterpret_cast<const uint32_t*>(unit + 8 * lane);
      code |= (load(words + c) >> (half + 8 * r + 2 * (i / 2)) & 3) << below;
      unit += kWarp * 8;
      below += 2;
    }
    if constexpr ((kFormat.bits & 1) != 0) {
      const auto* words = reinterpret_cast<const uint32_t*>(unit + 4 * lane);
      code |= (load(words) >> (half + 4 * (2 * c + r) + i / 2) & 1) << below;
    }
    return static_cast<int>(code);
  }

  WEFT_DEVICE static float level(int code) {
    if constexpr (kFormat.levels == Levels::kLinear) {
      return static_cast<float>(code - kFormat.zero);
    } else {
      constexpr LevelTable kLevels = level_table(kFormat.levels);
      uint32_t word = kLevels.words[0];
      WEFT_UNROLL
      for (int i = 1; i < 4; ++i) word = code / 4 == i ? kLevels.words[i] : word;
      return static_cast<float>(static_cast<int>(word >> (8 * (code % 4)) & 0xff) - 128);
    }
  }

  WEFT_DEVICE float value(const std::byte* tile, int row, int column) const {
    const int g = row % 8;
    const int r = row / 8;
    const int unit = column / kUnitColumns;
    const int block = column / kBlockColumns;
    const int c = column % kUnitColumns / 32;
    const int lane = 4 * g + column % 32 / 8;
    const int i = column % 8;
    const std::byte* const codes = tile + int64_t{unit} * kFormat.unit_code_bytes();
    if constexpr (kFormat.bits == 16) {
      const auto bits =
          load(reinterpret_cast<const uint16_t*>(codes + 16 * (kWarp * (2 * c + r) + lane)) + i);
      return kFormat.levels == Levels::kBfloat ? float_from_bf16(bits) : float_of_half(bits);
    }

    float scale = 1.0f;
    const std::byte* bases = tile + layout.bases;
    if constexpr (kFormat.span == 32) {
      bases += int64_t{unit} * kFormat.unit_base_bytes() + 8 * g + 4 * r + 2 * c;
    } else {
      bases += int64_t{block} * kFormat.block_base_bytes() + 4 * g + 2 * r;
    }
    if constexpr (kFormat.bfloat_base) {
      scale = float_from_bf16(load(reinterpret_cast<const uint16_t*>(bases)));
    } else if constexpr (kFormat.span != 0) {
      scale = half_at(bases) * (1.0f / static_cast<float>(kFormat.base_divisor));
    }
    const int group = column / kFormat.group;
    const int sub = (2 * g + r) * kFormat.unit_groups() + group % kFormat.unit_groups();
    const std::byte* const subs = tile + layout.subs + int64_t{unit} * kFormat.unit_sub_bytes();
    if constexpr (kFormat.sub == Sub::kByte) {
      scale *= static_cast<float>(static_cast<int>(byte_at(subs + sub)) - 128);
    } else if constexpr (kFormat.sub == Sub::kHalf) {
      scale *= half_at(subs + 2 * sub);
    }
    float x = scale * level(code(codes, lane, c, r, i));

    const int min = (2 * g + r) * kFormat.block_groups() + group % kFormat.block_groups();
    const std::byte* const mins = tile + layout.mins + int64_t{block} * kFormat.block_min_bytes();
    if constexpr (kFormat.min == Min::kHalf) {
      x += half_at(mins + 2 * min);
    } else if constexpr (kFormat.min == Min::kByte) {
      const std::byte* const base =
          tile + layout.min_bases + int64_t{block} * kFormat.block_min_base_bytes();
      x -= half_at(base + 4 * g + 2 * r) * static_cast<float>(byte_at(mins + min));
    }
    return x;
  }

  WEFT_DEVICE void operator()(Shared&) const {
    const int64_t t = block_index().x;
    const int row = load(ids + t);
    const std::byte* const tile = table.tiles + int64_t{row / kTileRows} * table.tile_bytes;
    for (int i = thread_index(); i < static_cast<int>(out.cols); i += kThreads) {
      store(out.data + t * out.cols + i, value(tile, row % kTileRows, i));
    }
  }
};

template <WeightFormat kFormat>
void launch_embed(Stream& stream, const PackedWeight& table, const int32_t* ids, Mat out) {
  launch(stream, {.x = static_cast<int>(out.rows)},
         EmbedPacked<kFormat>{
             .table = table, .layout = tile_layout(kFormat, table.units), .ids = ids, .out = out});
}

}  // namespace

void embed_packed(Stream& stream, DType type, const PackedWeight& table, const int32_t* ids,
                  Mat out) {
  visit_packed_type(type, [&](auto tag) {
    launch_embed<weight_format(decltype(tag)::kType)>(stream, table, ids, out);
  });
}

}  // namespace weft::cuda
