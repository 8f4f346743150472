// attention() through CudaBackend: against a double-precision softmax, and the same
// bits whether splits have blocks of their own or not.
#include "kernels/cuda/attention.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "core/half.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/cuda_kv_cache.h"
#include "tests/kernels/cuda/device_array.h"
#include "tests/kernels/support.h"

namespace weft::test {
namespace {

struct Shape {
  int32_t heads, kv_heads, head_dim, window;
  DType type;
};

float as_stored(float x, DType type) {
  if (type == DType::kF16) return float_from_half(half_from_float(x));
  if (type == DType::kBF16) return float_from_bf16(bf16_from_float(x));
  return x;
}

// A sequence whose keys and values are all there, in blocks in a shuffled order.
class Context {
 public:
  static constexpr int32_t kBlock = 16;

  Context(Backend& backend, Random& random, const Shape& shape, int32_t tokens)
      : backend_(backend),
        shape_(shape),
        tokens_(tokens),
        q_(random_floats(random, int64_t{tokens} * shape.heads * shape.head_dim, 2.0f)),
        k_(random_floats(random, int64_t{tokens} * shape.kv_heads * shape.head_dim)),
        v_(random_floats(random, int64_t{tokens} * shape.kv_heads * shape.head_dim)),
        blocks_(static_cast<std::size_t>((tokens + kBlock - 1) / kBlock)) {
    std::iota(blocks_.begin(), blocks_.end(), 0);
    std::shuffle(blocks_.begin(), blocks_.end(), random);
    cache_ = backend
                 .create_kv_cache({.n_layers = 2,
                                   .n_kv_heads = shape.kv_heads,
                                   .head_dim = shape.head_dim,
                                   .block_size = kBlock,
                                   .num_blocks = static_cast<int32_t>(blocks_.size()),
                                   .type = shape.type})
                 .value();
    std::vector<int32_t> slots;
    for (int32_t p = 0; p < tokens; ++p) {
      slots.push_back(blocks_[static_cast<std::size_t>(p / kBlock)] * kBlock + p % kBlock);
    }
    const DeviceArray<float> k(k_), v(v_);
    backend.kv_store(*cache_, 1, mat(k, tokens), mat(v, tokens), slots);
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

  // The same by one block for all splits of a token, as for prompts on a GPU that they fill.
  std::vector<float> attend_in_one_block(int32_t first, int32_t n) {
    const auto& cache = static_cast<const cuda::CudaKvCache&>(*cache_);
    const DeviceArray<float> q(queries(first, n)), out(q.size());
    const DeviceArray<int32_t> positions(positions_of(first, n)), blocks(blocks_);
    const DeviceArray<int32_t> starts(std::vector<int32_t>(static_cast<std::size_t>(n), 0));
    cuda::Stream stream;
    cuda::attention(stream, {.q = mat(q, n),
                             .out = mat(out, n),
                             .keys = cache.keys(1),
                             .values = cache.values(1),
                             .shape = shape(),
                             .positions = positions.data(),
                             .table_starts = starts.data(),
                             .block_tables = blocks.data(),
                             .max_splits = (first + n - 1) / kAttentionSplit + 1});
    return out.values();
  }

  // The largest error of one token, in units of float32's rounding times the largest value.
  double worst_error(int32_t t, const std::vector<float>& out) const {
    const int32_t begin = shape_.window > 0 ? std::max(0, t - shape_.window + 1) : 0;
    const auto dim = static_cast<std::size_t>(shape_.head_dim);
    const auto kv_heads = static_cast<std::size_t>(shape_.kv_heads);
    double worst = 0.0;
    for (std::size_t h = 0; h < static_cast<std::size_t>(shape_.heads); ++h) {
      const std::size_t kv = h / static_cast<std::size_t>(shape_.heads / shape_.kv_heads);
      const auto stored = [&](const std::vector<float>& x, int32_t p, std::size_t i) {
        return static_cast<double>(
            as_stored(x[(static_cast<std::size_t>(p) * kv_heads + kv) * dim + i], shape_.type));
      };
      std::vector<double> weights;
      for (int32_t p = begin; p <= t; ++p) {
        double dot = 0.0;
        for (std::size_t i = 0; i < dim; ++i) {
          const std::size_t row =
              static_cast<std::size_t>(t) * static_cast<std::size_t>(shape_.heads);
          dot += static_cast<double>(q_[(row + h) * dim + i]) * stored(k_, p, i);
        }
        weights.push_back(dot * 0.125);
      }
      const double maximum = *std::max_element(weights.begin(), weights.end());
      double sum = 0.0;
      for (double& w : weights) sum += w = std::exp(w - maximum);
      for (std::size_t i = 0; i < dim; ++i) {
        double expected = 0.0;
        double magnitude = 0.0;
        for (int32_t p = begin; p <= t; ++p) {
          const double term = weights[static_cast<std::size_t>(p - begin)] / sum * stored(v_, p, i);
          expected += term;
          magnitude += std::abs(term);
        }
        const double error = std::abs(static_cast<double>(out[h * dim + i]) - expected);
        worst = std::max(worst, std::isnan(error) ? error : error / (magnitude * kUnit));
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
    return {q_.begin() + first * width, q_.begin() + (first + n) * width};
  }

  Backend& backend_;
  Shape shape_;
  int32_t tokens_;
  std::vector<float> q_, k_, v_;
  std::vector<int32_t> blocks_;
  std::unique_ptr<KvCache> cache_;
};

class CudaAttention : public ::testing::Test {
 protected:
  Random random_{17};
  std::unique_ptr<Backend> backend_ = create_cuda_backend(make_test_gpu());
};

// Scores of a few units are off by their head_dim roundings, which the exponential keeps as a
// relative error; a few hundred for heads of 256.
constexpr double kRoundings = 600.0;

TEST_F(CudaAttention, AgreesWithDoublePrecision) {
  const Shape shapes[] = {{4, 2, 64, 0, DType::kF16},  {3, 3, 8, 0, DType::kF32},
                          {5, 1, 80, 0, DType::kBF16}, {2, 1, 6, 0, DType::kF32},
                          {4, 2, 12, 37, DType::kF16}, {1, 1, 16, 1, DType::kBF16},
                          {8, 1, 256, 0, DType::kF32}, {2, 2, 18, 300, DType::kF16}};
  for (const Shape& shape : shapes) {
    Context context(*backend_, random_, shape, 563);
    // Alone, at a split's first and last position and beyond several.
    for (const int32_t t : {0, 1, 40, 255, 256, 562}) {
      EXPECT_LE(context.worst_error(t, context.attend(t, 1)), kRoundings)
          << "token " << t << ", heads of " << shape.head_dim;
    }
  }
}

TEST_F(CudaAttention, SameBitsInAnyCompany) {
  for (const Shape& shape : {Shape{2, 1, 8, 0, DType::kF16}, Shape{2, 1, 8, 290, DType::kBF16}}) {
    Context context(*backend_, random_, shape, 563);
    const auto width = static_cast<std::ptrdiff_t>(shape.heads * shape.head_dim);
    const std::vector<float> together = context.attend_in_one_block(509, 54);
    for (const auto& [first, n] : {std::pair{562, 1}, {555, 3}, {511, 2}}) {
      const std::vector<float> expected(together.begin() + (first - 509) * width,
                                        together.begin() + (first - 509 + n) * width);
      EXPECT_TRUE(same_bits(context.attend(first, n), expected)) << first << ", " << n;
    }
  }
}

}  // namespace
}  // namespace weft::test
