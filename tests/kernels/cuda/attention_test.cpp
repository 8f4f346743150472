// Attention on CUDA: against a double-precision softmax over what the cache holds, and the same
// bits whatever schedule, tile and company a token's rows are in.
#include "kernels/cuda/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/half.h"
#include "core/quant/q8_0.h"
#include "kernels/cuda/attention_step.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/cuda_kv_cache.h"
#include "kernels/cuda/fp8.h"
#include "tests/kernels/cuda/device_array.h"
#include "tests/kernels/support.h"

namespace weft::test {
namespace {

struct Shape {
  int32_t heads, kv_heads, head_dim, window;
  DType type;
};

float as_half(float x) { return float_from_half(half_from_float(x)); }

// A token's head as attention reads it.
std::vector<double> as_read(std::span<const float> row, DType type) {
  std::vector<double> values;
  float largest = 0.0f;
  for (std::size_t i = 0; i < row.size(); ++i) {
    float x = row[i];
    if (type == DType::kF16) {
      x = as_half(x);
    } else if (type == DType::kBF16) {
      x = float_from_bf16(bf16_from_float(x));
    } else if (type == DType::kQ8_0) {
      if (i % 32 == 0) {
        largest = 0.0f;
        for (std::size_t j = i; j < std::min(i + 32, row.size()); ++j) {
          largest = std::max(largest, std::abs(row[j]));
        }
      }
      const float scale = as_half(largest / 127.0f);
      x = as_half(std::nearbyint(x / scale) * scale);
    } else if (type == DType::kF8_E4M3) {
      if (i == 0) {
        for (const float y : row) largest = std::max(largest, std::abs(y));
      }
      const float scale = cuda::fp8_scale(largest);
      x = cuda::float_from_fp8(cuda::fp8_from_float(x / scale)) * scale;
    }
    values.push_back(static_cast<double>(x));
  }
  return values;
}

float query_as_read(float x, DType type) {
  if (type == DType::kF32) return x;
  return type == DType::kBF16 ? float_from_bf16(bf16_from_float(x)) : as_half(x);
}

// Of magnitudes summed, how far a result may be off. F32: scores of a few units are off by their
// head_dim roundings, which the exponential keeps as a relative error; a few hundred for heads of
// 256. Else every weight was rounded once more, by up to a half's or a bfloat's unit, and their sum
// with them.
double tolerance(DType type) {
  if (type == DType::kF32) return 600.0 * kUnit;
  return 2.1 * (type == DType::kBF16 ? 0x1p-8 : 0x1p-11);
}

// A sequence whose keys and values are all there, in blocks in a shuffled order.
class Context {
 public:
  Context(Backend& backend, Random& random, const Shape& shape, int32_t tokens, int32_t block = 16)
      : backend_(backend),
        shape_(shape),
        block_(block),
        q_(random_floats(random, int64_t{tokens} * shape.heads * shape.head_dim, 2.0f)),
        k_(random_floats(random, int64_t{tokens} * shape.kv_heads * shape.head_dim)),
        v_(random_floats(random, int64_t{tokens} * shape.kv_heads * shape.head_dim)),
        blocks_(static_cast<std::size_t>((tokens + block - 1) / block)) {
    std::iota(blocks_.begin(), blocks_.end(), 0);
    std::shuffle(blocks_.begin(), blocks_.end(), random);
    cache_ = backend
                 .create_kv_cache({.n_layers = 2,
                                   .n_kv_heads = shape.kv_heads,
                                   .head_dim = shape.head_dim,
                                   .block_size = block,
                                   .num_blocks = static_cast<int32_t>(blocks_.size()),
                                   .type = shape.type})
                 .value();
    // NaN in every type: what attention must not meet shows.
    const std::vector<std::byte> pattern(backend.kv_block_bytes(*cache_), std::byte{0xff});
    for (const int32_t id : blocks_) backend.import_block(*cache_, id, pattern.data());
    store(0, tokens);
  }

  // Stores the keys and values of tokens [first, first + n) once more.
  void store(int32_t first, int32_t n) {
    std::vector<int32_t> slots;
    for (int32_t p = first; p < first + n; ++p) {
      slots.push_back(blocks_[static_cast<std::size_t>(p / block_)] * block_ + p % block_);
    }
    const int64_t width = int64_t{shape_.kv_heads} * shape_.head_dim;
    const DeviceArray<float> k(slice(k_, first * width, n * width));
    const DeviceArray<float> v(slice(v_, first * width, n * width));
    backend_.kv_store(*cache_, 1, mat(k, n), mat(v, n), slots);
  }
  // One element of a token's value.
  void set_value(int32_t token, int32_t element, float x) {
    v_[static_cast<std::size_t>(token * shape_.kv_heads * shape_.head_dim + element)] = x;
    store(token, 1);
  }

  static Mat mat(const DeviceArray<float>& x, int64_t rows) {
    return {x.data(), rows, static_cast<int64_t>(x.size()) / rows};
  }

  // Of tokens [first, first + n), of this sequence alone.
  std::vector<float> attend(int32_t first, int32_t n) {
    const std::vector<int32_t> positions = positions_of(first, n);
    const std::vector<int32_t> ids(static_cast<std::size_t>(n));
    const int32_t seq_starts[] = {0, n};
    const int32_t table_starts[] = {0, static_cast<int32_t>(blocks_.size())};
    StepBatch batch;
    batch.token_ids = ids;
    batch.positions = positions;
    batch.seq_starts = seq_starts;
    batch.block_tables = blocks_;
    batch.block_table_starts = table_starts;
    const DeviceArray<float> q(queries(first, n)), out(q.size());
    backend_.attention(mat(q, n), *cache_, 1, shape(), batch, mat(out, n));
    return out.values();
  }

  // The same by this schedule, with a block for each split or one for all.
  std::vector<float> attend_by(cuda::AttentionSchedule schedule, bool by_splits, int32_t first,
                               int32_t n) {
    const auto& cache = static_cast<const cuda::CudaKvCache&>(*cache_);
    const DeviceArray<float> q(queries(first, n)), out(q.size());
    const DeviceArray<int32_t> positions(positions_of(first, n)), blocks(blocks_);
    const int32_t rows = n * (shape_.heads / shape_.kv_heads);
    const int32_t tile_rows = schedule == cuda::AttentionSchedule::kFewRows
                                  ? cuda::kFewTileRows
                                  : cuda::many_tile_rows(shape_.head_dim);
    std::vector<cuda::AttentionTile> tiles;
    for (int32_t row = 0; row < rows; row += tile_rows) {
      tiles.push_back({.first_row = row, .num_rows = std::min(tile_rows, rows - row)});
    }
    const DeviceArray<cuda::AttentionTile> device_tiles(tiles);
    const int32_t splits = (first + n - 1) / kAttentionSplit + 1;
    const DeviceArray<float> partials(
        static_cast<std::size_t>(cuda::partial_floats(n, shape_.heads, splits, shape_.head_dim)));
    cuda::Stream stream;
    cuda::attention(stream, {.q = mat(q, n),
                             .out = mat(out, n),
                             .keys = cache.keys(1),
                             .values = cache.values(1),
                             .shape = shape(),
                             .positions = positions.data(),
                             .block_tables = blocks.data(),
                             .schedule = schedule,
                             .tiles = device_tiles.data(),
                             .num_tiles = static_cast<int>(tiles.size()),
                             .max_splits = splits,
                             .partials = by_splits ? partials.data() : nullptr,
                             .num_slots = n});
    return out.values();
  }

  // The largest error of one token, relative to the magnitudes that were summed.
  double worst_error(int32_t t, const std::vector<float>& out) const {
    const int32_t begin = shape_.window > 0 ? std::max(0, t - shape_.window + 1) : 0;
    const auto dim = static_cast<std::size_t>(shape_.head_dim);
    const auto kv_heads = static_cast<std::size_t>(shape_.kv_heads);
    double worst = 0.0;
    for (std::size_t h = 0; h < static_cast<std::size_t>(shape_.heads); ++h) {
      const std::size_t kv = h / static_cast<std::size_t>(shape_.heads / shape_.kv_heads);
      const auto stored = [&](const std::vector<float>& x, int32_t p) {
        return as_read(
            std::span(x).subspan((static_cast<std::size_t>(p) * kv_heads + kv) * dim, dim),
            shape_.type);
      };
      std::vector<double> weights;
      for (int32_t p = begin; p <= t; ++p) {
        double dot = 0.0;
        const std::vector<double> k = stored(k_, p);
        for (std::size_t i = 0; i < dim; ++i) {
          const std::size_t row =
              static_cast<std::size_t>(t) * static_cast<std::size_t>(shape_.heads);
          dot += static_cast<double>(query_as_read(q_[(row + h) * dim + i], shape_.type)) * k[i];
        }
        weights.push_back(dot * 0.125);
      }
      const double maximum = *std::max_element(weights.begin(), weights.end());
      double sum = 0.0;
      for (double& w : weights) sum += w = std::exp(w - maximum);
      std::vector<double> expected(dim), magnitude(dim);
      for (int32_t p = begin; p <= t; ++p) {
        const std::vector<double> v = stored(v_, p);
        for (std::size_t i = 0; i < dim; ++i) {
          const double term = weights[static_cast<std::size_t>(p - begin)] / sum * v[i];
          expected[i] += term;
          magnitude[i] += std::abs(term);
        }
      }
      for (std::size_t i = 0; i < dim; ++i) {
        const double error = std::abs(static_cast<double>(out[h * dim + i]) - expected[i]);
        worst = std::max(worst, std::isnan(error) ? error : error / magnitude[i]);
        if (std::isnan(error)) return error;
      }
    }
    return worst;
  }

 private:
  AttentionShape shape() const {
    return {shape_.heads, shape_.kv_heads, shape_.head_dim, shape_.window, 0.125f};
  }
  static std::vector<int32_t> positions_of(int32_t first, int32_t n) {
    std::vector<int32_t> positions(static_cast<std::size_t>(n));
    std::iota(positions.begin(), positions.end(), first);
    return positions;
  }
  std::vector<float> queries(int32_t first, int32_t n) const {
    const int64_t width = int64_t{shape_.heads} * shape_.head_dim;
    return slice(q_, first * width, n * width);
  }
  static std::vector<float> slice(const std::vector<float>& x, int64_t first, int64_t n) {
    return {x.begin() + first, x.begin() + first + n};
  }

  Backend& backend_;
  Shape shape_;
  int32_t block_;
  std::vector<float> q_, k_, v_;
  std::vector<int32_t> blocks_;
  std::unique_ptr<KvCache> cache_;
};

class CudaAttention : public ::testing::Test {
 protected:
  void TearDown() override { set_turn_order(TurnOrder::kAscending); }

  Random random_{17};
  std::unique_ptr<Backend> backend_ = create_cuda_backend(make_test_gpu());
};

TEST_F(CudaAttention, AgreesWithDoublePrecision) {
  const Shape shapes[] = {
      {4, 2, 64, 0, DType::kF16},     {3, 3, 8, 0, DType::kF32},
      {5, 1, 80, 0, DType::kBF16},    {2, 1, 6, 0, DType::kF32},
      {4, 2, 12, 37, DType::kF16},    {1, 1, 16, 1, DType::kBF16},
      {8, 1, 256, 0, DType::kF32},    {2, 2, 18, 300, DType::kF16},
      {2, 1, 128, 0, DType::kQ8_0},   {3, 1, 33, 300, DType::kQ8_0},
      {4, 1, 64, 0, DType::kF8_E4M3}, {1, 1, 200, 40, DType::kF8_E4M3},
      {2, 1, 256, 0, DType::kF16},
  };
  for (const Shape& shape : shapes) {
    Context context(*backend_, random_, shape, 563);
    // Alone, at a split's first and last position and beyond several.
    for (const int32_t t : {0, 1, 40, 255, 256, 562}) {
      EXPECT_LE(context.worst_error(t, context.attend(t, 1)), tolerance(shape.type))
          << "token " << t << ", heads of " << shape.head_dim << ", " << dtype_name(shape.type);
    }
  }
}

// The groups in which scales lie are eight tokens, or a block.
TEST_F(CudaAttention, AgreesWhateverTheBlockSize) {
  for (const DType type : {DType::kF16, DType::kQ8_0, DType::kF8_E4M3}) {
    for (const int32_t block : {1, 2, 4, 8, 64}) {
      const Shape shape{2, 2, 40, 0, type};
      Context context(*backend_, random_, shape, 45, block);
      EXPECT_LE(context.worst_error(44, context.attend(44, 1)), tolerance(type))
          << dtype_name(type) << ", blocks of " << block;
    }
  }
}

struct BitsCase {
  Shape shape;
  int32_t first, n;  // computed together
};

TEST_F(CudaAttention, SameBitsInAnyCompany) {
  using Schedule = cuda::AttentionSchedule;
  const BitsCase cases[] = {
      {{2, 1, 8, 0, DType::kF16}, 500, 63},      {{2, 1, 8, 290, DType::kBF16}, 509, 54},
      {{7, 1, 64, 0, DType::kQ8_0}, 250, 19},    {{3, 1, 128, 33, DType::kF8_E4M3}, 230, 50},
      {{2, 2, 80, 0, DType::kF16}, 240, 30},     {{1, 1, 256, 0, DType::kBF16}, 245, 70},
      {{4, 1, 192, 260, DType::kQ8_0}, 508, 17},
  };
  for (const BitsCase& c : cases) {
    Context context(*backend_, random_, c.shape, c.first + c.n);
    const auto width = static_cast<std::ptrdiff_t>(c.shape.heads * c.shape.head_dim);
    const std::vector<float> together = context.attend_by(Schedule::kManyRows, false, c.first, c.n);
    const auto expect_same = [&](const std::vector<float>& got, int32_t first, int32_t n) {
      const auto begin = together.begin() + (first - c.first) * width;
      EXPECT_TRUE(same_bits(got, std::vector<float>(begin, begin + n * width)))
          << dtype_name(c.shape.type) << ", heads of " << c.shape.head_dim << ", tokens " << first
          << " + " << n;
    };
    set_turn_order(TurnOrder::kDescending);
    expect_same(context.attend_by(Schedule::kManyRows, true, c.first, c.n), c.first, c.n);
    expect_same(context.attend_by(Schedule::kFewRows, true, c.first, c.n), c.first, c.n);
    set_turn_order(TurnOrder::kAscending);
    for (const auto& [first, n] :
         {std::pair{c.first, 1}, {c.first + 5, 3}, {c.first + c.n - 1, 1}}) {
      expect_same(context.attend_by(Schedule::kFewRows, false, first, n), first, n);
      expect_same(context.attend(first, n), first, n);
    }
  }
}

// A later token of the same tile, whose value is no number, is a weight of zero.
TEST_F(CudaAttention, WhatATokenDoesNotSeeIsNothingToIt) {
  for (const DType type : {DType::kF16, DType::kBF16, DType::kQ8_0, DType::kF8_E4M3}) {
    Context context(*backend_, random_, {2, 1, 40, 0, type}, 30);
    const std::vector<float> before = context.attend(10, 20);
    for (const float x :
         {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      context.set_value(25, 7, x);
      const std::vector<float> after = context.attend(10, 20);
      const auto seen = before.begin() + 15 * 80;
      EXPECT_TRUE(same_bits(std::vector<float>(before.begin(), seen),
                            std::vector<float>(after.begin(), after.begin() + 15 * 80)))
          << dtype_name(type);
      for (auto y = after.begin() + 15 * 80; y != after.end(); ++y) EXPECT_TRUE(std::isnan(*y));
    }
  }
}

TEST(CudaAttentionPlan, DealsSequencesByTheirOwnRows) {
  // Three sequences: one token, 70 tokens, two tokens.
  const std::vector<int32_t> ids(73), seq_starts = {0, 1, 71, 73}, table_starts = {0, 40, 45, 46};
  std::vector<int32_t> positions = {600};
  for (int32_t p = 0; p < 70; ++p) positions.push_back(p);
  positions.insert(positions.end(), {300, 301});
  StepBatch batch;
  batch.token_ids = ids;
  batch.positions = positions;
  batch.seq_starts = seq_starts;
  batch.block_table_starts = table_starts;
  const cuda::AttentionPlan plan = cuda::plan_attention(batch, 7, 128);

  ASSERT_EQ(plan.few.tiles.size(), 2u);
  EXPECT_EQ(plan.few.tiles[0].num_rows, 7);
  EXPECT_EQ(plan.few.tiles[1].first_token, 71);
  EXPECT_EQ(plan.few.tiles[1].first_slot, 1);
  EXPECT_EQ(plan.few.tiles[1].num_rows, 14);
  EXPECT_EQ(plan.few.tiles[1].table_start, 45);
  EXPECT_EQ(plan.few.slot_tokens, (std::vector<int32_t>{0, 71, 72}));
  EXPECT_EQ(plan.few.max_splits, 3);

  ASSERT_EQ(plan.many.tiles.size(), 4u);  // 490 rows
  for (int32_t i = 0; i < 4; ++i) {
    const cuda::AttentionTile& tile = plan.many.tiles[static_cast<std::size_t>(i)];
    EXPECT_EQ(tile.first_token, 1);
    EXPECT_EQ(tile.first_row, 128 * i);
    EXPECT_EQ(tile.num_rows, i < 3 ? 128 : 106);
    EXPECT_EQ(tile.table_start, 40);
  }
  EXPECT_EQ(plan.many.slot_tokens.size(), 70u);
  EXPECT_EQ(plan.many.max_splits, 1);
}

}  // namespace
}  // namespace weft::test
