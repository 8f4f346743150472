// Models whose packed weights are kept between loads: the same ids, whatever the cache holds.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "api/model.h"
#include "tests/support/cpu_isas.h"
#include "tests/support/fixtures.h"
#include "tests/support/temp_folder.h"

namespace weft {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<int32_t>;

class PackedCache : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::copy_file(test::fixtures_folder() / "weft-mini-qwen3-Q8_0.gguf", model_);
    expected_ = generate("");
    ASSERT_EQ(expected_.size(), 24U);
  }

  // What the model generates, loaded with packed weights kept in `cache`.
  Ids generate(const std::string& cache, const std::string& isa = "",
               const std::string& activations = "i16") {
    ModelOptions options{.threads = 1, .isa = isa, .activations = activations};
    options.packed_cache = cache;
    options.on_note = [this](const std::string& note) { notes_.push_back(note); };
    const auto model = Model::load(model_, options);
    EXPECT_TRUE(model) << model.error().message;
    const auto context = Context::create(*model, {.n_ctx = 64});
    EXPECT_TRUE(context);
    return (*context)->generate(Ids{5, 17, 33, 60, 12}, {.max_tokens = 24})->ids;
  }
  Ids generate() { return generate(folder_.path("."), ""); }

  fs::file_time_type made() const { return fs::last_write_time(cache_); }

  // One note, of the cache's file.
  void expect_note(const std::string& part) {
    ASSERT_EQ(notes_.size(), 1U);
    EXPECT_NE(notes_[0].find(cache_), std::string::npos) << notes_[0];
    EXPECT_NE(notes_[0].find(part), std::string::npos) << notes_[0];
    notes_.clear();
  }

  const test::TempFolder folder_;
  const std::string model_ = folder_.path("m.gguf");
  const std::string cache_ = folder_.path("./m.gguf.packed");
  Ids expected_;
  std::vector<std::string> notes_;
};

TEST_F(PackedCache, IsMadeOnceAndUsedFromThenOn) {
  EXPECT_EQ(folder_.file_count(), 1U) << "only where it is asked for";
  EXPECT_EQ(generate(), expected_);
  const auto first = made();
  EXPECT_EQ(folder_.file_count(), 2U);
  EXPECT_EQ(generate(), expected_);
  EXPECT_EQ(made(), first);
  EXPECT_TRUE(notes_.empty());
}

TEST_F(PackedCache, IsOneForEveryInstructionSet) {
  generate();
  const auto first = made();
  for (const std::string& isa : test::cpu_isas()) {
    const Ids alone = generate("", isa);
    EXPECT_EQ(generate(folder_.path("."), isa), alone) << isa;
  }
  EXPECT_EQ(made(), first);
  EXPECT_TRUE(notes_.empty());
}

TEST_F(PackedCache, WeightsThatAreNotPackedNeedNone) {
  const Ids alone = generate("", "", "f32");
  EXPECT_EQ(generate(folder_.path("."), "", "f32"), alone);
  EXPECT_EQ(folder_.file_count(), 1U);
}

TEST_F(PackedCache, ChangedModelsHaveNewOnes) {
  generate();
  // Touched.
  fs::last_write_time(model_, fs::last_write_time(model_) + std::chrono::seconds(1));
  EXPECT_EQ(generate(), expected_);
  expect_note("made anew: they are of");
  EXPECT_EQ(generate(), expected_);
  EXPECT_TRUE(notes_.empty());

  // Other weights of the same size, with the old time.
  const auto time = fs::last_write_time(model_);
  {
    std::fstream file(model_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1000, std::ios::end);
    file.put('\x55');
  }
  fs::last_write_time(model_, time);
  const Ids other = generate("");
  EXPECT_EQ(generate(), other);
  expect_note("made anew: they are of");

  // Longer.
  std::ofstream(model_, std::ios::app | std::ios::binary) << std::string(64, '\0');
  EXPECT_EQ(generate(), other);
  expect_note("made anew: they are of");
}

TEST_F(PackedCache, DamagedOrCutItIsMadeAnew) {
  generate();
  const auto size = fs::file_size(cache_);
  {
    std::fstream file(cache_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size / 2));
    file.put('\x55').put('\xaa').put('\x55');
  }
  EXPECT_EQ(generate(), expected_);
  expect_note("is damaged");
  EXPECT_EQ(fs::file_size(cache_), size);
  fs::resize_file(cache_, size / 2);
  EXPECT_EQ(generate(), expected_);
  expect_note("cut off");
  EXPECT_EQ(generate(), expected_);
  EXPECT_TRUE(notes_.empty());
}

TEST_F(PackedCache, WithoutItsFolderTheModelLoadsAllTheSame) {
  EXPECT_EQ(generate(folder_.path("no/such")), expected_);
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_NE(notes_[0].find("packed weights are not kept"), std::string::npos) << notes_[0];
}

TEST_F(PackedCache, IsNotForModelsThatMustNotBeMapped) {
  const auto model = Model::load(model_, {.use_mmap = false, .packed_cache = folder_.path(".")});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace weft
