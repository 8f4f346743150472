// Sessions across processes: infer run --save-session, then --load-session in another one.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/random.h"
#include "tests/support/temp_folder.h"
#include "tests/tools/program.h"

namespace weft {
namespace {

using nlohmann::json;
using test::ProgramRun;
using test::run_infer;
using Words = std::vector<std::string>;

const std::string kFixtures = WEFT_SOURCE_DIR "/tests/fixtures/";
const std::string kModel = kFixtures + "weft-mini-llama-F32.gguf";

Words joined(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

json run_json(const Words& words) {
  const ProgramRun run = run_infer(joined(words, {"--json"}));
  EXPECT_EQ(run.exit_code, 0) << run.err;
  return run.exit_code == 0 ? json::parse(run.out) : json();
}

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

TEST(CliSession, ItGoesOnInAnotherProcessAsIfItHadNeverStopped) {
  const test::TempFolder folder;
  const std::string file = folder.path("s");
  const Words sampled = {"--temperature",      "1",   "--top-k", "0",
                         "--presence-penalty", "0.7", "--seed",  "11",
                         "--repeat-penalty",   "1.2"};
  for (const std::string name :
       {"weft-mini-llama-F32", "weft-mini-qwen3-Q8_0", "weft-mini-llama3-F16"}) {
    const Words prompt = {"run", kFixtures + name + ".gguf", "Once upon a time there was"};
    const json whole = run_json(joined(joined(prompt, sampled), {"-n", "60"}));
    json first = run_json(joined(joined(prompt, sampled), {"-n", "25", "--save-session", file}));
    // What it is drawn with comes from the file; threads and steps change nothing.
    const json second = run_json({"run", prompt[1], "--load-session", file, "-n", "20", "--threads",
                                  "1", "--save-session", file});
    const json third = run_json({"run", prompt[1], "--load-session", file, "-n", "15"});
    std::vector<int> ids = first["ids"];
    for (const json* part : {&second, &third}) {
      for (const int id : (*part)["ids"]) ids.push_back(id);
    }
    EXPECT_EQ(ids, whole["ids"].get<std::vector<int>>()) << name;
    EXPECT_EQ(first["text"].get<std::string>() + second["text"].get<std::string>() +
                  third["text"].get<std::string>(),
              whole["text"].get<std::string>());
    EXPECT_EQ(folder.file_count(), 1u);
  }
}

TEST(CliSession, APromptGoesBehindIt) {
  const test::TempFolder folder;
  const std::string file = folder.path("s");
  const Words greedy = {"--temperature", "0", "-n", "10"};
  const json first = run_json(joined({"run", kModel, "One two", "--save-session", file}, greedy));
  const json next = run_json({"run", kModel, "three", "--load-session", file, "-n", "10"});
  std::vector<int> before = first["prompt_ids"];
  for (const int id : first["ids"]) before.push_back(id);
  const std::vector<int> all = next["prompt_ids"];
  ASSERT_GT(all.size(), before.size());
  EXPECT_TRUE(std::equal(before.begin(), before.end(), all.begin()));
}

TEST(CliSession, FlagsGoBeforeWhatTheSessionSays) {
  const test::TempFolder folder;
  const std::string file = folder.path("s");
  run_json({"run", kModel, "Hi", "--temperature", "1", "--seed", "3", "-n", "10", "--save-session",
            file});
  const Words resumed = {"run", kModel, "--load-session", file, "-n", "30"};
  EXPECT_EQ(run_json(resumed)["ids"], run_json(joined(resumed, {"--seed", "3"}))["ids"]);
  EXPECT_NE(run_json(resumed)["ids"], run_json(joined(resumed, {"--seed", "4"}))["ids"]);
  EXPECT_NE(run_json(resumed)["ids"], run_json(joined(resumed, {"--temperature", "0"}))["ids"]);
}

TEST(CliSession, KvOfAnotherTypeIsComputedAgainAndSaid) {
  const test::TempFolder folder;
  const std::string file = folder.path("s");
  const std::string prompt(40, 'x');
  run_json({"run", kModel, prompt, "-n", "10", "--kv-type", "f32", "--save-session", file});
  const Words resumed = {"run", kModel, "--load-session", file, "-n", "5"};
  const auto said = [&](const std::string& type) {
    const ProgramRun run = run_infer(joined(resumed, {"--kv-type", type}));
    EXPECT_EQ(run.exit_code, 0) << run.err;
    const size_t at = run.err.find("[session of ");
    return run.err.substr(at, run.err.find('\n', at) - at);
  };
  const std::string same = said("f32"), other = said("bf16");
  const std::string tokens = other.substr(12, other.find(' ', 12) - 12);
  EXPECT_EQ(other, "[session of " + tokens + " tokens, " + tokens + " to be computed again]");
  EXPECT_NE(same, other);
}

// One line on stderr that names the file, nothing on stdout, and no other file.
void expect_refused(const ProgramRun& run, const std::string& part) {
  EXPECT_EQ(run.exit_code, 1) << part;
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
  EXPECT_NE(run.err.find(part), std::string::npos) << run.err;
}

TEST(CliSession, WhatIsNoSessionOfThisModelIsRefused) {
  const test::TempFolder folder;
  const std::string file = folder.path("s");
  const Words resumed = {"run", kModel, "--load-session", file, "-n", "5"};
  expect_refused(run_infer(resumed), file + ": ");
  run_json({"run", kModel, "Once upon a time there was", "-n", "30", "--save-session", file});
  const std::string whole = file_text(file);
  Words other = resumed;
  other[1] = kFixtures + "weft-mini-qwen3-Q8_0.gguf";
  expect_refused(run_infer(other), "the session of another model");
  expect_refused(run_infer(joined(resumed, {"--ctx-size", "12"})), "the context holds 12");
  expect_refused(run_infer(joined(resumed, {"--save-session", folder.path("no/s")})), "no/s: ");

  write(file, whole.substr(0, whole.size() - 1));
  expect_refused(run_infer(resumed), file + ": cut off or damaged: ");
  write(file, whole.substr(0, 50));
  expect_refused(run_infer(resumed), file + ": not a session, or cut off: 50 bytes");
  write(file, "WEFTSES1" + whole.substr(8));
  expect_refused(run_infer(resumed), file + ": a session of version 1, from an older weft");
  write(file, file_text(kModel));
  expect_refused(run_infer(resumed), file + ": not a session: it does not begin with WEFTSESS");
  test::Random random(1);
  for (int i = 0; i < 20; ++i) {
    std::string damaged = whole;
    const auto at = static_cast<size_t>(16 + random.below(static_cast<int32_t>(whole.size()) - 16));
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.below(8)));
    write(file, damaged);
    expect_refused(run_infer(resumed), file + ": damaged: ");
  }
}

TEST(CliSession, AFullDiskLeavesTheOldSession) {
  const test::TempFolder folder;
  const std::string file = folder.path("s");
  const Words run = {"run",
                     kModel,
                     "Once upon a time there was",
                     "-n",
                     "30",
                     "--temperature",
                     "0",
                     "--save-session",
                     file};
  run_json(run);
  const std::string whole = file_text(file);
  const ProgramRun full = run_infer(run, {.file_limit_bytes = static_cast<int>(whole.size() / 2)});
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_NE(full.err.find(file + ": cannot write"), std::string::npos) << full.err;
  EXPECT_EQ(file_text(file), whole);
  EXPECT_EQ(folder.file_count(), 1u);
}

}  // namespace
}  // namespace weft
