// linear() over packed weights and activations in integers: against the exact product of the
// rounded inputs, the same bits in every instruction set and however it is called, and what is not
// finite.
#include <array>
#include <numeric>

#include "gguf/quantize/encode.h"
#include "kernels/cpu/packed/pack.h"
#include "kernels/cpu/packed/packed_weight.h"
#include "kernels/cpu/packed/unpack.h"
#include "tests/kernels/support.h"
#include "tests/support/temp_folder.h"

namespace weft::test {
namespace {

std::vector<DType> packed_types() {
  std::vector<DType> types;
  for (const cpu::PackedFormat& format : cpu::kPackedFormats) types.push_back(format.type);
  return types;
}

// What the activations of one row are rounded to.
std::vector<double> rounded(Activations activations, const float* x, int64_t k) {
  std::vector<double> values(static_cast<std::size_t>(k));
  const bool wide = activations == Activations::kI16;
  const int64_t share = wide ? 256 : 32;
  const float levels = wide ? 32639.0f : 127.0f;
  for (int64_t c = 0; c < k; c += share) {
    const int64_t end = std::min(c + share, k);
    float largest = 0;
    std::array<float, 16> means = {};
    for (int64_t i = c; i < end; ++i) {
      largest = std::max(largest, std::abs(x[i]));
      means[static_cast<std::size_t>((i - c) % 16)] += std::abs(x[i]) / 256;
    }
    if (wide) {
      for (std::size_t half = 8; half > 0; half /= 2) {
        for (std::size_t j = 0; j < half; ++j) means[j] += means[j + half];
      }
      largest = std::max(largest, means[0] * (256 * 32639.0f / 2272000));
    }
    const float scale = largest / levels;
    const float inverse = levels / largest;
    for (int64_t i = c; i < end; ++i) {
      values[static_cast<std::size_t>(i)] =
          largest == 0 ? 0.0 : double{std::nearbyint(x[i] * inverse)} * double{scale};
    }
  }
  return values;
}

class PackedTest
    : public IsaTestBase<::testing::TestWithParam<std::tuple<std::string, Activations, DType>>> {
 protected:
  void SetUp() override {
    require(std::get<0>(GetParam()));
    activations_ = std::get<1>(GetParam());
    type_ = std::get<2>(GetParam());
    block_ = dtype_info(type_).block_size;
    backend_ = make_backend(isa(), 1, activations_);
  }
  std::string isa() const { return std::get<0>(GetParam()); }

  Activations activations_ = Activations::kI16;
  DType type_ = DType::kQ4_0;
  int64_t block_ = 32;
  Random random_{11};
  std::unique_ptr<Backend> backend_;
};

TEST_P(PackedTest, IsTheProductOfTheRoundedInputs) {
  for (const int64_t k : {block_, 3 * block_, 1024 + 3 * block_}) {
    for (const int64_t n : {2, 16, 37, 70}) {
      const TestWeight w(*backend_, random_, type_, n, k);
      ASSERT_TRUE(w.weight->has_own_layout());
      const auto bias = random_floats(random_, n);
      const TestWeight b = vector_weight(*backend_, bias);
      for (const int64_t rows : {1, 3, 19}) {
        auto x = random_floats(random_, rows * k);
        const auto out = run_linear(*backend_, w, b.weight.get(), x, rows);
        for (int64_t t = 0; t < rows; ++t) {
          const auto a = rounded(activations_, &x[static_cast<std::size_t>(t * k)], k);
          for (int64_t j = 0; j < n; ++j) {
            double sum = bias[static_cast<std::size_t>(j)];
            double magnitude = std::abs(sum);
            for (int64_t i = 0; i < k; ++i) {
              const double term =
                  a[static_cast<std::size_t>(i)] * w.values[static_cast<std::size_t>(j * k + i)];
              sum += term;
              magnitude += std::abs(term);
            }
            // Codes and minimum apart may each be larger than their difference, by some 16 times.
            const double steps = 4.0 * static_cast<double>(k / 16) + 8;
            const double error = std::abs(out[static_cast<std::size_t>(t * n + j)] - sum);
            ASSERT_LE(error, 16 * steps * kUnit * magnitude + 1e-30)
                << "k " << k << " n " << n << " row " << t << " column " << j;
          }
        }
      }
    }
  }
}

TEST_P(PackedTest, SameBitsForAnyRowsThreadsAndInstructionSet) {
  const int64_t k = 1024 + 3 * block_;
  const int64_t n = 133;
  const int64_t rows = 37;
  const TestWeight w(*backend_, random_, type_, n, k);
  const TestWeight other(*backend_, random_, type_, 17, k);
  auto x = random_floats(random_, rows * k);
  const auto scalar = make_backend("scalar", 1, activations_);
  const auto reference = run_linear(*scalar, w, nullptr, x, rows);
  // The scalar kernels take row by row, slowly.
  const std::vector<int64_t> chunks =
      isa() == "scalar" ? std::vector<int64_t>{1, 12}
                        : std::vector<int64_t>{1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 16, 17, 23, 37};
  for (const int threads : {1, 2, 3}) {
    const auto backend = make_backend(isa(), threads, activations_);
    for (const int64_t chunk : chunks) {
      const auto out = run_linear_in_chunks(*backend, w, other, x, rows, chunk);
      ASSERT_TRUE(same_bits(out, reference)) << threads << " threads, chunks of " << chunk;
    }
  }
}

// Several chunks of rows, several batches of groups, a last one that is cut, with what is left
// over.
TEST_P(PackedTest, ManyRowsAreAsFew) {
  const int64_t k = 512 + block_;
  const int64_t n = 325;
  const int64_t rows = isa() == "scalar" ? 65 : 385;  // one more than two shares
  const TestWeight w(*backend_, random_, type_, n, k);
  const TestWeight other(*backend_, random_, type_, 17, k);
  auto x = random_floats(random_, rows * k);
  const auto few = run_linear_in_chunks(*backend_, w, other, x, rows, 4);
  for (const int threads : {1, 2}) {
    const auto backend = make_backend(isa(), threads, activations_);
    for (const int64_t chunk : {int64_t{64}, int64_t{194}, rows}) {
      ASSERT_TRUE(same_bits(run_linear_in_chunks(*backend, w, other, x, rows, chunk), few))
          << threads << " threads, chunks of " << chunk;
    }
  }
}

TEST_P(PackedTest, NotFiniteInputsSpoilTheirOwnRowOnly) {
  const int64_t k = 2 * block_;
  const TestWeight w(*backend_, random_, type_, 33, k);
  for (const float bad : {std::numeric_limits<float>::infinity(), NAN, -NAN}) {
    for (const int64_t rows : {3, 20}) {
      auto x = random_floats(random_, rows * k);
      auto clean = run_linear(*backend_, w, nullptr, x, rows);
      x[static_cast<std::size_t>(k + 5)] = bad;
      auto out = run_linear(*backend_, w, nullptr, x, rows);
      for (std::size_t j = 33; j < 66; ++j) {
        ASSERT_TRUE(std::isnan(out[j])) << j;
        out[j] = clean[j] = 0;
      }
      ASSERT_TRUE(same_bits(out, clean));
    }
  }
}

// Whole rows of the largest codes and the largest activations: no sum on the way may saturate.
TEST_P(PackedTest, ExtremesKeepTheirSums) {
  const int64_t k = std::max<int64_t>(block_, 64);
  const int64_t n = 16;
  for (const float sign : {1.0f, -1.0f}) {
    // Among each 16 one zero, so that formats with minima have a range, or one of the other sign:
    // a format without them gives the far end of its levels to one of the two.
    std::vector<float> values(static_cast<std::size_t>(n * k), sign);
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t i = 0; i < k; i += 16) {
        values[static_cast<std::size_t>(j * k + i)] = j % 2 == 0 ? 0.0f : -sign;
      }
    }
    // A lattice's points are chosen by nobody: any will do.
    auto bytes = random_blocks(random_, type_, n * k);
    if (const auto encode = encode_row_function(type_)) encode(values.data(), bytes.data(), n * k);
    const TestWeight w(*backend_, bytes, type_, n, k);
    for (const int64_t rows : {1, 3, 40}) {
      std::vector<float> x(static_cast<std::size_t>(rows * k), sign * 2.0f);
      const auto out = run_linear(*backend_, w, nullptr, x, rows);
      for (std::size_t i = 0; i < out.size(); ++i) {
        const auto* column =
            &w.values[i % static_cast<std::size_t>(n) * static_cast<std::size_t>(k)];
        const double sum = std::accumulate(column, column + k, 0.0) * x[0];
        const double magnitude = std::accumulate(column, column + k, 0.0,
                                                 [](double a, float b) { return a + std::abs(b); });
        ASSERT_NEAR(out[i], sum, 1e-4 * magnitude) << rows << " rows";
      }
    }
  }
}

TEST_P(PackedTest, TheSmallestAndTheLargestInputsKeepTheirScale) {
  const int64_t k = block_;
  const TestWeight w(*backend_, random_, type_, 20, k);
  const auto scalar = make_backend("scalar", 1, activations_);
  for (const float size : {0.0f, 1e-44f, 1e-31f, 2e-30f, 1e-20f, 1e30f, 3e38f}) {
    auto x = random_floats(random_, 2 * k);
    for (float& v : x) v = std::clamp(v / 6, -1.0f, 1.0f) * size;
    const auto out = run_linear(*backend_, w, nullptr, x, 2);
    const auto expected = run_linear(*scalar, w, nullptr, x, 2);
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (std::isnan(expected[i])) {
        ASSERT_TRUE(std::isnan(out[i]));
      } else {
        ASSERT_EQ(out[i], expected[i]) << size;
      }
      if (size < 1e-30f) {
        ASSERT_EQ(out[i], 0.0f);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, PackedTest,
                         ::testing::Combine(::testing::ValuesIn(all_isas()),
                                            ::testing::Values(Activations::kI16,
                                                              Activations::kInt8),
                                            ::testing::ValuesIn(packed_types())),
                         [](const auto& each) {
                           return std::get<0>(each.param) + "_" +
                                  std::string(activations_name(std::get<1>(each.param))) + "_" +
                                  std::string(dtype_name(std::get<2>(each.param)));
                         });

// Every weight comes out of its planes and scales as the file's block holds it.
TEST(PackGroup, IsTheSameNumbersInAnotherOrder) {
  Random random{5};
  for (const cpu::PackedFormat& format : cpu::kPackedFormats) {
    const int64_t k = 3 * dtype_info(format.type).block_size;
    const int64_t row_size = *row_bytes(format.type, k);
    const auto rows = random_blocks(random, format.type, 16 * k);
    std::vector<std::byte> group(static_cast<std::size_t>(format.group_size(k)));
    std::vector<float> expected(static_cast<std::size_t>(k));
    std::vector<float> unpacked(static_cast<std::size_t>(k));
    for (const int columns : {1, 7, 16}) {
      cpu::pack_group(format, rows.data(), row_size, columns, k, group.data());
      for (int j = 0; j < columns; ++j) {
        decode_row(format.type, rows.data() + j * row_size, expected.data(), k);
        cpu::unpack_row(format, group.data(), j, k, unpacked.data());
        ASSERT_TRUE(same_bits(unpacked, expected)) << dtype_name(format.type) << " column " << j;
      }
    }
  }
}

// What a cache has under a tensor's name is what the kernels read: no other weights were packed.
TEST(PackedWeight, ComesFromTheCacheWhereThatHasIt) {
  Random random{7};
  const TempFolder folder;
  const auto pool = ThreadPool::create(2).value();
  cpu::WeightArena arena;
  const cpu::PackedFormat& format = *cpu::find_packed_format(DType::kQ4_K);
  const int64_t k = 512;
  const auto create = [&](const std::vector<std::byte>& blocks, WeightCache* cache) {
    HostTensor tensor;
    tensor.name = "w";
    tensor.type = format.type;
    tensor.shape = {k, 37, 1, 1};
    tensor.bytes = blocks;
    return cpu::PackedWeight::create(tensor, format, *pool, arena, cache).value();
  };
  const auto first = random_blocks(random, format.type, 37 * k);
  const auto second = random_blocks(random, format.type, 37 * k);
  const auto bytes_of = [](const cpu::PackedWeight& weight) {
    return std::vector<std::byte>(weight.data(), weight.data() + weight.size_bytes());
  };
  const auto packed = bytes_of(create(first, nullptr));
  ASSERT_NE(packed, bytes_of(create(second, nullptr)));
  {
    WeightCache cache(folder.path("w.packed"), "key", {});
    cache.check(*pool);
    EXPECT_EQ(bytes_of(create(first, &cache)), packed);
    cache.finish();
  }
  cpu::PackedWeight kept;
  {
    WeightCache cache(folder.path("w.packed"), "key", {});
    cache.check(*pool);
    kept = create(second, &cache);
  }
  EXPECT_EQ(bytes_of(kept), packed);
  std::vector<float> expected(k), row(k);
  decode_row(format.type, first.data() + 36 * *row_bytes(format.type, k), expected.data(), k);
  kept.read_row(36, row.data());
  EXPECT_TRUE(same_bits(row, expected));
}

// An embedding that is the head as well is read out of its packed form.
TEST(PackedWeight, EmbedsTheRowsOfTheFile) {
  Random random{6};
  const auto backend = make_backend("", 2, Activations::kI16);
  for (const cpu::PackedFormat& format : cpu::kPackedFormats) {
    const int64_t k = 2 * dtype_info(format.type).block_size;
    TestWeight w(*backend, random, format.type, 37, k);
    std::fill(w.bytes.begin(), w.bytes.end(), std::byte{0});  // nobody reads them again
    const std::vector<int32_t> ids = {36, 0, 15, 16, 36};
    std::vector<float> out(ids.size() * static_cast<std::size_t>(k));
    backend->embed(*w.weight, ids, mat(out, std::ssize(ids)));
    for (std::size_t t = 0; t < ids.size(); ++t) {
      const auto at = static_cast<std::size_t>(ids[t] * k);
      ASSERT_TRUE(same_bits({out.begin() + static_cast<std::ptrdiff_t>(t * k),
                             out.begin() + static_cast<std::ptrdiff_t>((t + 1) * k)},
                            {w.values.begin() + static_cast<std::ptrdiff_t>(at),
                             w.values.begin() + static_cast<std::ptrdiff_t>(at + k)}))
          << dtype_name(format.type);
    }
  }
}

TEST(PackGroup, WritesItsSizeAndNoMore) {
  Random random{3};
  for (const cpu::PackedFormat& format : cpu::kPackedFormats) {
    const int64_t block = dtype_info(format.type).block_size;
    for (const int64_t k : {block, 3 * block}) {
      const int64_t row_size = *row_bytes(format.type, k);
      const auto rows = random_blocks(random, format.type, 16 * k);
      const auto size = static_cast<std::size_t>(format.group_size(k));
      ASSERT_EQ(size % 64, 0U);
      for (const int columns : {1, 7, 16}) {
        std::vector<std::byte> first(size + 64, std::byte{0xa5});
        std::vector<std::byte> second(size + 64, std::byte{0x5a});
        cpu::pack_group(format, rows.data(), row_size, columns, k, first.data());
        cpu::pack_group(format, rows.data(), row_size, columns, k, second.data());
        for (std::size_t i = size; i < size + 64; ++i) ASSERT_EQ(first[i], std::byte{0xa5});
        // Only the padding behind the scales is left alone: less than 64 bytes.
        std::size_t untouched = 0;
        for (std::size_t i = 0; i < size; ++i) untouched += first[i] != second[i] ? 1 : 0;
        ASSERT_LT(untouched, 64U) << dtype_name(format.type);
      }
    }
  }
}

}  // namespace
}  // namespace weft::test
