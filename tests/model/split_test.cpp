// A model whose first layers are another backend's: what each computes and holds, and that the
// bits are those of the layers' own backends, whoever has the others.
#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/model/decoder.h"
#include "core/split_backend.h"
#include "tests/support/compare.h"
#include "tests/support/cpu_isas.h"
#include "tests/support/delegating_backend.h"
#include "tests/support/random.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_model.h"

namespace weft::test {
namespace {

constexpr int32_t kLayers = 4;
constexpr int kTensorsOfLayer = 11;  // seven matrices, two norms, the norms of heads

TestModelSpec spec(DType type = DType::kQ8_0) {
  return {.n_layers = kLayers,
          .n_embd = 32,
          .ffn_dim = 64,
          .qk_norm = true,
          .windows = {0, 9},
          .type = type};
}

// Memory that only its backend may touch.
using DeviceMemory = std::vector<std::span<const std::byte>>;

// What one side of a split was asked for. Its memory is not the host's, as far as it says.
struct Seen {
  int linears = 0;
  int steps = 0;
  int tensors = 0;
  std::size_t allocated_bytes = 0;
  std::size_t kv_bytes = 0;
  std::vector<int32_t> kv_layers;
};

class Watched : public DelegatingBackend {
 public:
  Watched(std::unique_ptr<Backend> inner, Seen& seen, DeviceMemory& memory)
      : DelegatingBackend(std::move(inner)), seen_(seen), memory_(memory) {}

  bool memory_is_hosts() const override { return false; }
  Result<Buffer> allocate(std::size_t size_bytes) override {
    seen_.allocated_bytes += size_bytes;
    auto buffer = DelegatingBackend::allocate(size_bytes);
    memory_.emplace_back(buffer->as<const std::byte>(), size_bytes);
    return buffer;
  }
  void upload(void* device, const void* host, std::size_t size_bytes) override {
    EXPECT_FALSE(on_device(host));
    DelegatingBackend::upload(device, host, size_bytes);
  }
  void download(void* host, const void* device, std::size_t size_bytes) override {
    EXPECT_FALSE(on_device(host));
    DelegatingBackend::download(host, device, size_bytes);
  }
  Result<std::unique_ptr<Weight>> load_weight(const HostTensor& tensor, WeightUse use) override {
    ++seen_.tensors;
    return DelegatingBackend::load_weight(tensor, use);
  }
  Result<std::unique_ptr<KvCache>> create_kv_cache(const KvCacheSpec& cache) override {
    seen_.kv_layers.push_back(cache.n_layers);
    seen_.kv_bytes += kv_cache_bytes(cache);
    return DelegatingBackend::create_kv_cache(cache);
  }
  void linear(Mat x, std::span<const LinearOutput> outputs) override {
    ++seen_.linears;
    DelegatingBackend::linear(x, outputs);
  }
  void end_step() override { ++seen_.steps; }

 private:
  bool on_device(const void* p) const {
    const auto* at = static_cast<const std::byte*>(p);
    return std::ranges::any_of(
        memory_, [&](const auto& m) { return at >= m.data() && at < m.data() + m.size(); });
  }

  Seen& seen_;
  DeviceMemory& memory_;
};

TokenIds ids() { return Random(5, "ids").ids(40, 128); }

Logits logits_of(Backend& backend, const TestModel& model, int32_t chunk = 0) {
  return run_chunked(*make_decoder(model, backend), backend, ids(), chunk,
                     {.kv_type = DType::kF16});
}

TEST(Split, EachSideHasItsLayersAndTheRestHasEmbeddingAndHead) {
  const TestModel model = make_test_model(spec());
  for (int32_t n = 0; n <= kLayers; ++n) {
    Seen first, rest;
    DeviceMemory memory;
    const auto backend =
        create_split_backend(std::make_unique<Watched>(make_cpu_backend("", 1), first, memory), n,
                             std::make_unique<Watched>(make_cpu_backend("", 1), rest, memory));
    logits_of(*backend, model);
    const int others = kLayers - n;
    EXPECT_EQ(first.linears, 4 * n);
    EXPECT_EQ(rest.linears, 4 * others + 1);  // and the head
    EXPECT_EQ(first.tensors, kTensorsOfLayer * n);
    EXPECT_EQ(rest.tensors, kTensorsOfLayer * others + 3);
    EXPECT_EQ(first.kv_layers, n > 0 ? std::vector<int32_t>{n} : std::vector<int32_t>{});
    EXPECT_EQ(rest.kv_layers, others > 0 ? std::vector<int32_t>{others} : std::vector<int32_t>{});
    EXPECT_EQ(first.steps, 1);
    EXPECT_EQ(rest.steps, 1);
  }
}

// Also where neither memory is the host's, so that rows go over by way of it.
TEST(Split, BetweenEqualsChangesNoBit) {
  const TestModel model = make_test_model(spec());
  const Logits whole = logits_of(*make_cpu_backend("", 1), model);
  for (int32_t n = 0; n <= kLayers; ++n) {
    const auto backend = create_split_backend(make_cpu_backend("", 2), n, make_cpu_backend("", 1));
    EXPECT_TRUE(same_bits(whole, logits_of(*backend, model, 7))) << n;
    Seen first, rest;
    DeviceMemory memory;
    const auto apart =
        create_split_backend(std::make_unique<Watched>(make_cpu_backend("", 1), first, memory), n,
                             std::make_unique<Watched>(make_cpu_backend("", 1), rest, memory));
    EXPECT_TRUE(same_bits(whole, logits_of(*apart, model))) << n;
  }
}

// Between kernels of other bits: a token's do not depend on its company, and both take part.
TEST(Split, BetweenOthersKeepsTheSameBits) {
  const TestModel model = make_test_model(spec());
  const CpuKernels exact{"scalar", "f32"};
  const CpuKernels rounding{cpu_isas().back(), "int8"};
  const Logits all_exact = logits_of(*make_cpu_backend(exact, 1), model);
  const Logits all_rounding = logits_of(*make_cpu_backend(rounding, 1), model);
  Logits before = all_rounding;
  for (int32_t n = 0; n <= kLayers; ++n) {
    const auto backend =
        create_split_backend(make_cpu_backend(exact, 1), n, make_cpu_backend(rounding, 1));
    const Logits whole = logits_of(*backend, model);
    EXPECT_EQ(same_bits(whole, all_rounding), n == 0) << n;
    EXPECT_FALSE(same_bits(whole, all_exact)) << n;  // the head is the rest's
    if (n > 0) {
      EXPECT_FALSE(same_bits(whole, before)) << n;
    }
    before = whole;
    for (const int32_t chunk : {1, 7}) {
      EXPECT_TRUE(same_bits(whole, logits_of(*backend, model, chunk))) << n << " " << chunk;
    }
    const TokenIds other = Random(6, "ids").ids(20, 128);
    const std::vector<TokenIds> sequences = {ids(), other};
    const auto decoder = make_decoder(model, *backend);
    const auto woven = run_schedule(*decoder, *backend, sequences, random_schedule(sequences, 5, 3),
                                    {.kv_type = DType::kF16, .block_order_seed = 2});
    EXPECT_TRUE(same_bits(whole, woven[0])) << n;
  }
}

TEST(Split, TheLedgerCountsBothMemories) {
  const TestModel model = make_test_model(spec());
  Seen first;
  DeviceMemory memory;
  const auto backend =
      create_split_backend(std::make_unique<Watched>(make_cpu_backend("", 1), first, memory), 3,
                           make_cpu_backend("", 1));
  const auto decoder = make_decoder(model, *backend);
  const StepLimits limits{.max_tokens = 24, .max_logit_rows = 5};
  const KvPoolSpec pool{.num_blocks = 11, .type = DType::kF16};
  const MemoryLedger ledger = DecoderState::ledger(model.config, 0, *backend, limits, pool);
  const auto state = DecoderState::create(*decoder, *backend, limits, pool);
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(ledger.device_bytes, first.allocated_bytes + first.kv_bytes);
  // A layer's KV lies with its layer: three of four.
  EXPECT_EQ(ledger.kv_bytes, first.kv_bytes / 3 * 4);
  const MemoryLedger together =
      DecoderState::ledger(model.config, 0, *make_cpu_backend("", 1), limits, pool);
  EXPECT_EQ(ledger.kv_bytes, together.kv_bytes);
  EXPECT_EQ(together.device_bytes, 0U);
  // What multiplies by the vocabulary is there once.
  EXPECT_LT(ledger.workspace_bytes, 2 * together.workspace_bytes);
}

TEST(Split, BlocksGoOutAndComeBackWithTheLayersOfBothSides) {
  const TestModel model = make_test_model(spec());
  const auto make = [](int32_t n) {
    return create_split_backend(make_cpu_backend("scalar", 1), n, make_cpu_backend("", 1));
  };
  const auto backend = make(1);
  const auto decoder = make_decoder(model, *backend);
  const KvPoolSpec pool{.num_blocks = 3};
  const auto state = std::move(*DecoderState::create(*decoder, *backend, {}, pool));
  std::vector<std::byte> written(state->kv_block_bytes(*backend)), read(written.size());
  Random random(7);
  for (std::byte& b : written) b = static_cast<std::byte>(random.below(256));
  state->import_block(*backend, 1, written);
  const BlockCopy copies[] = {{1, 2}};
  state->copy_blocks(*backend, copies);
  state->export_block(*backend, 2, read);
  EXPECT_EQ(read, written);

  // Other layers on the one side are other bits.
  const auto other = make(2);
  const auto other_state =
      std::move(*DecoderState::create(*make_decoder(model, *other), *other, {}, pool));
  EXPECT_NE(state->kv_identity(*backend), other_state->kv_identity(*other));
}

TEST(Split, SaysWhatIsWhere) {
  const auto backend =
      create_split_backend(make_cpu_backend("scalar", 1), 2, make_cpu_backend("", 1));
  EXPECT_EQ(backend->description().find("cpu scalar, 1 thread, 2 layers; cpu "), 0U)
      << backend->description();
}

}  // namespace
}  // namespace weft::test
