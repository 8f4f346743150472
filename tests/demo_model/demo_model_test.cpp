// The model in the box, as a user meets it: found without being named, telling, answering; and a
// real trained model for what random weights cannot show.
#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/tools/program.h"

namespace weft {
namespace {

using nlohmann::json;
using test::ProgramRun;
using test::run_infer;

const std::string kModel = WEFT_SOURCE_DIR "/models/weft-tales-3M-Q8_0.gguf";
const std::string kFolder = WEFT_SOURCE_DIR "/tests/demo_model/";

std::vector<json> json_lines(const std::string& path) {
  std::ifstream in(path);
  std::vector<json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  return lines;
}

std::vector<std::string> with(std::vector<std::string> arguments,
                              const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

const std::vector<std::string> kTale = {"run", "Once upon a time", "--temperature", "0"};

TEST(DemoModel, IsFoundAndNamedWhereNoneIsAskedFor) {
  const ProgramRun run = run_infer(kTale);
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_NE(run.err.find("using weft-tales-3M-Q8_0.gguf"), std::string::npos) << run.err;
  EXPECT_EQ(run_infer(with({"run", "-m", kModel}, {"Once upon a time", "--temperature", "0"})).out,
            run.out);
}

TEST(DemoModel, AnswersToItsName) {
  for (const std::string name : {"weft-tales", "weft tales 3m"}) {
    const ProgramRun run = run_infer({"inspect", name});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_NE(run.out.find("Apache-2.0"), std::string::npos) << run.out;
  }
}

TEST(DemoModel, FileIsSound) {
  const ProgramRun run = run_infer({"check", "--deep", kModel});
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
}

TEST(DemoModel, TellsATaleToItsEnd) {
  const ProgramRun run = run_infer(kTale);
  EXPECT_NE(run.err.find("| stop]"), std::string::npos) << run.err;
  EXPECT_GT(std::ranges::count(run.out, '.'), 3) << run.out;
}

TEST(DemoModel, AnswersOneMessage) {
  const ProgramRun run = run_infer({"run", "--chat", "What is 7 plus 5?", "--temperature", "0"});
  EXPECT_EQ(run.out, "7 plus 5 is 12.\n") << run.err;
}

TEST(DemoModel, RemembersWhatWasSaidInTheTalk) {
  const ProgramRun run =
      run_infer({"chat", "--temperature", "0"}, {.in = "My name is Nora.\nWhat is my name?\n"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(run.out.ends_with("\nYour name is Nora.\n")) << run.out;
}

// Ids of its trainer's own tokenizer, for texts of its world and strange ones.
TEST(DemoModel, TokenIdsAreThoseOfItsTrainer) {
  const auto cases = json_lines(kFolder + "tokens.jsonl");
  ASSERT_GT(cases.size(), 20u);
  for (const json& c : cases) {
    const ProgramRun run =
        run_infer({"tokenize", kModel, "--no-bos", "--json"}, {.in = c["text"].get<std::string>()});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(json::parse(run.out)["ids"], c["ids"]) << c["text"];
  }
}

TEST(DemoModel, TemplateWritesTalksAsTheyWereTrainedOn) {
  const ProgramRun run = run_infer({"template", kModel, "--messages", kFolder + "talk.json"});
  EXPECT_EQ(run.out,
            "<s><|system|>Answer in one short sentence.<|user|>What is 7 plus 5?"
            "<|assistant|>7 plus 5 is 12.</s><|user|>Thanks!<|assistant|>")
      << run.err;
}

// Questions that its training cannot have held (tools/demo_model/evaluate.py asks 500).
TEST(DemoModel, AnswersHeldOutQuestions) {
  const auto questions = json_lines(kFolder + "questions.jsonl");
  std::string requests;
  for (const json& q : questions) {
    const std::string prompt = "<|user|>" + q["question"].get<std::string>() + "<|assistant|>";
    requests += json({{"prompt", prompt}, {"parse_special", true}, {"temperature", 0}}).dump();
    requests += '\n';
  }
  const ProgramRun run = run_infer({"batch", kModel, "-", "-o", "-"}, {.in = requests});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  size_t right = 0, at = 0;
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line) && at < questions.size(); ++at) {
    right += json::parse(line)["text"] == questions[at]["answer"];
  }
  EXPECT_EQ(at, questions.size());
  EXPECT_GE(right, 40u);  // of 45; it answered 43 when it came out of its training
}

// One tale, whatever the instruction set: where the kernels' rounding differs, by less than what
// decides between two words of it.
TEST(DemoModel, TellsTheSameTaleWithEveryInstructionSet) {
  const std::string tale = run_infer(kTale).out;
  for (const std::string isa : {"scalar", "avx2", "avx512", "neon"}) {
    const ProgramRun run = run_infer(with(kTale, {"--isa", isa}));
    if (run.err.find("no kernels named") != std::string::npos) continue;  // not this machine's
    EXPECT_EQ(run.out, tale) << isa << run.err;
  }
}

}  // namespace
}  // namespace weft
