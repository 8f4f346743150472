// Models on a GPU, whole and in part, as the API loads them: whose bits they have, and what happens
// where there is no GPU.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api/engine.h"
#include "api/model.h"
#include "tests/support/compare.h"
#include "tests/support/cuda_emulator/emulated_gpu.h"
#include "tests/support/cuda_emulator/emulated_machine.h"
#include "tests/support/fixtures.h"
#include "tests/support/model_file.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_model.h"

namespace weft::test {
namespace {

constexpr int32_t kLayers = 3;
constexpr int32_t kVocab = 96;

class Offload : public testing::Test {
 protected:
  Offload() {
    const TestModel model = make_test_model({.n_layers = kLayers,
                                             .n_embd = 32,
                                             .n_heads = 2,
                                             .n_kv_heads = 1,
                                             .ffn_dim = 32,
                                             .n_vocab = kVocab,
                                             .type = DType::kQ8_0});
    EXPECT_TRUE(write_model_file(path_, model, character_vocab(kVocab)));
  }
  void TearDown() override { emulated_machine() = {}; }

  std::shared_ptr<const Model> load(ModelOptions options) {
    notes_.clear();
    options.threads = 1;
    options.on_note = [this](const std::string& note) { notes_.push_back(note); };
    auto model = Model::load(path_, options);
    EXPECT_TRUE(model) << model.error().message;
    return model ? *model : nullptr;
  }
  Error refused(const ModelOptions& options) {
    const auto model = Model::load(path_, options);
    EXPECT_FALSE(model);
    return model ? Error{} : model.error();
  }
  static Logits logits_of(const std::shared_ptr<const Model>& model, int32_t chunk = 0) {
    const auto context = Context::create(model, {.n_ctx = 32, .max_logit_rows = 32});
    EXPECT_TRUE(context) << context.error().message;
    Logits logits{kVocab, {}};
    const std::vector<int32_t> ids = {1, 7, 90, 14, 15, 92, 65, 35, 8};
    EXPECT_TRUE((*context)->evaluate(ids, chunk, [&](int64_t, std::span<const float> row) {
      logits.values.insert(logits.values.end(), row.begin(), row.end());
    }));
    return logits;
  }
  static std::string device_of(const std::shared_ptr<const Model>& model) {
    return (*Context::create(model, {.n_ctx = 32}))->device_description();
  }

  const TempFolder folder_;
  const std::string path_ = folder_.path("model.gguf");
  std::vector<std::string> notes_;
};

TEST_F(Offload, AllLayersAreThePlainGpuAndNoneThePlainCpu) {
  const Logits gpu = logits_of(load({.device = "cuda"}));
  const Logits cpu = logits_of(load({.device = "cpu"}));
  EXPECT_FALSE(same_bits(gpu, cpu));
  EXPECT_TRUE(same_bits(logits_of(load({.device = "cuda", .gpu_layers = kLayers})), gpu));
  EXPECT_TRUE(same_bits(logits_of(load({.device = "cuda", .gpu_layers = 1000})), gpu));
  EXPECT_TRUE(same_bits(logits_of(load({.device = "cuda", .gpu_layers = 0})), cpu));
  EXPECT_TRUE(notes_.empty());
}

TEST_F(Offload, FastestMathTakesItsLibraryAndIsSaidOnce) {
  EXPECT_EQ(refused({.device = "cuda", .math = "fastest"}).code, ErrorCode::kUnsupported);
  EXPECT_NE(refused({.device = "cuda", .math = "fastest"}).message.find("libemulated.so"),
            std::string::npos);
  emulate_plain_products(true);
  const auto model = load({.device = "cuda", .math = "fastest"});
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_NE(notes_[0].find("math fastest"), std::string::npos) << notes_[0];
  EXPECT_NE(device_of(model).find("math fastest"), std::string::npos) << device_of(model);
  // Where the CPU has all layers there is nothing to say.
  load({.device = "cpu", .math = "fastest"});
  EXPECT_TRUE(notes_.empty());
  emulate_plain_products(false);
}

TEST_F(Offload, InBetweenBothTakePartAndTheBitsDoNotDependOnTheChunks) {
  const Logits gpu = logits_of(load({.device = "cuda"}));
  const Logits cpu = logits_of(load({.device = "cpu"}));
  Logits before;
  for (const int32_t n : {1, kLayers - 1}) {
    const auto model = load({.device = "cuda", .gpu_layers = n});
    EXPECT_EQ(model->info().activations, "f16 and i16");
    EXPECT_EQ(model->info().kv_type, "f16");
    EXPECT_EQ(*model->options().gpu_layers, n);
    EXPECT_NE(device_of(model).find(std::to_string(n) + (n == 1 ? " layer; cpu" : " layers; cpu")),
              std::string::npos);
    const Logits split = logits_of(model);
    EXPECT_FALSE(same_bits(split, gpu));
    EXPECT_FALSE(same_bits(split, cpu));
    EXPECT_FALSE(same_bits(split, before));
    EXPECT_TRUE(same_bits(split, logits_of(model, 1)));
    EXPECT_TRUE(same_bits(split, logits_of(model, 4)));
    // Near both: half floats on the one side, 16-bit integers on the other.
    for (size_t i = 0; i < split.values.size(); ++i) {
      ASSERT_NEAR(split.values[i], cpu.values[i], 0.05);
    }
    before = split;
  }
}

TEST_F(Offload, TheCpusKernelsAreChosenForTheCpusLayers) {
  const auto model =
      load({.device = "cuda", .gpu_layers = 1, .isa = "scalar", .activations = "f32"});
  EXPECT_EQ(model->info().activations, "f16 and f32");
  EXPECT_NE(device_of(model).find("cpu scalar"), std::string::npos);
  EXPECT_EQ(refused({.device = "cuda", .activations = "i16"}).code, ErrorCode::kInvalidArgument);
}

TEST_F(Offload, ALayersKvLiesWithItsLayer) {
  const auto memory = [&](int32_t n) {
    return *Context::required_memory(*load({.device = "cuda", .gpu_layers = n}), {.n_ctx = 64});
  };
  EXPECT_EQ(memory(0).device_bytes, 0U);
  const MemoryLedger all = memory(kLayers);
  EXPECT_EQ(all.device_bytes, all.kv_bytes + all.workspace_bytes + all.scratch_bytes);
  EXPECT_GT(all.scratch_bytes, 0U);
  EXPECT_EQ(memory(0).scratch_bytes, 0U);
  const MemoryLedger one = memory(1), two = memory(2);
  EXPECT_EQ(two.device_bytes - one.device_bytes, all.kv_bytes / kLayers);
}

// By default a pool is for 16,384 tokens, or less if what is left of a memory is little: of the
// GPU's, which has less here, not of the host's.
TEST_F(Offload, ThePoolFollowsTheMemoryThatItsLayersAreIn) {
  const auto blocks = [&](int32_t n) {
    const auto made = Engine::create(load({.device = "cuda", .gpu_layers = n}),
                                     {.max_sequences = 2, .max_batch_tokens = 8});
    EXPECT_TRUE(made) << made.error().message;
    return made ? (*made)->stats().blocks_capacity : 0;
  };
  constexpr int32_t kWanted = 1024;
  EXPECT_EQ(blocks(kLayers), kWanted);
  // A layer's block of keys and values: 16 tokens of 16 elements each, as half floats.
  constexpr std::size_t kBlock = std::size_t{2} * 16 * 16 * 2;
  emulated_machine().memory_bytes = std::size_t{2} << 20;
  const int32_t all = blocks(kLayers), two = blocks(2), one = blocks(1);
  EXPECT_GT(all, 1);
  EXPECT_LT(all, (std::size_t{1} << 20) / (kLayers * kBlock));  // of the half, less than all
  EXPECT_GT(two, all);
  EXPECT_GT(one, two);
  EXPECT_LT(one, kWanted);
  EXPECT_EQ(blocks(0), kWanted);
}

// More than there may be, which the packing of weights finds.
TEST_F(Offload, AsManyThreadsAsWereAskedForPackWeights) {
  EXPECT_EQ(refused({.device = "cuda", .threads = 5000}).code, ErrorCode::kInvalidArgument);
}

TEST_F(Offload, AutoTakesTheGpu) {
  const auto model = load({});
  EXPECT_EQ(model->options().device, "cuda");
  EXPECT_EQ(*model->options().gpu_layers, kLayers);
  EXPECT_EQ(device_of(model).find("cuda"), 0U);
  EXPECT_TRUE(notes_.empty());
}

TEST_F(Offload, AutoWithoutAGpuIsTheCpuAndOneNote) {
  emulated_machine().has_gpu = false;
  const auto model = load({});
  EXPECT_EQ(model->options().device, "cpu");
  EXPECT_EQ(device_of(model).find("cpu"), 0U);
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_NE(notes_[0].find("no usable GPU was found"), std::string::npos) << notes_[0];
  EXPECT_TRUE(same_bits(logits_of(model), logits_of(load({.device = "cpu"}))));
  // What was asked for by name is an error.
  EXPECT_EQ(refused({.device = "cuda"}).code, ErrorCode::kDeviceError);
  EXPECT_EQ(refused({.device = "cuda", .gpu_layers = 2}).code, ErrorCode::kDeviceError);
  EXPECT_EQ(refused({.device = "cpu", .gpu_layers = 2}).code, ErrorCode::kInvalidArgument);
}

// Once loaded, a model stays on its devices.
TEST_F(Offload, AGpuThatGoesLeavesNoHalfOfAModelBehind) {
  const auto model = load({.gpu_layers = 1});
  emulated_machine().has_gpu = false;
  const auto context = Context::create(model, {.n_ctx = 32});
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error().code, ErrorCode::kDeviceError);
}

TEST_F(Offload, AModelThatDoesNotFitTheGpuSaysWhatItWanted) {
  emulated_machine().memory_bytes = 1000;
  EXPECT_EQ(refused({.device = "cuda", .gpu_layers = 2}).code, ErrorCode::kOutOfMemory);
}

TEST_F(Offload, PackedWeightsAreKeptForTheLayersOfTheCpu) {
  const std::string kept = folder_.path("kept");
  std::filesystem::create_directories(kept);
  const auto files = [&] {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(kept)) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  };
  load({.device = "cuda", .packed_cache = kept});
  EXPECT_TRUE(files().empty());
  const Logits fresh = logits_of(load({.device = "cuda", .gpu_layers = 1, .packed_cache = kept}));
  EXPECT_EQ(files(), std::vector<std::string>{"model.gguf.from-1.packed"});
  EXPECT_TRUE(
      same_bits(fresh, logits_of(load({.device = "cuda", .gpu_layers = 1, .packed_cache = kept}))));
  EXPECT_TRUE(notes_.empty());
}

}  // namespace
}  // namespace weft::test
