#include "gguf/check.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/gguf/tiny_model.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_data.h"

namespace weft::gguf {
namespace {

using test::Bytes;
using test::GgufBuilder;
using test::TempFolder;
using test::TinyModel;

TEST(GgufCheck, SoundModelIsOkWithItsFigures) {
  const TempFolder folder;
  const Bytes bytes = TinyModel().build();
  const CheckReport report = check_file(folder.write("m.gguf", bytes), {.deep = true});
  EXPECT_TRUE(report.ok) << report.message;
  EXPECT_EQ(report.message, "");
  EXPECT_EQ(report.architecture, "llama");
  EXPECT_EQ(report.size_bytes, bytes.size());
  EXPECT_EQ(report.tensor_count, 20u);
  EXPECT_FALSE(report.vocabulary_only);
}

TEST(GgufCheck, FirstFaultIsTheVerdict) {
  const TempFolder folder;
  TinyModel broken;
  broken.skip = "blk.1.ffn_up.weight";
  const CheckReport report = check_file(folder.write("m.gguf", broken.build()), {});
  EXPECT_FALSE(report.ok);
  EXPECT_EQ(report.code, ErrorCode::kGgufMissingTensor);
  EXPECT_EQ(report.message, "blk.1.ffn_up.weight: missing, expected shape [8, 16]");
  EXPECT_EQ(check_file(folder.path("absent"), {}).code, ErrorCode::kNotFound);
}

TEST(GgufCheck, UnknownPreTokenizerIsRefusedByName) {
  const TempFolder folder;
  const Bytes bytes = GgufBuilder()
                          .string("general.architecture", "llama")
                          .string("tokenizer.ggml.model", "gpt2")
                          .string("tokenizer.ggml.pre", "made-up")
                          .strings("tokenizer.ggml.tokens", {"a", "b", "ab"})
                          .strings("tokenizer.ggml.merges", {"a b"})
                          .build();
  const CheckReport report = check_file(folder.write("v.gguf", bytes), {});
  EXPECT_TRUE(report.vocabulary_only);
  EXPECT_EQ(report.code, ErrorCode::kUnknownPreTokenizer);
  EXPECT_NE(report.message.find("made-up"), std::string::npos);
}

// A tensor that spans several pieces, with one bad element.
Bytes model_with(float bad, size_t index) {
  constexpr size_t kElements = 8 * 40'000;
  Bytes data(kElements * sizeof(float));
  std::memcpy(data.data() + index * sizeof(float), &bad, sizeof(float));
  TinyModel tiny;
  tiny.extra.tensor("spare.weight", {8, 40'000}, DType::kF32, data);
  return tiny.build();
}

TEST(GgufCheck, DeepCheckFindsTheFirstWeightThatIsNotFinite) {
  const TempFolder folder;
  for (const float bad : {std::nanf(""), -std::numeric_limits<float>::infinity()}) {
    for (const size_t index : {size_t{0}, size_t{16'384}, size_t{319'999}}) {
      const std::string path = folder.write("m.gguf", model_with(bad, index));
      EXPECT_TRUE(check_file(path, {}).ok);
      for (const int threads : {1, 3}) {
        const CheckReport report = check_file(path, {.deep = true, .threads = threads});
        EXPECT_EQ(report.code, ErrorCode::kGgufNonFiniteWeight);
        EXPECT_EQ(report.message, "spare.weight: column " + std::to_string(index % 8) + " of row " +
                                      std::to_string(index / 8) + " is NaN or infinite");
      }
    }
  }
}

TEST(GgufCheck, ProgressOfTheDeepCheckEndsAtAll) {
  const TempFolder folder;
  const std::string path = folder.write("m.gguf", model_with(0, 0));
  uint64_t last = 0, all = 1;
  const CheckReport report = check_file(path, {.deep = true}, [&](uint64_t done, uint64_t total) {
    EXPECT_GE(done, last);
    last = done;
    all = total;
  });
  EXPECT_TRUE(report.ok) << report.message;
  EXPECT_EQ(last, all);
}

TEST(GgufCheck, EverySharedModelIsOk) {
  WEFT_NEED_TEST_DATA("models");
  for (const auto& entry :
       std::filesystem::directory_iterator(test::test_data_folder() / "models")) {
    if (entry.path().extension() != ".gguf") continue;
    const CheckReport report = check_file(entry.path().string(), {.deep = true});
    EXPECT_TRUE(report.ok) << entry.path() << ": " << report.message;
    EXPECT_TRUE(report.warnings.empty()) << entry.path() << ": " << report.warnings[0];
  }
}

}  // namespace
}  // namespace weft::gguf
