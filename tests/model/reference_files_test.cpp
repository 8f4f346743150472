// Model files with reference logits: the project's own, and those of the test data, whose truth
// was computed by somebody else. They hold the oracle and the engine alike.
#include <algorithm>
#include <filesystem>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "tests/model/isa_test.h"
#include "tests/support/compare.h"
#include "tests/support/fixtures.h"
#include "tests/support/model_file.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_data.h"

namespace weft::test {
namespace {

struct ReferenceFile {
  std::filesystem::path folder;
  std::string name;    // of the files, without extension
  std::string tokens;  // file of the ids

  std::filesystem::path path(const std::string& extension) const {
    return folder / (name + extension);
  }
};

void PrintTo(const ReferenceFile& reference, std::ostream* out) { *out << reference.name; }

std::vector<ReferenceFile> reference_files() {
  std::vector<ReferenceFile> files;
  for (const Fixture& fixture : fixtures()) {
    files.push_back({fixtures_folder(), fixture.name, "weft-mini.tokens"});
  }
  const auto models = test_data_folder() / "models";
  for (const char* type :
       {"F16", "IQ3_S", "IQ3_XXS", "IQ4_NL", "IQ4_XS", "MXFP4", "Q2_K", "Q3_K", "Q4_0", "Q4_1",
        "Q4_K", "Q5_0", "Q5_1", "Q5_K", "Q6_K", "Q8_0", "TQ1_0", "TQ2_0"}) {
    files.push_back({models, "mini-llama3-s11-" + std::string(type), "mini.tokens"});
  }
  for (const char* file : {"mini-llama-s11-Q4_K_M", "mini-qwen2-s11-Q4_K_M", "mini-qwen2-s11-Q8_0",
                           "mini-qwen3-s11-Q4_K_M", "mini-qwen3-s11-Q8_0"}) {
    files.push_back({models, file, "mini.tokens"});
  }
  return files;
}

// A reference file, opened.
struct Reference {
  TestModel model;
  TokenIds ids;
  Logits truth;
};

Result<Reference> open_reference(const ReferenceFile& file) {
  WEFT_TRY_ASSIGN(gguf::LoadedModel loaded, load_model_file(file.path(".gguf").string()));
  WEFT_TRY_ASSIGN(TokenIds ids, read_ids(file.folder / file.tokens));
  WEFT_TRY_ASSIGN(Logits truth, read_logits(file.path(".logits.f32"), loaded.config.n_vocab));
  return Reference{.model = {std::move(loaded.config), std::move(loaded.tensors)},
                   .ids = std::move(ids),
                   .truth = std::move(truth)};
}

class OracleOnFiles : public testing::TestWithParam<ReferenceFile> {};

TEST_P(OracleOnFiles, GivesTheirLogits) {
  WEFT_NEED_TEST_DATA(GetParam().path(".gguf"));
  const auto reference = open_reference(GetParam());
  ASSERT_TRUE(reference.has_value()) << reference.error().message;
  const DoubleMatrix logits =
      reference_logits(reference->model.config, reference->model.tensors, reference->ids);
  const LogitsDifference difference = compare_logits(logits, reference->truth);
  // The file's numbers are rounded to float32 once, by up to 2^-24 of themselves.
  EXPECT_LE(difference.max_relative, 0x1.01p-24) << difference;
}

INSTANTIATE_TEST_SUITE_P(Reference, OracleOnFiles, testing::ValuesIn(reference_files()),
                         case_name<ReferenceFile>);

// What a way to hold activations may cost over float32 keys and values (docs/performance.md).
double most_mean_kl(const std::string& activations) {
  if (activations == "f32") return kMaxMeanKl;
  if (activations == "i16") return 2e-5;
  if (activations == "bf16") return 3e-3;
  if (activations == "int8") return 2e-2;
  ADD_FAILURE() << "activations " << activations << ": how far from the truth may they be?";
  return 0;
}

using KernelsAndFile = std::tuple<CpuKernels, ReferenceFile>;

class EngineOnFiles : public testing::TestWithParam<KernelsAndFile> {
 protected:
  const CpuKernels& kernels() const { return std::get<0>(GetParam()); }
  const ReferenceFile& file() const { return std::get<1>(GetParam()); }
};

TEST_P(EngineOnFiles, GivesTheirLogits) {
  WEFT_NEED_TEST_DATA(file().path(".gguf"));
  const auto reference = open_reference(file());
  ASSERT_TRUE(reference.has_value()) << reference.error().message;
  const auto backend = make_cpu_backend(kernels());
  const auto decoder = make_decoder(reference->model, *backend);
  const Logits logits = run_chunked(*decoder, *backend, reference->ids, 0);
  const LogitsDifference difference = compare_logits(widened(reference->truth), logits);
  EXPECT_LE(difference.mean_kl, most_mean_kl(kernels().activations)) << difference;
  if (kernels().activations == "f32") {
    EXPECT_LE(difference.max_relative, kMaxRelative) << difference;
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, EngineOnFiles,
                         testing::Combine(testing::ValuesIn(cpu_kernels()),
                                          testing::ValuesIn(reference_files())),
                         [](const testing::TestParamInfo<KernelsAndFile>& test) {
                           return as_test_name(kernels_name(std::get<0>(test.param)) + "_" +
                                               std::get<1>(test.param).name);
                         });

TEST(ReferenceFiles, NoneIsOverlooked) {
  const auto folder = test_data_folder() / "models";
  WEFT_NEED_TEST_DATA(folder);
  const auto known = reference_files();
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string stem = entry.path().stem().string();
    if (entry.path().extension() != ".gguf" || !stem.starts_with("mini-")) continue;
    EXPECT_TRUE(std::any_of(known.begin(), known.end(),
                            [&](const ReferenceFile& file) { return file.name == stem; }))
        << stem << " is in " << folder << " and not in this test";
  }
}

}  // namespace
}  // namespace weft::test
