// `infer batch` as its users see it: the same bytes however it is run, a bad line harms no other,
// and an interrupted run can go on.
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/temp_folder.h"
#include "tests/support/test_data.h"
#include "tests/tools/program.h"
#include "tests/tools/trace_check.h"

namespace weft {
namespace {

using nlohmann::json;
using test::ProgramRun;
using test::run_infer;
using test::TempFolder;

const std::string kModel = WEFT_SOURCE_DIR "/tests/fixtures/weft-mini-llama-F32.gguf";
constexpr int kFixtureVocab = 96;

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  return lines;
}

// Requests that differ in everything that can differ, many with a common beginning. Most prompts
// are ids below `n_vocab`, since a small vocabulary takes few texts apart.
std::string mixed_requests(int count, int n_vocab) {
  std::mt19937 random(7);
  const auto pick = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  std::vector<int> common(40);
  for (int& id : common) id = pick(3, n_vocab - 1);
  std::string text;
  for (int i = 0; i < count; ++i) {
    json request = {{"id", "r" + std::to_string(i)},
                    {"max_tokens", pick(1, 24)},
                    {"temperature", pick(0, 3) * 0.5},
                    {"seed", random()}};
    if (pick(0, 4) == 0) {
      request["prompt"] = "a b c d " + std::to_string(i);
    } else {
      std::vector<int> ids(common.begin(), common.begin() + pick(0, 1) * pick(1, 40));
      for (int n = pick(1, 40); n > 0; --n) ids.push_back(pick(3, n_vocab - 1));
      request["tokens"] = ids;
    }
    if (pick(0, 2) == 0) request["top_k"] = pick(0, 20);
    if (pick(0, 3) == 0) request["top_p"] = 0.5;
    if (pick(0, 4) == 0) request["min_p"] = 0.05;
    if (pick(0, 4) == 0) request["repetition_penalty"] = 1.3;
    if (pick(0, 4) == 0) request["frequency_penalty"] = 0.4;
    if (pick(0, 3) == 0) request["stop"] = {"e", "the"};
    if (pick(0, 5) == 0) request["stop_ids"] = {pick(3, n_vocab - 1)};
    if (pick(0, 6) == 0) request["n"] = pick(2, 5);
    if (pick(0, 4) == 0) request["logprobs"] = pick(0, 3);
    if (pick(0, 6) == 0) request["prompt_logprobs"] = true;
    if (pick(0, 4) == 0) request["ignore_eos"] = true;
    if (pick(0, 3) == 0) request["priority"] = pick(0, 1) == 0 ? "low" : "urgent";
    text += request.dump() + "\n";
  }
  return text;
}

struct Batch {
  TempFolder folder;
  std::string model = kModel;

  ProgramRun run(const std::string& out, std::vector<std::string> flags = {},
                 const test::ProgramInput& input = {}) {
    std::vector<std::string> arguments = {"batch", model, folder.path("in.jsonl"), "-o",
                                          out == "-" ? out : folder.path(out)};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return run_infer(arguments, input);
  }
  void requests(const std::string& text) { write_text(folder.path("in.jsonl"), text); }
  std::string results(const std::string& out) { return file_text(folder.path(out)); }

  void expect_same_however_it_is_run() {
    ASSERT_EQ(run("ref").exit_code, 0);
    const auto lines = lines_of(results("ref"));
    EXPECT_EQ(lines.size(), 200u);
    for (const json& line : lines) EXPECT_EQ(line["error"], nullptr) << line;
    const std::vector<std::vector<std::string>> ways = {
        {"--parallel", "1"},
        {"--parallel", "64", "--max-batch-tokens", "16"},
        {"--parallel", "64", "--max-batch-tokens", "512", "--threads", "1"},
        {"--kv-blocks", "12"},  // hardly more than the largest request: preemptions
        {"--kv-blocks", "40", "--no-prefix-cache", "--parallel", "7"},
        {"--block-size", "8", "--max-batch-tokens", "1"},
    };
    for (size_t i = 0; i < ways.size(); ++i) {
      const std::string out = "way" + std::to_string(i);
      const ProgramRun ran = run(out, ways[i]);
      EXPECT_EQ(ran.exit_code, 0) << ran.err;
      EXPECT_EQ(results("ref"), results(out)) << ways[i][0] << " " << ways[i][1];
    }
  }
};

TEST(Batch, SameBytesHoweverItIsRun) {
  Batch batch;
  batch.requests(mixed_requests(200, kFixtureVocab));
  batch.expect_same_however_it_is_run();
}

TEST(Batch, SameBytesHoweverItIsRunOnStories) {
  WEFT_NEED_TEST_DATA("models/stories260K.gguf");
  Batch batch;
  batch.model = (test::test_data_folder() / "models/stories260K.gguf").string();
  batch.requests(mixed_requests(200, 512));
  batch.expect_same_however_it_is_run();
}

TEST(Batch, BadLineIsAnErrorInItsOwnLine) {
  Batch batch;
  batch.requests(
      "{\"id\": \"first\", \"tokens\": [1, 5], \"max_tokens\": 3}\n"
      "nonsense\n"
      "\n"
      "{\"id\": 4, \"prompt\": \"a\", \"max_tokens\": 0}\n"
      "{\"prompt\": \"\\ud800\"}\n"
      "{\"prompt\": \"\xff\"}\n"
      "{\"tokens\": [99999]}\n"
      "{\"tokens\": [5], \"max_tokens\": 2000000000}\n"
      "{\"id\": \"last\", \"tokens\": [1, 5], \"max_tokens\": 3}");
  const ProgramRun ran = batch.run("out");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const auto lines = lines_of(batch.results("out"));
  ASSERT_EQ(lines.size(), 8u);
  const json ids = {"first", 2, 4, 5, 6, 7, 8, "last"};
  const std::vector<std::string> codes = {"",
                                          "invalid_argument",
                                          "invalid_argument",
                                          "invalid_argument",
                                          "invalid_utf8",
                                          "token_out_of_range",
                                          "context_overflow",
                                          ""};
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i]["id"], ids[i]);
    if (codes[i].empty()) {
      EXPECT_EQ(lines[i]["error"], nullptr);
      EXPECT_EQ(lines[i]["tokens"], lines[0]["tokens"]);
    } else {
      EXPECT_EQ(lines[i]["error"]["code"], codes[i]) << lines[i];
      EXPECT_EQ(lines[i]["tokens"], nullptr);
    }
  }
}

TEST(Batch, ResumedRunDoesOnlyWhatIsMissing) {
  Batch batch;
  batch.requests(mixed_requests(40, kFixtureVocab));
  ASSERT_EQ(batch.run("ref").exit_code, 0);
  const std::string whole = batch.results("ref");
  // Nothing yet, a torn line, between two lines, all but the last byte, all.
  size_t line_end = 0;
  for (int i = 0; i < 15; ++i) line_end = whole.find('\n', line_end) + 1;
  for (const size_t kept : {size_t{0}, line_end + 20, line_end, whole.size() - 1, whole.size()}) {
    write_text(batch.folder.path("part"), whole.substr(0, kept));
    const ProgramRun ran =
        batch.run("part", {"--resume", "--stats", batch.folder.path("stats.json")});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(batch.results("part"), whole) << kept;
    const json stats = json::parse(batch.results("stats.json"));
    EXPECT_EQ(stats["requests"].get<int>() + stats["resumed"].get<int>(), 40);
    EXPECT_EQ(stats["resumed"], std::count(whole.begin(), whole.begin() + kept, '\n'));
  }
}

TEST(Batch, ResultsOfOtherRequestsAreNotResumed) {
  Batch batch;
  batch.requests(mixed_requests(3, kFixtureVocab));
  for (const std::string there : {"{\"id\":\"other\",\"error\":null}\n", "what is this\n"}) {
    write_text(batch.folder.path("out"), there);
    const ProgramRun ran = batch.run("out", {"--resume"});
    EXPECT_EQ(ran.exit_code, 1);
    EXPECT_NE(ran.err.find("cannot resume"), std::string::npos) << ran.err;
    EXPECT_EQ(batch.results("out"), there);
  }
}

TEST(Batch, ResultsThatAreThereAreNotLostByMistake) {
  Batch batch;
  batch.requests(mixed_requests(3, kFixtureVocab));
  write_text(batch.folder.path("out"), "precious\n");
  const ProgramRun refused = batch.run("out");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("--overwrite"), std::string::npos) << refused.err;
  EXPECT_EQ(batch.results("out"), "precious\n");
  EXPECT_EQ(batch.run("out", {"--overwrite"}).exit_code, 0);
  EXPECT_EQ(lines_of(batch.results("out")).size(), 3u);
  EXPECT_EQ(batch.run("in.jsonl", {"--overwrite"}).exit_code, 1);
  EXPECT_EQ(batch.results("in.jsonl"), mixed_requests(3, kFixtureVocab));
}

TEST(Batch, InterruptLeavesWholeLinesOfTheSameResults) {
  Batch batch;
  std::string long_requests;
  for (int i = 0; i < 50; ++i) {
    long_requests += R"({"tokens": [1, 5], "max_tokens": 2000, "ignore_eos": true})"
                     "\n";
  }
  batch.requests("{\"tokens\": [1, 5], \"max_tokens\": 2}\n" + long_requests);
  const std::vector<std::string> flags = {"--parallel", "2"};
  const ProgramRun ran = batch.run("-", flags, {.interrupt = test::Interrupt::kAtFirstOutput});
  EXPECT_EQ(ran.exit_code, 130) << ran.err;
  EXPECT_TRUE(ran.out.ends_with('\n'));
  const auto lines = lines_of(ran.out);
  EXPECT_GE(lines.size(), 1u);
  EXPECT_LT(lines.size(), 51u);
  for (const json& line : lines) EXPECT_EQ(line["error"], nullptr);
}

TEST(Batch, SeveralSamplesAreThoseOfTheirIndexes) {
  Batch batch;
  batch.requests(
      "{\"tokens\": [1, 5], \"max_tokens\": 8, \"n\": 5, \"logprobs\": 2}\n"
      "{\"tokens\": [1, 5], \"max_tokens\": 8, \"logprobs\": 2}\n");
  ASSERT_EQ(batch.run("wide").exit_code, 0);
  ASSERT_EQ(batch.run("narrow", {"--parallel", "2"}).exit_code, 0);
  EXPECT_EQ(batch.results("wide"), batch.results("narrow"));
  const auto lines = lines_of(batch.results("wide"));
  const json& choices = lines[0]["choices"];
  ASSERT_EQ(choices.size(), 5u);
  EXPECT_EQ(choices[0]["tokens"], lines[1]["tokens"]);
  EXPECT_EQ(choices[0]["logprobs"], lines[1]["logprobs"]);
  EXPECT_NE(choices[0]["tokens"], choices[1]["tokens"]);
  EXPECT_EQ(lines[1]["logprobs"][0]["top"].size(), 2u);
}

TEST(Batch, TraceShowsEveryStepSequenceChunkAndPreemption) {
  Batch batch;
  batch.requests(mixed_requests(60, kFixtureVocab));
  ASSERT_EQ(batch.run("plain").exit_code, 0);
  const ProgramRun ran = batch.run(
      "traced", {"--kv-blocks", "12", "--parallel", "8", "--trace", batch.folder.path("trace.json"),
                 "--stats", batch.folder.path("stats.json")});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(batch.results("plain"), batch.results("traced"));
  const json stats = json::parse(batch.results("stats.json"));

  const test::TraceSummary trace = test::check_trace(batch.results("trace.json"));
  int prompt_tokens = 0, decodes = 0, generated = 0;
  const auto steps = trace.named("step"), requests = trace.named("request ");
  for (const auto& step : steps) {
    decodes += step.args["decodes"].get<int>();
    prompt_tokens += step.args["prompt_tokens"].get<int>();
  }
  for (const auto& request : requests) {
    EXPECT_EQ(request.depth, 0);
    generated += request.args["generated_tokens"].get<int>();
  }
  for (const auto& chunk : trace.named("prompt chunk")) {
    EXPECT_EQ(chunk.depth, 1);
    prompt_tokens -= chunk.args["tokens"].get<int>();
  }
  for (const auto& decode : trace.named("decode")) {
    EXPECT_EQ(decode.depth, 1);
    decodes -= decode.args["tokens"].get<int>();
  }
  EXPECT_EQ(std::ssize(steps), stats["steps"].get<int>());
  EXPECT_EQ(trace.counters.at("requests"), std::ssize(steps));
  EXPECT_EQ(trace.counters.at("KV blocks"), std::ssize(steps));
  // What the steps computed is what the sequences show.
  EXPECT_EQ(prompt_tokens, 0);
  EXPECT_EQ(decodes, 0);
  EXPECT_GT(trace.instants.at("preempted"), 0);
  EXPECT_EQ(trace.instants.at("preempted"), stats["preemptions"].get<int>());
  EXPECT_GE(std::ssize(requests), 60);
  EXPECT_GE(generated, stats["generated_tokens"].get<int>());
  EXPECT_LE(trace.track_names.size(), 13u);  // 8 at once, and their samples
}

}  // namespace
}  // namespace weft
