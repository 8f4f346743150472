// Shared by the kernel tests: the instruction sets to run on, backends, random weights.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/backend.h"
#include "core/quant/decode.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/dispatch.h"

namespace weft::test {

// float32 unit roundoff.
inline constexpr double kUnit = 0x1p-24;

// Those that this machine runs; KernelSets.RunHere names the others.
inline std::vector<std::string> all_isas() {
  std::vector<std::string> names;
  for (const cpu::KernelTable* table : cpu::all_tables()) {
    if (table->supported(detect_cpu_features())) names.emplace_back(table->isa);
  }
  return names;
}

// Those that are held to the scalar one.
inline std::vector<std::string> all_isas_but_scalar() {
  std::vector<std::string> names = all_isas();
  std::erase(names, "scalar");
  return names;
}

// A test body over an instruction set; skipped where the machine lacks it.
template <class Base = ::testing::Test>
class IsaTestBase : public Base {
 protected:
  void require(const std::string& isa) {
    const auto table = cpu::choose_table(isa, detect_cpu_features());
    if (!table) GTEST_SKIP() << table.error().message;
    table_ = *table;
  }
  const cpu::KernelTable* table_ = nullptr;
};

class IsaTest : public IsaTestBase<::testing::TestWithParam<std::string>> {
 protected:
  void SetUp() override { require(GetParam()); }
};

inline std::string isa_name(const ::testing::TestParamInfo<std::string>& info) {
  return info.param;
}

#define WEFT_INSTANTIATE_ISAS(Suite)                                                  \
  INSTANTIATE_TEST_SUITE_P(Isa, Suite, ::testing::ValuesIn(::weft::test::all_isas()), \
                           ::weft::test::isa_name)

inline std::unique_ptr<Backend> make_backend(const std::string& isa, int threads = 1,
                                             Activations activations = Activations::kF32) {
  auto backend = create_cpu_backend({.threads = threads, .isa = isa, .activations = activations});
  EXPECT_TRUE(backend.has_value()) << backend.error().message;
  return std::move(*backend);
}

using Random = std::mt19937_64;

inline std::vector<float> random_floats(Random& random, int64_t n, float scale = 1.0f) {
  std::normal_distribution<float> normal(0.0f, scale);
  std::vector<float> values(static_cast<std::size_t>(n));
  for (float& v : values) v = normal(random);
  return values;
}

// Types that the decoders know and that can be weights.
inline std::vector<DType> weight_types() {
  std::vector<DType> types;
  for (const DTypeInfo& info : all_dtypes()) {
    if (decode_row_function(info.type) != nullptr) types.push_back(info.type);
  }
  return types;
}

// Random bytes of whole blocks that decode to finite numbers of at most `limit`.
inline std::vector<std::byte> random_blocks(Random& random, DType type, int64_t elements,
                                            float limit = 1e4f) {
  const DTypeInfo& info = dtype_info(type);
  std::vector<std::byte> bytes(static_cast<std::size_t>(*row_bytes(type, elements)));
  std::vector<float> values(info.block_size);
  for (std::size_t at = 0; at < bytes.size(); at += info.block_bytes) {
    for (bool good = false; !good;) {
      for (uint32_t i = 0; i < info.block_bytes; ++i) {
        bytes[at + i] = static_cast<std::byte>(random() & 0xff);
      }
      decode_row(type, bytes.data() + at, values.data(), info.block_size);
      good = true;
      for (float v : values) good = good && std::isfinite(v) && std::abs(v) <= limit;
      if (info.block_size == 1) {
        // Integers and wide floats of random bytes are far too large; a plain number will do.
        const float v = random_floats(random, 1)[0];
        good = true;
        switch (type) {
          case DType::kF32:
            std::memcpy(&bytes[at], &v, sizeof(v));
            break;
          case DType::kF64: {
            const double d = v;
            std::memcpy(&bytes[at], &d, sizeof(d));
            break;
          }
          case DType::kI32:
          case DType::kI64: {
            const int64_t n = static_cast<int64_t>(v * 1000);
            std::memcpy(&bytes[at], &n, info.block_bytes);
            break;
          }
          default:
            good = std::isfinite(values[0]) && std::abs(values[0]) <= 4e4f;
        }
      }
    }
  }
  return bytes;
}

// A weight with its bytes (at an odd address, as in a hostile file) and its decoded values.
struct TestWeight {
  TestWeight(Backend& backend, Random& random, DType type, int64_t n, int64_t k)
      : TestWeight(backend, random_blocks(random, type, n * k), type, n, k) {}

  TestWeight(Backend& backend, const std::vector<std::byte>& content, DType type, int64_t n,
             int64_t k)
      : rows(n), cols(k), bytes(content.size() + 1), values(static_cast<std::size_t>(n * k)) {
    std::copy(content.begin(), content.end(), bytes.begin() + 1);
    HostTensor tensor;
    tensor.name = "w";
    tensor.type = type;
    tensor.shape = {k, n, 1, 1};
    tensor.bytes = std::span<const std::byte>(bytes).subspan(1);
    decode_row(type, tensor.bytes.data(), values.data(), n * k);
    auto loaded = backend.load_weight(tensor);
    EXPECT_TRUE(loaded.has_value()) << loaded.error().message;
    weight = std::move(*loaded);
  }

  int64_t rows, cols;
  std::vector<std::byte> bytes;
  std::vector<float> values;
  std::unique_ptr<Weight> weight;
};

inline TestWeight vector_weight(Backend& backend, const std::vector<float>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return TestWeight(backend, bytes, DType::kF32, 1, static_cast<int64_t>(values.size()));
}

inline Mat mat(std::vector<float>& values, int64_t rows) {
  return {values.data(), rows, static_cast<int64_t>(values.size()) / rows};
}

inline std::vector<float> run_linear(Backend& backend, const TestWeight& w, const Weight* bias,
                                     std::vector<float>& x, int64_t rows) {
  std::vector<float> out(static_cast<std::size_t>(rows * w.rows), NAN);
  const LinearOutput output = {w.weight.get(), bias, mat(out, rows)};
  backend.linear(mat(x, rows), {&output, 1});
  return out;
}

// The same layer, `chunk` rows at a time and with another weight beside it.
inline std::vector<float> run_linear_in_chunks(Backend& backend, const TestWeight& w,
                                               const TestWeight& other, std::vector<float>& x,
                                               int64_t rows, int64_t chunk) {
  std::vector<float> out(static_cast<std::size_t>(rows * w.rows));
  for (int64_t first = 0; first < rows; first += chunk) {
    const int64_t count = std::min(chunk, rows - first);
    std::vector<float> company(static_cast<std::size_t>(count * other.rows));
    float* const part = &out[static_cast<std::size_t>(first * w.rows)];
    const LinearOutput outputs[] = {{other.weight.get(), nullptr, mat(company, count)},
                                    {w.weight.get(), nullptr, {part, count, w.rows}}};
    backend.linear(mat(x, rows).slice(first, count), outputs);
  }
  return out;
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace weft::test
