// The BF16 tiles' logic over emulated tiles: their order of sums, which is theirs alone, for any
// rows, columns and inputs.
#include <sys/mman.h>

#include "core/half.h"
#include "kernels/cpu/avx512/table.h"
#include "kernels/cpu/packed/pack.h"
#include "tests/kernels/emulated_amx.h"
#include "tests/kernels/support.h"

namespace weft::test {
namespace {

constexpr float kLeast = std::numeric_limits<float>::min();

float flushed(float x) { return std::abs(x) < kLeast ? std::copysign(0.0f, x) : x; }
float rounded(float x) { return flushed(float_from_bf16(bf16_from_float(x))); }

// Weights as their type holds them, packed and as they count, and a bias.
struct Layer {
  DType type;
  int64_t k, columns;
  std::vector<std::byte> packed;
  std::vector<float> values;  // [columns, k]
  std::vector<float> bias;

  int64_t groups() const { return (columns + 15) / 16; }
  float weight(int64_t column, int64_t i) const {
    return values[static_cast<std::size_t>(column * k + i)];
  }
};

Layer layer_of(const std::vector<std::byte>& bytes, DType type, int64_t k,
               const std::vector<float>& bias) {
  Layer layer = {type, k, static_cast<int64_t>(bias.size()), {}, {}, bias};
  const cpu::PackedFormat& format = *cpu::find_float_format(type);
  const auto size = static_cast<std::size_t>(format.group_size(k));
  const int64_t row_size = *row_bytes(type, k);
  layer.packed.resize(static_cast<std::size_t>(layer.groups()) * size);
  for (int64_t g = 0; g < layer.groups(); ++g) {
    const auto count = static_cast<int>(std::min<int64_t>(layer.columns - 16 * g, 16));
    cpu::pack_group(format, &bytes[static_cast<std::size_t>(16 * g * row_size)], row_size, count, k,
                    &layer.packed[static_cast<std::size_t>(g) * size]);
  }
  layer.values.resize(static_cast<std::size_t>(layer.columns * k));
  decode_row(type, bytes.data(), layer.values.data(), layer.columns * k);
  for (float& value : layer.values) value = rounded(value);
  return layer;
}

Layer random_layer(Random& random, DType type, int64_t k, int64_t columns) {
  return layer_of(random_blocks(random, type, columns * k), type, k,
                  random_floats(random, columns));
}

// Rounded activations behind which no byte may be read: tiles of fewer rows end with them.
class GuardedRows {
 public:
  GuardedRows(int64_t rows, int64_t k, const cpu::PackedKernels& kernels) {
    constexpr std::size_t kPage = 4096;
    const auto bytes = static_cast<std::size_t>(rows * kernels.row_bytes(k));
    const std::size_t pages = (bytes + kPage - 1) / kPage * kPage;
    size_ = pages + kPage;
    memory_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(memory_, MAP_FAILED);
    auto* const end = static_cast<std::byte*>(memory_) + pages;
    EXPECT_EQ(mprotect(end, kPage, PROT_NONE), 0);
    rows_ = kernels.activations(end - bytes, rows, k);
  }
  ~GuardedRows() { munmap(memory_, size_); }
  GuardedRows(const GuardedRows&) = delete;
  GuardedRows& operator=(const GuardedRows&) = delete;

  const cpu::Activations& rows() const { return rows_; }

 private:
  void* memory_ = nullptr;
  std::size_t size_ = 0;
  cpu::Activations rows_;
};

class AmxBf16Test : public IsaTestBase<::testing::TestWithParam<DType>> {
 protected:
  void SetUp() override {
    require("avx512");
    type_ = GetParam();
  }

  // `rows` rows of x through the layer, so many groups a call. Each row of the result has room for
  // one column more, which must stay NaN.
  static std::vector<float> run(const Layer& layer, const std::vector<float>& x, int64_t first,
                                int64_t rows, int64_t groups_of_call = 1000) {
    const cpu::PackedKernels& kernels = emulated_amx_bf16_kernels();
    const GuardedRows memory(rows, layer.k, kernels);
    const cpu::Activations& to = memory.rows();
    for (int64_t t = 0; t < rows; ++t) {
      kernels.quantize_row(&x[static_cast<std::size_t>((first + t) * layer.k)], layer.k,
                           to.from(t));
    }
    const int64_t stride = layer.columns + 1;
    std::vector<float> out(static_cast<std::size_t>(rows * stride), NAN);
    alignas(64) static std::byte scratch[cpu::kPackedScratch];
    for (int64_t begin = 0; begin < layer.groups(); begin += groups_of_call) {
      kernels.linear(layer.type)({.weight = layer.packed.data(),
                                  .k = layer.k,
                                  .columns = layer.columns,
                                  .x = to,
                                  .rows = rows,
                                  .bias = layer.bias.data(),
                                  .out = out.data(),
                                  .out_stride = stride},
                                 begin, std::min(begin + groups_of_call, layer.groups()), scratch);
    }
    for (int64_t t = 0; t < rows; ++t) {
      EXPECT_TRUE(std::isnan(out[static_cast<std::size_t>(t * stride + layer.columns)]));
    }
    return out;
  }

  // What amx/bf16.h says, element by element.
  static float expected(const Layer& layer, const float* x, int64_t column) {
    float sum = 0;
    for (int64_t cell = 0; cell < layer.k; cell += 32) {
      float even = 0;
      float odd = 0;
      for (int64_t i = cell; i < cell + 32; i += 2) {
        even = flushed(std::fma(rounded(x[i]), layer.weight(column, i), even));
        odd = flushed(std::fma(rounded(x[i + 1]), layer.weight(column, i + 1), odd));
      }
      sum = flushed(sum + flushed(even + odd));
    }
    return sum + layer.bias[static_cast<std::size_t>(column)];
  }

  DType type_ = DType::kBF16;
  Random random_{29};
};

TEST_P(AmxBf16Test, AddsInTheOrderOfTiles) {
  for (const int64_t k : {32, 256, 1056}) {
    const int64_t columns = 37;
    Layer layer = random_layer(random_, type_, k, columns);
    // Before which the row below would not show.
    for (int64_t n = 0; n < columns; n += 2) layer.bias[static_cast<std::size_t>(n)] = 0;
    const int64_t rows = 70;
    auto x = random_floats(random_, rows * k);
    // A row whose products are about the least normal number.
    for (int64_t i = 0; i < k; ++i) x[static_cast<std::size_t>(3 * k + i)] *= 2 * kLeast;
    const auto out = run(layer, x, 0, rows);
    for (int64_t t = 0; t < rows; ++t) {
      for (int64_t n = 0; n < columns; ++n) {
        ASSERT_EQ(out[static_cast<std::size_t>(t * (columns + 1) + n)],
                  expected(layer, &x[static_cast<std::size_t>(t * k)], n))
            << "k " << k << " row " << t << " column " << n;
      }
    }
  }
}

TEST_P(AmxBf16Test, IsTheProductOfTheRoundedInputs) {
  const int64_t k = 1056;
  const int64_t columns = 100;
  const int64_t rows = 49;
  const Layer layer = random_layer(random_, type_, k, columns);
  const auto x = random_floats(random_, rows * k);
  const auto out = run(layer, x, 0, rows);
  for (int64_t t = 0; t < rows; ++t) {
    for (int64_t n = 0; n < columns; ++n) {
      double sum = layer.bias[static_cast<std::size_t>(n)];
      double magnitude = std::abs(sum);
      for (int64_t i = 0; i < k; ++i) {
        const double term =
            double{rounded(x[static_cast<std::size_t>(t * k + i)])} * layer.weight(n, i);
        sum += term;
        magnitude += std::abs(term);
      }
      // An element passes 16 additions in its cell, one of the halves, those of the cells, the
      // bias.
      const double roundings = 16 + 1 + static_cast<double>(k) / 32 + 1;
      ASSERT_NEAR(out[static_cast<std::size_t>(t * (columns + 1) + n)], sum,
                  roundings * kUnit * magnitude)
          << "row " << t << " column " << n;
    }
  }
}

TEST_P(AmxBf16Test, SameBitsForAnyRowsAndAnyGroupsOfACall) {
  const int64_t k = 288;  // eight cells that all rows meet before the ninth
  const int64_t columns = 215;
  const int64_t stride = columns + 1;
  const int64_t most = 229;
  const Layer layer = random_layer(random_, type_, k, columns);
  const auto x = random_floats(random_, most * k);
  std::vector<float> alone;
  for (int64_t t = 0; t < most; ++t) {
    const auto row = run(layer, x, t, 1);
    alone.insert(alone.end(), row.begin(), row.end());
  }
  const auto expect = [&](int64_t first, int64_t rows, int64_t groups) {
    const auto out = run(layer, x, first, rows, groups);
    ASSERT_TRUE(std::memcmp(out.data(), &alone[static_cast<std::size_t>(first * stride)],
                            out.size() * sizeof(float)) == 0)
        << rows << " rows from " << first << ", " << groups << " groups a call";
  };
  for (const int64_t rows : {2, 15, 16, 17, 31, 32, 33, 48, 49, 64, 65, 112, 160, 161, 192, 229}) {
    expect(most - rows, rows, 1000);
  }
  for (const int64_t groups : {1, 2, 3, 6, 7}) {
    for (const int64_t rows : {1, 19, 70}) expect(5, rows, groups);
  }
}

// Of a row, or of a column, and of no other: missing columns are zeros, which an infinity turns
// into NaN, and rows of a tile that are not there hold anything.
TEST_P(AmxBf16Test, InfinitiesAndNansStayInTheirRowAndColumn) {
  const int64_t k = 96;
  const int64_t columns = 37;
  const int64_t stride = columns + 1;
  const float inf = std::numeric_limits<float>::infinity();
  auto bytes = random_blocks(random_, type_, columns * k);
  const auto bias = random_floats(random_, columns);
  const Layer layer = layer_of(bytes, type_, k, bias);
  // Column 20 gets an infinity.
  const auto size = static_cast<std::size_t>(dtype_info(type_).block_bytes);
  const uint32_t infinity = type_ == DType::kF16    ? 0x7c00u
                            : type_ == DType::kBF16 ? 0x7f80u
                                                    : 0x7f800000u;
  std::memcpy(&bytes[static_cast<std::size_t>(20 * k + 50) * size], &infinity, size);
  const Layer strange = layer_of(bytes, type_, k, bias);
  for (const int64_t rows : {5, 40}) {
    const auto plain = random_floats(random_, rows * k);
    auto x = plain;
    x[static_cast<std::size_t>(1 * k + 70)] = inf;
    x[static_cast<std::size_t>(2 * k + 3)] = NAN;
    x[static_cast<std::size_t>(4 * k + 8)] = inf;
    x[static_cast<std::size_t>(4 * k + 41)] = -inf;
    const auto as_ever = run(layer, plain, 0, rows);
    const auto out = run(strange, x, 0, rows);
    for (int64_t t = 0; t < rows; ++t) {
      for (int64_t n = 0; n < columns; ++n) {
        const float value = out[static_cast<std::size_t>(t * stride + n)];
        const auto here = testing::Message() << rows << " rows, row " << t << " column " << n;
        float wanted = as_ever[static_cast<std::size_t>(t * stride + n)];
        // NaN where a weight is zero or the infinities' signs differ.
        if (t == 1) wanted = layer.weight(n, 70) * inf;
        if (t == 2) wanted = NAN;
        if (t == 4) wanted = layer.weight(n, 8) * inf - layer.weight(n, 41) * inf;
        if (n == 20) {
          ASSERT_FALSE(std::isfinite(value)) << here;
        } else if (std::isnan(wanted)) {
          ASSERT_TRUE(std::isnan(value)) << here;
        } else {
          ASSERT_EQ(value, wanted) << here;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, AmxBf16Test,
                         ::testing::Values(DType::kF32, DType::kF16, DType::kBF16),
                         [](const auto& each) { return std::string(dtype_name(each.param)); });

TEST(AmxBf16, IsThereForFloatsAlone) {
  for (const DType type : weight_types()) {
    EXPECT_EQ(emulated_amx_bf16_kernels().linear(type) != nullptr,
              cpu::find_float_format(type) != nullptr)
        << dtype_name(type);
  }
}

// Keys and values that were computed in one order must not be taken for those of another.
TEST(AmxBf16, KernelsOfAnotherOrderHaveAnotherIdentity) {
  cpu::KernelTable table = *cpu::all_tables().front();
  const std::string dots = cpu_kernels_identity(table, Activations::kBf16);
  const std::string integers = cpu_kernels_identity(table, Activations::kI16);
  EXPECT_EQ(dots, "cpu scalar, activations bf16 revision 2");
  table.bf16 = emulated_amx_bf16_kernels();
  EXPECT_NE(cpu_kernels_identity(table, Activations::kBf16), dots);
  EXPECT_EQ(cpu_kernels_identity(table, Activations::kI16), integers);
  // Sessions that were saved before 16-bit activations were rounded as they are now do not fit.
  EXPECT_TRUE(integers.ends_with("i16 revision 2")) << integers;
}

TEST(AmxBf16, TheTableOfAmxHasTilesOnlyWhereTheProcessorDoes) {
  const cpu::KernelTable& amx = **std::ranges::find_if(
      cpu::all_tables(), [](const auto* table) { return std::string_view(table->isa) == "amx"; });
  const bool tiles = std::string_view(amx.bf16.order) == "tdpbf16ps";
  EXPECT_EQ(tiles, detect_cpu_features().amx_bf16);
}

}  // namespace
}  // namespace weft::test
