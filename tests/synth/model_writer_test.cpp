#include "tools/synth/model_writer.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/text/tokenizer.h"
#include "gguf/file.h"
#include "gguf/model_loader.h"
#include "tests/support/temp_folder.h"
#include "tools/synth/tensor_plan.h"
#include "tools/synth/weights.h"

namespace weft::synth {
namespace {

SynthOptions small(const std::string& shape, const std::string& type) {
  SynthOptions options;
  options.shape = find_shape(shape).value();
  options.shape.n_layers = 1;
  options.shape.n_vocab = 512;
  options.type = find_file_type(type).value();
  return options;
}

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class ModelWriterTest : public ::testing::Test {
 protected:
  std::string write(const SynthOptions& options, const std::string& name = "out.gguf") {
    const std::string path = folder_.path(name);
    const auto written = write_synthetic_model(options, path);
    EXPECT_TRUE(written) << written.error().message;
    return path;
  }

  // Writes the shape with one layer and a small vocabulary, and loads it again.
  void expect_loads(const std::string& name, const std::string& type) {
    SCOPED_TRACE(name + " " + type);
    const Shape shape = find_shape(name).value();
    const SynthOptions options = small(shape.name, type);
    const auto file = gguf::File::open(write(options));
    ASSERT_TRUE(file) << file.error().message;
    const auto model = gguf::load_model(*file);
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_TRUE(model->warnings.empty()) << model->warnings.front();

    const ModelConfig& config = model->config;
    EXPECT_EQ(config.architecture, shape.architecture);
    EXPECT_EQ(config.n_embd, shape.n_embd);
    EXPECT_EQ(config.n_vocab, 512);
    EXPECT_EQ(config.n_ctx_train, shape.n_ctx);
    EXPECT_EQ(config.rms_norm_eps, shape.rms_eps);
    ASSERT_EQ(config.layers.size(), 1u);
    EXPECT_EQ(config.layers[0].n_heads, shape.n_heads);
    EXPECT_EQ(config.layers[0].n_kv_heads, shape.n_kv_heads);
    EXPECT_EQ(config.layers[0].head_dim, shape.head_dim);
    EXPECT_EQ(config.layers[0].ffn_dim, shape.ffn_dim);
    EXPECT_EQ(config.ropes[0].freq_base, shape.rope_base);
    EXPECT_EQ(model->tensors.output.present(), !shape.tied_head);
    EXPECT_EQ(model->tensors.rope_factors.present(), shape.rope_factor != 0.0f);
    EXPECT_EQ(model->tensors.layers[0].bq.present(), shape.qkv_bias);
    EXPECT_EQ(model->tensors.layers[0].q_norm.present(), shape.qk_norm);

    int64_t elements = 0;
    for (const HostTensor& tensor : file->tensors()) {
      if (tensor.name != "rope_freqs.weight") elements += tensor.elements();
    }
    EXPECT_EQ(elements, parameter_count(options.shape));
  }

  test::TempFolder folder_;
};

using SlowModelWriterTest = ModelWriterTest;

TEST_F(ModelWriterTest, EveryArchitectureLoads) {
  for (const char* shape : {"tiny", "qwen2.5-0.5b", "qwen3-0.6b"}) expect_loads(shape, "Q4_K_M");
}

TEST_F(SlowModelWriterTest, EveryShapeLoadsInTypesWideAndNarrow) {
  for (const Shape& shape : all_shapes()) {
    for (const char* type : {"Q2_K", "Q3_K_M", "Q4_0", "Q5_K_M", "Q8_0", "BF16"}) {
      expect_loads(shape.name, type);
    }
  }
}

TEST_F(ModelWriterTest, EveryTypeLoads) {
  for (const DTypeInfo& info : all_dtypes()) {
    const std::string name(info.name);
    if (!find_file_type(name)) continue;
    SynthOptions options = small("tiny", name);
    options.type = find_file_type(name, true).value();
    const std::string path = folder_.path("out.gguf");
    const auto written = write_synthetic_model(options, path);
    ASSERT_TRUE(written) << name << ": " << written.error().message;
    const gguf::File file = gguf::File::open(path).value();
    const auto model = gguf::load_model(file);
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->tensors.token_embedding.type, info.type);
    EXPECT_EQ(model->tensors.layers[0].down.type, info.type);
  }
}

TEST_F(ModelWriterTest, TheVocabularySurvivesTheFile) {
  const gguf::File file = gguf::File::open(write(small("tiny", "Q8_0"))).value();
  const gguf::LoadedModel model = gguf::load_model(file).value();
  EXPECT_EQ(model.vocab.bos_id, 1);
  EXPECT_EQ(model.vocab.eos_id, 2);
  EXPECT_TRUE(model.vocab.add_bos);
  const auto tokenizer = Tokenizer::create(model.vocab).value();
  const std::string text = "Once upon a time,\n 日本語 \x01.";
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(text).value()), text);
}

TEST_F(ModelWriterTest, TheNameSaysThatItIsSynthetic) {
  SynthOptions options = small("tiny", "Q4_K_M");
  options.seed = 7;
  const gguf::File file = gguf::File::open(write(options)).value();
  EXPECT_EQ(file.metadata().get<std::string_view>("general.name").value(),
            "weft synth tiny Q4_K_M seed 7, 1 layers, vocabulary of 512");
  EXPECT_EQ(file.metadata().get<uint32_t>("general.file_type").value(), 15u);
}

TEST_F(ModelWriterTest, BytesDependOnTheSeedAndNotOnTheThreads) {
  SynthOptions options = small("qwen2.5-0.5b", "Q4_K_M");
  const std::string one = contents(write(options, "1.gguf"));
  options.threads = 3;
  EXPECT_TRUE(one == contents(write(options, "3.gguf")));
  options.seed = 1;
  const std::string other = contents(write(options, "other.gguf"));
  EXPECT_EQ(one.size(), other.size());
  EXPECT_FALSE(one == other);
}

TEST_F(ModelWriterTest, EveryElementIsThatOfItsPlaceInTheTensor) {
  SynthOptions options = small("tiny", "F32");
  options.shape.n_vocab = 1500;  // more rows than are encoded at once
  const gguf::File file = gguf::File::open(write(options)).value();
  const HostTensor tensor = gguf::load_model(file).value().tensors.token_embedding;
  const std::vector<PlannedTensor> plan = plan_tensors(options.shape);
  ASSERT_EQ(plan[1].name, "token_embd.weight");
  std::vector<float> row(tensor.cols());
  for (const int64_t r : {300, 511, 512, 1499}) {
    random_weights(options.seed, 1, plan[1].law, r * tensor.cols(), row);
    const auto wanted = std::as_bytes(std::span(row));
    const auto stored = tensor.bytes.subspan(r * wanted.size(), wanted.size());
    EXPECT_TRUE(std::equal(stored.begin(), stored.end(), wanted.begin())) << "row " << r;
  }
}

TEST_F(ModelWriterTest, ReportsProgressUpToTheWhole) {
  SynthOptions options = small("tiny", "F32");
  int64_t last = 0, whole = 0;
  options.progress = [&](int64_t done, int64_t total) {
    EXPECT_GT(done, last);
    last = done;
    whole = total;
  };
  write(options);
  EXPECT_GT(whole, 0);
  EXPECT_EQ(last, whole);
}

TEST_F(ModelWriterTest, RefusesAFolderAndLeavesNothing) {
  std::filesystem::create_directory(folder_.path("there"));
  const auto written = write_synthetic_model(small("tiny", "F16"), folder_.path("there"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kNotAFile);
  EXPECT_FALSE(write_synthetic_model(small("tiny", "F16"), folder_.path("no/such/folder.gguf")));
  EXPECT_EQ(folder_.file_count(), 1u);
}

TEST_F(ModelWriterTest, RefusesAModelWithoutLayersOrWithATinyVocabulary) {
  SynthOptions options = small("tiny", "F16");
  options.shape.n_layers = 0;
  EXPECT_EQ(write_synthetic_model(options, folder_.path("x")).error().code,
            ErrorCode::kInvalidArgument);
  options = small("tiny", "F16");
  options.shape.n_vocab = 100;
  EXPECT_EQ(write_synthetic_model(options, folder_.path("x")).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(folder_.file_count(), 0u);
}

}  // namespace
}  // namespace weft::synth
