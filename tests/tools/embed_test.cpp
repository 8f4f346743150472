// infer embed and infer rank as their users see them.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "api/engine.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_data.h"
#include "tests/tools/program.h"

namespace weft {
namespace {

using nlohmann::json;
using test::run_infer;

const std::string kModel = WEFT_SOURCE_DIR "/tests/fixtures/weft-mini-llama-F32.gguf";

std::vector<json> json_lines(const std::string& text) {
  std::vector<json> objects;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) objects.push_back(json::parse(line));
  return objects;
}

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::vector<float>> by_the_engine(const std::vector<std::string>& texts,
                                              const EmbedOptions& options) {
  auto engine = Engine::create(Model::load(kModel).value(), {.num_blocks = 64});
  EXPECT_TRUE(engine) << engine.error().message;
  return (*engine)->embed(texts, options).value();
}

const std::vector<std::string> kTexts = {"one", "two two", "", "and three"};
const std::string kLines = "one\ntwo two\n\nand three\n";

TEST(CliEmbed, GivesTheEnginesVectorsInTheOrderOfTheLines) {
  const auto expected = by_the_engine(kTexts, {});
  const auto run = run_infer({"embed", kModel}, {.in = kLines});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const auto lines = json_lines(run.out);
  ASSERT_EQ(lines.size(), kTexts.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i]["index"], i);
    EXPECT_EQ(lines[i]["embedding"].get<std::vector<float>>(), expected[i]);
  }
  EXPECT_NE(run.err.find("[4 texts | "), std::string::npos) << run.err;
  // Whatever the batch and however the text comes: the same bytes.
  const test::TempFolder folder;
  std::ofstream(folder.path("in")) << kLines.substr(0, kLines.size() - 1);
  EXPECT_EQ(run_infer({"embed", kModel, folder.path("in"), "--parallel", "1", "--max-batch-tokens",
                       "1", "--no-prefix-cache"})
                .out,
            run.out);
}

TEST(CliEmbed, PoolingAndLengthAreAsAskedFor) {
  for (const char* name : {"last", "mean", "first", "max"}) {
    const auto expected =
        by_the_engine(kTexts, {.pooling = find_pooling(name), .normalize = false});
    const auto run =
        run_infer({"embed", kModel, "--pooling", name, "--no-normalize"}, {.in = kLines});
    const auto lines = json_lines(run.out);
    ASSERT_EQ(lines.size(), expected.size()) << run.err;
    EXPECT_EQ(lines[1]["embedding"].get<std::vector<float>>(), expected[1]) << name;
  }
  EXPECT_EQ(run_infer({"embed", kModel, "--pooling", "cls"}, {.in = kLines}).exit_code, 2);
}

TEST(CliEmbed, WritesAnArrayThatNumpyReads) {
  const test::TempFolder folder;
  const std::string path = folder.path("x.npy");
  ASSERT_EQ(run_infer({"embed", kModel, "-o", path}, {.in = kLines}).exit_code, 0);
  const std::string bytes = file_text(path);
  ASSERT_GT(bytes.size(), 10u);
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  const size_t length =
      static_cast<unsigned char>(bytes[8]) + 256u * static_cast<unsigned char>(bytes[9]);
  EXPECT_EQ((10 + length) % 64, 0u);
  const auto expected = by_the_engine(kTexts, {});
  const std::string header = bytes.substr(10, length);
  EXPECT_TRUE(header.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (4, " +
                                 std::to_string(expected[0].size()) + "), }"))
      << header;
  EXPECT_EQ(header.back(), '\n');
  std::vector<float> values((bytes.size() - 10 - length) / sizeof(float));
  std::memcpy(values.data(), bytes.data() + 10 + length, values.size() * sizeof(float));
  std::vector<float> all;
  for (const auto& vector : expected) all.insert(all.end(), vector.begin(), vector.end());
  EXPECT_EQ(values, all);
}

TEST(CliEmbed, JsonGoesToAFileToo) {
  const test::TempFolder folder;
  ASSERT_EQ(run_infer({"embed", kModel, "-o", folder.path("x.jsonl")}, {.in = kLines}).exit_code,
            0);
  EXPECT_EQ(file_text(folder.path("x.jsonl")), run_infer({"embed", kModel}, {.in = kLines}).out);
}

TEST(CliEmbed, WhatCannotBeIsSaidAndLeavesNothing) {
  const test::TempFolder folder;
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& in,
                           const std::string& part) {
    std::vector<std::string> all = {"embed", kModel, "-o", folder.path("x.npy")};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const auto run = run_infer(all, {.in = in});
    EXPECT_EQ(run.exit_code, 1);
    EXPECT_NE(run.err.find(part), std::string::npos) << run.err;
    EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
    EXPECT_EQ(folder.file_count(), 0u);
  };
  refused({"--no-bos"}, "a\n\nb\n", "line 2: prompt: empty");
  refused({"--kv-blocks", "2"}, "a\n" + std::string(100, 'x') + "\n", "line 2: ");
  refused({folder.path("none")}, "", "none");
  EXPECT_EQ(run_infer({"embed", kModel, "-o", folder.path("no/x")}, {.in = kLines}).exit_code, 1);
  const auto full = run_infer({"embed", kModel, "-o", folder.path("full.npy")},
                              {.in = kLines, .file_limit_bytes = 300});
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_EQ(folder.file_count(), 0u);
  EXPECT_EQ(run_infer({"embed", kModel}, {.in = kLines, .out_path = "/dev/full"}).exit_code, 1);
}

TEST(CliEmbed, NoLinesAreNoVectors) {
  const auto run = run_infer({"embed", kModel}, {.in = ""});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "");
}

const std::string kStory =
    "Lily had a red ball.\n"
    "\n"
    "The sun was hot and the sky was blue.\n"
    "Tom and his dog ran to the park.\n"
    "Lily had a red ball.\n";

TEST(CliRank, TheLineThatIsTheQueryComesFirstAndTiesInOrder) {
  const auto run =
      run_infer({"rank", kModel, "--query", "Lily had a red ball.", "--normalize", "-o", "json"},
                {.in = kStory});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const auto lines = json_lines(run.out);
  ASSERT_EQ(lines.size(), 4u);  // the blank one is passed over
  EXPECT_EQ(lines[0]["line"], 1);
  EXPECT_EQ(lines[1]["line"], 5);
  EXPECT_NEAR(lines[0]["score"].get<double>(), 1, 1e-5);
  EXPECT_EQ(lines[0]["score"], lines[1]["score"]);
  EXPECT_EQ(lines[0]["text"], "Lily had a red ball.");
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(lines[i]["rank"], i + 1);
  EXPECT_GE(lines[1]["score"], lines[2]["score"]);
  EXPECT_GE(lines[2]["score"], lines[3]["score"]);
}

TEST(CliRank, TextIsScoreLineAndText) {
  const auto run =
      run_infer({"rank", kModel, "--query", "Lily had a red ball.", "-k", "1"}, {.in = kStory});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(std::ranges::count(run.out, '\n'), 1);
  EXPECT_TRUE(run.out.ends_with("       1  Lily had a red ball.\n")) << run.out;
}

// More lines than are scored at once, on several threads: the same bytes.
TEST(CliRank, ThreadsAndBatchesChangeNothing) {
  std::string many;
  for (int i = 0; i < 200; ++i) many += "Line " + std::to_string(i * 7919 % 200) + " is here\n";
  const std::vector<std::string> command = {"rank", kModel, "--query", "Line 42",    "-k",
                                            "200",  "-o",   "json",    "--symmetric"};
  const auto with = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> all = command;
    all.insert(all.end(), flags.begin(), flags.end());
    return run_infer(all, {.in = many});
  };
  const auto one = with({"--threads", "1"});
  EXPECT_EQ(json_lines(one.out).size(), 200u) << one.err;
  EXPECT_EQ(with({"--threads", "3", "--parallel", "5"}).out, one.out);
}

TEST(CliRank, RealStoriesAreFound) {
  WEFT_NEED_TEST_DATA("models/stories260K.gguf");
  const std::string model = (test::test_data_folder() / "models/stories260K.gguf").string();
  const auto run =
      run_infer({"rank", model, "--query", "the little dog ran", "-k", "1"}, {.in = kStory});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(run.out.ends_with("Tom and his dog ran to the park.\n")) << run.out;
}

TEST(CliRank, WhatCannotBeIsSaid) {
  EXPECT_EQ(run_infer({"rank", kModel}, {.in = kStory}).exit_code, 2);
  EXPECT_EQ(run_infer({"rank", kModel, "-q", "x", "-k", "0"}, {.in = kStory}).exit_code, 2);
  const auto none = run_infer({"rank", kModel, "-q", "", "--no-bos"}, {.in = kStory});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_NE(none.err.find("prompt: empty"), std::string::npos) << none.err;
  EXPECT_EQ(run_infer({"rank", kModel, "-q", "x"}, {.in = ""}).out, "");
}

}  // namespace
}  // namespace weft
