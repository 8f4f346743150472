// attention() over the paged cache: against a double-precision softmax, and the same bits however
// the tokens are split over calls, threads and blocks.
#include <algorithm>
#include <numeric>

#include "core/half.h"
#include "tests/kernels/support.h"

namespace weft::test {
namespace {

struct Shape {
  int32_t heads, kv_heads, head_dim;
  int32_t window;
  DType type;
};

// One sequence of `tokens` tokens: its q, k and v, and physical blocks in a shuffled order.
struct Sequence {
  Sequence(Random& random, const Shape& shape, int32_t tokens, int32_t block_size)
      : tokens_(tokens),
        q(random_floats(random, int64_t{tokens} * shape.heads * shape.head_dim, 2.0f)),
        k(random_floats(random, int64_t{tokens} * shape.kv_heads * shape.head_dim)),
        v(random_floats(random, int64_t{tokens} * shape.kv_heads * shape.head_dim)),
        positions(static_cast<std::size_t>(tokens)),
        slots(static_cast<std::size_t>(tokens)),
        blocks(static_cast<std::size_t>((tokens + block_size - 1) / block_size)) {
    std::iota(positions.begin(), positions.end(), 0);
    std::iota(blocks.begin(), blocks.end(), 0);
    std::shuffle(blocks.begin(), blocks.end(), random);
    for (int32_t p = 0; p < tokens; ++p) {
      slots[static_cast<std::size_t>(p)] =
          blocks[static_cast<std::size_t>(p / block_size)] * block_size + p % block_size;
    }
  }

  int32_t tokens_;
  std::vector<float> q, k, v;
  std::vector<int32_t> positions, slots, blocks;
};

KvCacheSpec cache_spec(const Shape& shape, const Sequence& sequence, int32_t block_size) {
  return {.n_layers = 2,
          .n_kv_heads = shape.kv_heads,
          .head_dim = shape.head_dim,
          .block_size = block_size,
          .num_blocks = static_cast<int32_t>(sequence.blocks.size()),
          .type = shape.type};
}

// Stores and attends in pieces of `chunk` tokens, as prefill does.
std::vector<float> run(Backend& backend, const Shape& shape, Sequence& s, int32_t chunk,
                       int32_t block_size = 16) {
  auto cache = backend.create_kv_cache(cache_spec(shape, s, block_size)).value();
  std::vector<float> out(s.q.size(), NAN);
  const std::vector<int32_t> ids(static_cast<std::size_t>(s.tokens_), 0);
  for (int32_t first = 0; first < s.tokens_; first += chunk) {
    const int32_t n = std::min(chunk, s.tokens_ - first);
    const auto from = static_cast<std::size_t>(first);
    const auto count = static_cast<std::size_t>(n);
    const int32_t seq_starts[] = {0, n};
    const int32_t table_starts[] = {0, static_cast<int32_t>(s.blocks.size())};
    StepBatch batch;
    batch.token_ids = std::span(ids).subspan(from, count);
    batch.positions = std::span(s.positions).subspan(from, count);
    batch.slots = std::span(s.slots).subspan(from, count);
    batch.seq_starts = seq_starts;
    batch.block_tables = s.blocks;
    batch.block_table_starts = table_starts;
    backend.kv_store(*cache, 1, mat(s.k, s.tokens_).slice(first, n),
                     mat(s.v, s.tokens_).slice(first, n), batch.slots);
    backend.attention(mat(s.q, s.tokens_).slice(first, n), *cache, 1,
                      {shape.heads, shape.kv_heads, shape.head_dim, shape.window, 0.125f}, batch,
                      mat(out, s.tokens_).slice(first, n));
  }
  return out;
}

// What the cache holds of rows of `dim` floats.
std::vector<float> stored(std::vector<float> x, DType type, int32_t dim) {
  if (type == DType::kF16) {
    for (float& v : x) v = float_from_half(half_from_float(v));
  } else if (type == DType::kBF16) {
    for (float& v : x) v = float_from_bf16(bf16_from_float(v));
  } else if (type == DType::kQ8_0) {
    for (std::size_t row = 0; row < x.size(); row += static_cast<std::size_t>(dim)) {
      for (int32_t first = 0; first < dim; first += 32) {
        const std::span block(&x[row + static_cast<std::size_t>(first)],
                              static_cast<std::size_t>(std::min(32, dim - first)));
        float largest = 0;
        for (const float v : block) largest = std::max(largest, std::abs(v));
        const float d = float_from_half(half_from_float(largest / 127));
        for (float& v : block) v = d == 0 ? 0 : std::nearbyint(v / d) * d;
      }
    }
  }
  return x;
}

// Largest error beyond what float32 allows, in units of that allowance.
//
// A score is off by at most (head_dim + 3) u times the sum of its magnitudes (head_dim fused terms,
// the scale and its product), and the subtraction of the maximum rounds once more; that shifts the
// weights' logarithms, so weights are off by twice the largest such shift, plus 2 units for exp2.
// Sums of n weights and of weight × v add n + 3 roundings, merging at most 4 a split.
double worst_error(const Shape& shape, const Sequence& s, const std::vector<float>& out) {
  const int32_t group = shape.heads / shape.kv_heads;
  const int32_t dim = shape.head_dim;
  const std::vector<float> keys = stored(s.k, shape.type, dim);
  const std::vector<float> values = stored(s.v, shape.type, dim);
  double worst = 0;
  for (int32_t t = 0; t < s.tokens_; ++t) {
    const int32_t begin = shape.window > 0 ? std::max(0, t - shape.window + 1) : 0;
    for (int32_t h = 0; h < shape.heads; ++h) {
      const float* q = &s.q[static_cast<std::size_t>((t * shape.heads + h) * dim)];
      const auto row = [&](const std::vector<float>& x, int32_t p) {
        return &x[static_cast<std::size_t>((p * shape.kv_heads + h / group) * dim)];
      };
      std::vector<double> scores;
      double largest = 0;
      for (int32_t p = begin; p <= t; ++p) {
        double dot = 0;
        double magnitude = 0;
        for (int32_t i = 0; i < dim; ++i) {
          const double term = double(q[i]) * row(keys, p)[i];
          dot += term;
          magnitude += std::abs(term);
        }
        scores.push_back(dot * 0.125);
        largest = std::max(largest, magnitude * 0.125);
      }
      const double maximum = *std::max_element(scores.begin(), scores.end());
      double sum = 0;
      for (double& score : scores) sum += score = std::exp(score - maximum);
      const double shift = 2 * (dim + 4.0) * largest;
      const double n = t - begin + 1;
      const double allowed = (shift + 2 + n + 3 + 4 * (n / kAttentionSplit + 2)) * kUnit;
      for (int32_t i = 0; i < dim; ++i) {
        double expected = 0;
        double magnitude = 0;
        for (int32_t p = begin; p <= t; ++p) {
          const double term = scores[static_cast<std::size_t>(p - begin)] / sum * row(values, p)[i];
          expected += term;
          magnitude += std::abs(term);
        }
        const double error =
            std::abs(out[static_cast<std::size_t>((t * shape.heads + h) * dim + i)] - expected);
        worst = std::max(worst, error / (allowed * magnitude));
        if (std::isnan(error)) return error;
      }
    }
  }
  return worst;
}

const Shape kShapes[] = {
    {4, 2, 64, 0, DType::kF32},   {3, 3, 8, 0, DType::kF16},    {5, 1, 80, 0, DType::kBF16},
    {2, 1, 6, 0, DType::kF32},    {4, 2, 12, 37, DType::kF16},  {2, 2, 128, 300, DType::kF32},
    {1, 1, 16, 1, DType::kBF16},  {7, 1, 32, 0, DType::kQ8_0},  {8, 2, 96, 0, DType::kQ8_0},
    {2, 1, 40, 37, DType::kQ8_0}, {16, 1, 256, 0, DType::kF16}, {12, 12, 64, 0, DType::kBF16},
};

std::string describe(const Shape& s) {
  return std::to_string(s.heads) + "/" + std::to_string(s.kv_heads) + " heads of " +
         std::to_string(s.head_dim) + ", window " + std::to_string(s.window) + ", " +
         std::string(dtype_name(s.type));
}

class AttentionTest : public IsaTest {
 protected:
  Random random_{11};
};

TEST_P(AttentionTest, AgreesWithDoublePrecision) {
  const auto backend = make_backend(GetParam());
  for (const Shape& shape : kShapes) {
    for (const int32_t tokens : {1, 7, 33, 530}) {
      if (tokens > 100 && shape.head_dim > 16 && GetParam() == "scalar") continue;
      if (tokens > 100 && shape.heads * shape.head_dim > 300) continue;
      Sequence sequence(random_, shape, tokens, 16);
      const auto out = run(*backend, shape, sequence, tokens);
      ASSERT_LE(worst_error(shape, sequence, out), 1.0) << describe(shape) << ", " << tokens;
    }
  }
}

TEST_P(AttentionTest, SameBitsForAnyChunksThreadsAndBlockSize) {
  const auto one = make_backend(GetParam(), 1);
  // Over two splits and into the third, or just into the second.
  const int32_t tokens = GetParam() == "scalar" ? 261 : 530;
  for (const Shape& shape : kShapes) {
    if (shape.heads * shape.head_dim > 250 && GetParam() == "scalar") continue;
    Sequence sequence(random_, shape, tokens, 16);
    const auto reference = run(*one, shape, sequence, tokens);
    for (const int threads : {1, 2, 3}) {
      const auto backend = make_backend(GetParam(), threads);
      for (const int32_t chunk : {1, 7, 300}) {
        ASSERT_TRUE(same_bits(run(*backend, shape, sequence, chunk), reference))
            << describe(shape) << ", chunks of " << chunk << ", " << threads << " threads";
      }
    }
    const auto in_blocks_of = [&](int32_t block_size) {
      Sequence other = sequence;
      other.blocks.resize(static_cast<std::size_t>((tokens + block_size - 1) / block_size));
      std::iota(other.blocks.rbegin(), other.blocks.rend(), 0);
      for (int32_t p = 0; p < tokens; ++p) {
        other.slots[static_cast<std::size_t>(p)] =
            other.blocks[static_cast<std::size_t>(p / block_size)] * block_size + p % block_size;
      }
      return run(*one, shape, other, tokens, block_size);
    };
    ASSERT_TRUE(same_bits(in_blocks_of(1), reference)) << describe(shape);
    ASSERT_TRUE(same_bits(in_blocks_of(256), reference)) << describe(shape);
  }
}

class AttentionParityTest : public AttentionTest {};

TEST_P(AttentionParityTest, AgreesWithScalarBitForBit) {
  const auto scalar = make_backend("scalar");
  const auto backend = make_backend(GetParam());
  for (const Shape& shape : kShapes) {
    const int32_t tokens = shape.heads * shape.head_dim > 300 ? 50 : 270;
    Sequence sequence(random_, shape, tokens, 16);
    ASSERT_TRUE(
        same_bits(run(*scalar, shape, sequence, tokens), run(*backend, shape, sequence, tokens)))
        << describe(shape);
  }
}

// Two sequences in one step, sharing a cache: each gets what it gets alone.
TEST_P(AttentionTest, BatchmatesChangeNothing) {
  const Shape shape = {4, 2, 32, 0, DType::kF16};
  const auto backend = make_backend(GetParam(), 2);
  Sequence a(random_, shape, 300, 16);
  Sequence b(random_, shape, 21, 16);
  const auto alone_a = run(*backend, shape, a, 300);
  const auto alone_b = run(*backend, shape, b, 21);

  KvCacheSpec spec = cache_spec(shape, a, 16);
  const int32_t a_blocks = spec.num_blocks;
  spec.num_blocks += static_cast<int32_t>(b.blocks.size());
  auto cache = backend->create_kv_cache(spec).value();
  for (int32_t& block : b.blocks) block += a_blocks;
  for (int32_t& slot : b.slots) slot += a_blocks * 16;
  const auto join = [](auto x, const auto& y) {
    x.insert(x.end(), y.begin(), y.end());
    return x;
  };
  auto q = join(a.q, b.q);
  auto k = join(a.k, b.k);
  auto v = join(a.v, b.v);
  const auto positions = join(a.positions, b.positions);
  const auto slots = join(a.slots, b.slots);
  const auto blocks = join(a.blocks, b.blocks);
  const std::vector<int32_t> ids(321, 0);
  const int32_t seq_starts[] = {0, 300, 321};
  const int32_t table_starts[] = {0, a_blocks, spec.num_blocks};
  const StepBatch batch = {.token_ids = ids,
                           .positions = positions,
                           .slots = slots,
                           .seq_starts = seq_starts,
                           .block_tables = blocks,
                           .block_table_starts = table_starts};
  backend->kv_store(*cache, 0, mat(k, 321), mat(v, 321), slots);
  std::vector<float> out(q.size());
  backend->attention(mat(q, 321), *cache, 0, {4, 2, 32, 0, 0.125f}, batch, mat(out, 321));
  EXPECT_TRUE(same_bits(out, join(alone_a, alone_b)));
}

// Positions that a query does not see may hold anything.
TEST_P(AttentionTest, MaskedPositionsAreNeverRead) {
  const Shape shape = {2, 1, 16, 40, DType::kF32};
  const auto backend = make_backend(GetParam());
  Sequence sequence(random_, shape, 64, 16);
  const auto clean = run(*backend, shape, sequence, 64);
  for (int i = 0; i < 16 * 10; ++i) {
    sequence.k[static_cast<std::size_t>(i)] = NAN;
    sequence.v[static_cast<std::size_t>(i)] = INFINITY;
  }
  const auto poisoned = run(*backend, shape, sequence, 64);
  // From position 49 on, the window of 40 begins past the ten poisoned ones.
  EXPECT_TRUE(std::equal(clean.begin() + 49 * 32, clean.end(), poisoned.begin() + 49 * 32));
  EXPECT_TRUE(std::isnan(poisoned[48 * 32]));
}

// Nor are those that later tokens of the same call store.
TEST_P(AttentionTest, LaterPositionsAreNeverRead) {
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
    const Shape shape = {4, 2, 32, 0, type};
    const auto backend = make_backend(GetParam());
    Sequence sequence(random_, shape, 90, 16);
    const auto clean = run(*backend, shape, sequence, 90);
    std::fill(sequence.k.begin() + 50 * 64, sequence.k.end(), NAN);
    std::fill(sequence.v.begin() + 50 * 64, sequence.v.end(), NAN);
    const auto poisoned = run(*backend, shape, sequence, 90);
    EXPECT_TRUE(std::equal(clean.begin(), clean.begin() + 50 * 128, poisoned.begin()))
        << dtype_name(type);
    EXPECT_TRUE(std::isnan(poisoned[50 * 128])) << dtype_name(type);
  }
}

// Few queries over a long context: the work is shared out by splits, in waves.
TEST_P(AttentionTest, SharedOutSplitsGiveTheSameBits) {
  const Shape shape = {2, 1, 8, 0, DType::kF16};
  // More splits than one wave of two threads holds.
  constexpr int32_t kTokens = 70 * kAttentionSplit + 5;
  Sequence sequence(random_, shape, kTokens, 16);
  sequence.q.resize(3 * 16);
  std::vector<float> expected;
  for (const int threads : {1, 2, 5}) {
    const auto backend = make_backend(GetParam(), threads);
    auto cache = backend->create_kv_cache(cache_spec(shape, sequence, 16)).value();
    backend->kv_store(*cache, 0, mat(sequence.k, kTokens), mat(sequence.v, kTokens),
                      sequence.slots);
    // The last three tokens alone.
    const std::vector<int32_t> ids(3, 0);
    const int32_t seq_starts[] = {0, 3};
    const int32_t table_starts[] = {0, static_cast<int32_t>(sequence.blocks.size())};
    const StepBatch batch = {.token_ids = ids,
                             .positions = std::span(sequence.positions).last(3),
                             .slots = std::span(sequence.slots).last(3),
                             .seq_starts = seq_starts,
                             .block_tables = sequence.blocks,
                             .block_table_starts = table_starts};
    std::vector<float> out(sequence.q.size(), NAN);
    backend->attention(mat(sequence.q, 3), *cache, 0, {2, 1, 8, 0, 0.125f}, batch, mat(out, 3));
    if (expected.empty()) expected = out;
    EXPECT_TRUE(same_bits(out, expected)) << threads << " threads";
    EXPECT_FALSE(std::isnan(out[0]));
  }
}

// A huge score takes all the weight; its neighbours' weights vanish without becoming NaN.
TEST_P(AttentionTest, ExtremeScoresStayFinite) {
  const Shape shape = {1, 1, 8, 0, DType::kF32};
  const auto backend = make_backend(GetParam());
  Sequence sequence(random_, shape, 300, 16);
  for (float& x : sequence.q) x = 1e18f;
  for (float& x : sequence.k) x = -1e18f;
  for (int i = 0; i < 8; ++i) sequence.k[static_cast<std::size_t>(5 * 8 + i)] = 1e18f;
  const auto out = run(*backend, shape, sequence, 300);
  for (int t = 5; t < 300; ++t) {
    for (int i = 0; i < 8; ++i) {
      ASSERT_EQ(out[static_cast<std::size_t>(t * 8 + i)],
                sequence.v[static_cast<std::size_t>(40 + i)]);
    }
  }
}

WEFT_INSTANTIATE_ISAS(AttentionTest);

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(AttentionParityTest);
INSTANTIATE_TEST_SUITE_P(Isa, AttentionParityTest, ::testing::ValuesIn(all_isas_but_scalar()),
                         isa_name);

}  // namespace
}  // namespace weft::test
