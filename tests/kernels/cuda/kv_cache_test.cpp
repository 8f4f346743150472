// The paged cache on CUDA: what is stored for every type, that values are finite, that blocks are
// copied and carried whole, and what is refused.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/half.h"
#include "core/quant/q8_0.h"
#include "kernels/cpu/cpu_kv_cache.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/cuda_kv_cache.h"
#include "kernels/cuda/fp8.h"
#include "tests/kernels/cuda/device_array.h"
#include "tests/kernels/support.h"

namespace weft::test {
namespace {

constexpr DType kTypes[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kF8_E4M3};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// The definition of the format, without its bits: sign, 2^(e - 7) (1 + m / 8).
double value_of_fp8(int code) {
  const int exponent = code >> 3 & 15;
  const double mantissa = code & 7;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8.0 + mantissa, exponent - 10);
  return (code & 0x80) != 0 ? -magnitude : magnitude;
}

TEST(Fp8, CodesAreReadAsTheFormatDefinesThem) {
  for (int code = 0; code < 256; ++code) {
    if ((code & 0x7f) == 0x7f) continue;
    const float read = cuda::float_from_fp8(static_cast<uint8_t>(code));
    EXPECT_EQ(static_cast<double>(read), std::ldexp(value_of_fp8(code), -8)) << code;
    EXPECT_EQ(cuda::fp8_from_float(read), code);
  }
}

TEST(Fp8, RoundsToTheNearestCodeTiesToEven) {
  for (int code = 0; code < 0x7e; ++code) {
    const double low = std::ldexp(value_of_fp8(code), -8);
    const double high = std::ldexp(value_of_fp8(code + 1), -8);
    const auto middle = static_cast<float>((low + high) / 2);
    EXPECT_EQ(cuda::fp8_from_float(std::nextafter(middle, 0.0f)), code);
    EXPECT_EQ(cuda::fp8_from_float(middle), code % 2 == 0 ? code : code + 1);
    EXPECT_EQ(cuda::fp8_from_float(std::nextafter(middle, 2.0f)), code + 1);
    EXPECT_EQ(cuda::fp8_from_float(-middle), 0x80 + (code % 2 == 0 ? code : code + 1));
  }
}

TEST(Fp8, CutsWhatIsBeyondTheLargestCode) {
  for (const float x : {1.76f, 1.8125f, 1.9f, 2.0f, 1e30f}) {
    EXPECT_EQ(cuda::fp8_from_float(x), 0x7e);
    EXPECT_EQ(cuda::fp8_from_float(-x), 0xfe);
  }
}

TEST(Fp8, ScalePutsTheLargestIntoTheUpperHalfOfTheCodes) {
  for (const float largest :
       {0x1p-20f, 3e-6f, 0.1f, 1.0f, 1.75f, 1.7500001f, 2.0f, 100.0f, 57344.0f}) {
    const float scale = cuda::fp8_scale(largest);
    EXPECT_LE(largest / scale, 1.75f) << largest;
    EXPECT_GT(largest / scale, 0.875f) << largest;
    EXPECT_EQ(float_from_half(half_from_float(scale)), scale);
  }
  EXPECT_EQ(cuda::fp8_scale(0.0f), 0x1p-24f);
  EXPECT_EQ(cuda::fp8_scale(1e30f), 0x1p+15f);
}

// A layer's keys or values on the host.
struct HostLayer {
  std::vector<std::byte> bytes;
  cuda::KvLayer layer;

  HostLayer(Backend& backend, const cuda::KvLayer& on_device, int32_t blocks)
      : bytes(static_cast<std::size_t>(blocks * on_device.n_kv_heads * on_device.head_bytes)),
        layer(on_device) {
    backend.download(bytes.data(), on_device.data, bytes.size());
    layer.data = bytes.data();
  }
};

class CudaKv : public ::testing::TestWithParam<DType> {
 protected:
  static constexpr int32_t kLayers = 2;

  KvCacheSpec spec(int32_t head_dim, int32_t block_size, int32_t blocks, int32_t heads = 2) const {
    return {.n_layers = kLayers,
            .n_kv_heads = heads,
            .head_dim = head_dim,
            .block_size = block_size,
            .num_blocks = blocks,
            .type = GetParam()};
  }
  static Mat mat(const DeviceArray<float>& x, int64_t rows) {
    return {x.data(), rows, static_cast<int64_t>(x.size()) / rows};
  }

  // The head's elements as this layer holds them, read by the documented layout.
  static std::vector<float> stored(const cuda::KvLayer& layer, int32_t slot, int32_t head) {
    const std::byte* const tokens =
        layer.data + (slot / layer.block_size * layer.n_kv_heads + head) * layer.head_bytes;
    const int offset = slot % layer.block_size;
    const int group = std::min(layer.block_size, 8);
    const std::byte* const row = tokens + offset * layer.row_bytes;
    const std::byte* const scales = tokens + layer.block_size * layer.row_bytes +
                                    offset / group * layer.scale_group_bytes +
                                    offset % group * layer.scales * 2;
    std::vector<float> values;
    for (int i = 0; i < layer.row_elements; ++i) {
      const auto at = [&](auto* element) {
        std::memcpy(element, row + i * static_cast<int>(sizeof(*element)), sizeof(*element));
        return *element;
      };
      const auto scale = [&](int j) {
        uint16_t bits = 0;
        std::memcpy(&bits, scales + 2 * j, 2);
        return float_from_half(bits);
      };
      float f = 0.0f;
      uint16_t bits = 0;
      uint8_t byte = 0;
      switch (layer.type) {
        case DType::kF32:
          values.push_back(at(&f));
          break;
        case DType::kF16:
          values.push_back(float_from_half(at(&bits)));
          break;
        case DType::kBF16:
          values.push_back(float_from_bf16(at(&bits)));
          break;
        case DType::kQ8_0:
          values.push_back(static_cast<float>(static_cast<int8_t>(at(&byte))) * scale(i / 32));
          break;
        default:
          values.push_back(cuda::float_from_fp8(at(&byte)) * scale(0));
      }
    }
    return values;
  }

  Random random_{23};
  std::unique_ptr<Backend> backend_ = create_cuda_backend(make_test_gpu());
};

TEST_P(CudaKv, RoundsToTheTypeAndPadsWithZeros) {
  for (const auto& [head_dim, block_size] : {std::pair{5, 16}, {64, 4}, {80, 1}, {256, 2}}) {
    const int32_t tokens = 9;
    auto cache = backend_->create_kv_cache(spec(head_dim, block_size, 16)).value();
    std::vector<int32_t> slots(tokens);
    std::iota(slots.begin(), slots.end(), 5);
    std::reverse(slots.begin(), slots.end());
    if (block_size == 1) slots[0] = 15;
    std::vector<float> x[2];
    for (auto& values : x) values = random_floats(random_, int64_t{tokens} * 2 * head_dim, 3.0f);
    std::fill(x[0].begin(), x[0].begin() + head_dim, 0.0f);
    const DeviceArray<float> k(x[0]), v(x[1]);
    backend_->kv_store(*cache, 1, mat(k, tokens), mat(v, tokens), slots);
    const auto& cuda_cache = static_cast<const cuda::CudaKvCache&>(*cache);
    for (int array = 0; array < 2; ++array) {
      const HostLayer host(*backend_, array == 0 ? cuda_cache.keys(1) : cuda_cache.values(1), 16);
      const cuda::KvLayer& layer = host.layer;
      for (int32_t row = 0; row < 2 * tokens; ++row) {
        const float* const expected = x[array].data() + row * head_dim;
        float largest = 0.0f;
        for (int i = 0; i < head_dim; ++i) largest = std::max(largest, std::abs(expected[i]));
        const std::vector<float> got =
            stored(layer, slots[static_cast<std::size_t>(row / 2)], row % 2);
        for (int i = 0; i < layer.row_elements; ++i) {
          const float want = i < head_dim ? expected[i] : 0.0f;
          // Half a unit of the type's last place; of the smallest code for F8_E4M3.
          const float step = GetParam() == DType::kF32    ? 0.0f
                             : GetParam() == DType::kF16  ? std::abs(want) * 0x1p-11f
                             : GetParam() == DType::kBF16 ? std::abs(want) * 0x1p-8f
                             : GetParam() == DType::kQ8_0
                                 ? largest / 127.0f * 0.53f
                                 : std::max(std::abs(want) * 0x1p-4f, largest * 0x1p-17f);
          EXPECT_LE(std::abs(got[static_cast<std::size_t>(i)] - want), step)
              << dtype_name(GetParam()) << ", head of " << head_dim << ", element " << i;
        }
      }
    }
  }
}

TEST_P(CudaKv, ValuesAreFiniteAndTheirKeysShowWhatTheyWere) {
  if (GetParam() == DType::kF32) return;  // kept as it is
  auto cache = backend_->create_kv_cache(spec(40, 16, 1)).value();
  std::vector<float> k = random_floats(random_, 3 * 80), v = random_floats(random_, 3 * 80);
  v[1 * 80 + 7] = -kInfinity;  // token 1, head 0
  v[2 * 80 + 40 + 39] = kNan;  // token 2, head 1
  k[0 * 80 + 3] = kInfinity;   // token 0, head 0
  const DeviceArray<float> device_k(k), device_v(v);
  backend_->kv_store(*cache, 0, mat(device_k, 3), mat(device_v, 3), std::vector<int32_t>{0, 1, 2});
  const auto& cuda_cache = static_cast<const cuda::CudaKvCache&>(*cache);
  const HostLayer keys_of_layer(*backend_, cuda_cache.keys(0), 1);
  const HostLayer values(*backend_, cuda_cache.values(0), 1);
  for (int32_t token = 0; token < 3; ++token) {
    for (int32_t head = 0; head < 2; ++head) {
      const bool bad = (token == 1 && head == 0) || (token == 2 && head == 1);
      for (const float x : stored(values.layer, token, head)) {
        EXPECT_TRUE(std::isfinite(x)) << token << ", " << head;
        if (bad) {
          EXPECT_EQ(x, 0.0f);
        }
      }
      const std::vector<float> keys = stored(keys_of_layer.layer, token, head);
      for (int i = 0; i < 40; ++i) {
        if (bad) {
          EXPECT_TRUE(std::isnan(keys[static_cast<std::size_t>(i)]));
        }
      }
      EXPECT_EQ(
          std::all_of(keys.begin(), keys.begin() + 40, [](float x) { return std::isfinite(x); }),
          !bad && (token != 0 || head != 0))
          << token << ", " << head;
    }
  }
}

TEST_P(CudaKv, BlocksAreCopiedAndCarriedWhole) {
  for (const int32_t block_size : {1, 4, 16}) {
    auto cache = backend_->create_kv_cache(spec(48, block_size, 4)).value();
    const std::size_t bytes = backend_->kv_block_bytes(*cache);
    EXPECT_EQ(bytes * 4, backend_->kv_cache_bytes(cache->spec()));
    EXPECT_EQ(bytes % 16, 0u);
    std::vector<std::byte> block(bytes), got(bytes);
    for (std::byte& b : block) b = std::byte(random_() & 0xff);
    backend_->import_block(*cache, 2, block.data());
    backend_->copy_blocks(*cache, std::vector<BlockCopy>{{2, 0}});
    backend_->export_block(*cache, 0, got.data());
    EXPECT_EQ(got, block) << block_size;
  }
}

TEST_P(CudaKv, IdentityNamesTheType) {
  auto cache = backend_->create_kv_cache(spec(48, 16, 1)).value();
  EXPECT_NE(backend_->kv_identity(*cache).find(dtype_name(GetParam())), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Types, CudaKv, ::testing::ValuesIn(kTypes),
                         [](const auto& type) { return std::string(dtype_name(type.param)); });

// The CPU's values are rows of BlockQ8_0.
TEST(CudaKvQ8_0, HoldsTheBitsOfTheCpu) {
  Random random(5);
  constexpr int32_t kDim = 96, kTokens = 40;
  std::vector<float> x = random_floats(random, kTokens * kDim);
  for (int i = 0; i < 32; ++i) x[static_cast<std::size_t>(i)] = 0.0f;
  for (int t = 1; t < kTokens; ++t) {  // of all sizes that a normal half can scale
    for (int i = 0; i < kDim; ++i)
      x[static_cast<std::size_t>(t * kDim + i)] *= std::ldexp(1.0f, t / 2 - 6);
  }
  const KvCacheSpec spec{.n_layers = 1,
                         .n_kv_heads = 1,
                         .head_dim = kDim,
                         .block_size = 8,
                         .num_blocks = kTokens / 8,
                         .type = DType::kQ8_0};
  std::vector<int32_t> slots(kTokens);
  std::iota(slots.begin(), slots.end(), 0);

  const auto cpu = make_backend("scalar");
  auto on_cpu = cpu->create_kv_cache(spec).value();
  cpu->kv_store(*on_cpu, 0, {x.data(), kTokens, kDim}, {x.data(), kTokens, kDim}, slots);
  const auto gpu = create_cuda_backend(make_test_gpu());
  auto on_gpu = gpu->create_kv_cache(spec).value();
  const DeviceArray<float> device_x(x);
  gpu->kv_store(*on_gpu, 0, {device_x.data(), kTokens, kDim}, {device_x.data(), kTokens, kDim},
                slots);

  const auto& cache = static_cast<const cpu::CpuKvCache&>(*on_cpu);
  const auto& cuda_cache = static_cast<const cuda::CudaKvCache&>(*on_gpu);
  for (const cuda::KvLayer& on_gpu_layer : {cuda_cache.keys(0), cuda_cache.values(0)}) {
    const HostLayer host(*gpu, on_gpu_layer, spec.num_blocks);
    const cuda::KvLayer& layer = host.layer;
    for (int t = 0; t < kTokens; ++t) {
      const auto* expected = reinterpret_cast<const BlockQ8_0*>(
          cache.v(0) + cache.group_offset(t, 0) +
          static_cast<std::size_t>(t % cache.group()) * cache.row_bytes());
      const std::byte* const block = layer.data + t / 8 * layer.head_bytes;
      for (int j = 0; j < kDim / 32; ++j) {
        const std::byte* const scale = block + 8 * layer.row_bytes + (t % 8 * layer.scales + j) * 2;
        EXPECT_EQ(std::memcmp(scale, &expected[j].d, 2), 0) << t << ", " << j;
        EXPECT_EQ(std::memcmp(block + t % 8 * layer.row_bytes + 32 * j, expected[j].qs, 32), 0)
            << t << ", " << j;
      }
    }
  }
}

TEST(CudaKvCache, RefusesWhatItCannotHold) {
  const auto gpu = create_cuda_backend(make_test_gpu());
  KvCacheSpec spec{.n_layers = 1, .n_kv_heads = 1, .head_dim = 64, .num_blocks = 1};
  spec.type = DType::kQ4_0;
  const auto type = gpu->create_kv_cache(spec);
  ASSERT_FALSE(type.has_value());
  EXPECT_EQ(type.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(type.error().message,
            "KV cache on cuda: type Q4_0, expected F32, F16, BF16, Q8_0 or F8_E4M3");
  spec.type = DType::kF8_E4M3;
  spec.head_dim = 257;
  EXPECT_EQ(gpu->create_kv_cache(spec).error().code, ErrorCode::kUnsupported);
}

TEST(CpuKvCache, NamesWhatItHoldsWhereFp8IsWanted) {
  const auto cache = make_backend("scalar")->create_kv_cache(
      {.n_layers = 1, .n_kv_heads = 1, .head_dim = 64, .num_blocks = 1, .type = DType::kF8_E4M3});
  ASSERT_FALSE(cache.has_value());
  EXPECT_EQ(cache.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(cache.error().message, "KV cache type F8_E4M3, expected F32, F16, BF16, Q8_0");
}

}  // namespace
}  // namespace weft::test
