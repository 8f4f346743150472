// `infer` as its users see it: exit codes, one line of error, and what is on which stream.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/model_file.h"
#include "tests/support/temp_folder.h"
#include "tests/tools/program.h"
#include "tests/tools/trace_check.h"

namespace weft {
namespace {

using nlohmann::json;
using test::ProgramRun;
using test::run_infer;

const std::string kModel = WEFT_SOURCE_DIR "/tests/fixtures/weft-mini-llama-F32.gguf";
const std::string kReference = WEFT_SOURCE_DIR "/tests/fixtures/weft-mini-llama-F32.logits.f32";

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Failed with that code, one line on stderr that holds `part`, and nothing on stdout.
void expect_refused(const ProgramRun& run, int exit_code, const std::string& part) {
  EXPECT_EQ(run.exit_code, exit_code) << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_TRUE(run.err.starts_with("infer: ")) << run.err;
  EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
  EXPECT_NE(run.err.find(part), std::string::npos) << run.err;
}

TEST(Cli, UnknownCommandOrFlagIsAUsageError) {
  expect_refused(run_infer({}), 2, "which command?");
  expect_refused(run_infer({"foo"}), 2, "\"foo\" is no command; there are: run");
  expect_refused(run_infer({"run", "--foo"}), 2, "--foo");
  expect_refused(run_infer({"run", kModel, "two", "words"}), 2, "one word too many");
  expect_refused(run_infer({"logits", kModel, "--tokens", "1"}), 2, "--out or --against");
}

TEST(Cli, ValueOutsideItsRangeIsAUsageError) {
  const std::vector<std::vector<std::string>> wrong = {
      {"-n", "0"},           {"-n", "-3"},          {"-n", "1.5"},
      {"-n", "99999999999"}, {"-n", "nan"},         {"--temperature", "nan"},
      {"--temperature=-1"},  {"--temperature=inf"}, {"--top-p", "0"},
      {"--top-p", "1.01"},   {"--top-k=-2"},        {"--min-p", "2"},
      {"--threads", "0"},    {"--threads", "9999"}, {"--seed=-1"},
      {"--ctx-size", "0"},   {"--device", "rocm"},  {"--seed", "18446744073709551616"},
      {"--gpu-layers=-1"},   {"--math", "fast"},
  };
  for (const auto& flag : wrong) {
    std::vector<std::string> arguments = {"run", kModel, "hi"};
    arguments.insert(arguments.end(), flag.begin(), flag.end());
    const std::string name = flag[0].substr(0, flag[0].find('='));
    expect_refused(run_infer(arguments), 2, name == "-n" ? "--max-tokens: " : name + ": ");
  }
  expect_refused(run_infer({"logits", kModel, "--tokens", "1,x", "--out", "/x"}), 2, "\"x\"");
  expect_refused(run_infer({"detokenize", kModel, "x"}), 2, "\"x\"");
  expect_refused(run_infer({"synth", "foo", "Q8_0", "/x"}), 2, "there are: tiny");
  expect_refused(run_infer({"synth", "tiny", "foo", "/x"}), 2, "there are: F32");
}

TEST(Cli, WhatTheWorldLacksIsAFailure) {
  expect_refused(run_infer({"run", "no.gguf", "hi"}), 1, "no.gguf");
  expect_refused(run_infer({"run", "-m", "/", "hi"}), 1, "is a folder");
  expect_refused(run_infer({"run", kReference, "hi"}), 1, kReference);
  expect_refused(run_infer({"run", kModel, "hi", "--device", "cuda"}), 1, "device cuda");
  expect_refused(run_infer({"run", kModel, "hi", "--device", "cpu", "--gpu-layers", "3"}), 1,
                 "gpu_layers: 3 with the device cpu, expected 0");
  expect_refused(run_infer({"run", kModel, "hi", "--isa", "foo"}), 1, "scalar");
  expect_refused(run_infer({"run", kModel, "", "--no-bos"}), 1, "prompt: empty");
  expect_refused(run_infer({"run", kModel, "hi", "-n", "9", "--ctx-size", "5"}), 1, "holds 5");
  expect_refused(run_infer({"run", kModel, "hi", "-n", "1000000000"}), 1, "KV cache");
  expect_refused(run_infer({"logits", kModel, "--tokens", "99999", "--out", "/x"}), 1, "99999");
  expect_refused(run_infer({"detokenize", kModel, "99999"}), 1, "99999");
}

// Said in one line, and as good as without.
TEST(Cli, GpuLayersWithoutAGpuRunOnTheCpu) {
  std::vector<std::string> arguments = {"run", kModel, "hi", "-n", "5", "--temperature", "0"};
  const ProgramRun plain = run_infer(arguments);
  arguments.insert(arguments.end(), {"--gpu-layers", "3"});
  const ProgramRun asked = run_infer(arguments);
  EXPECT_EQ(asked.exit_code, 0) << asked.err;
  EXPECT_EQ(asked.out, plain.out);
  EXPECT_TRUE(asked.err.starts_with("infer: gpu_layers: 3: the model runs on the CPU"))
      << asked.err;
  EXPECT_EQ(plain.err.find("CPU"), std::string::npos) << plain.err;
}

TEST(Cli, OutputThatCannotBeWrittenIsNamedAsAskedFor) {
  const test::TempFolder folder;
  const std::string missing = folder.path("no/out");
  expect_refused(run_infer({"synth", "tiny", "Q8_0", missing}), 1, missing + ": ");
  const std::vector<std::string> logits = {"logits", kModel, "--tokens", "1,2,3", "--out"};
  auto to = [&](const std::string& path) {
    auto arguments = logits;
    arguments.push_back(path);
    return arguments;
  };
  expect_refused(run_infer(to(missing)), 1, missing + ": ");
  expect_refused(run_infer(to(folder.path(""))), 1, "is a folder");
  expect_refused(run_infer({"run", kModel, "hi", "--trace", missing}), 1, missing + ": ");
}

TEST(Cli, FullDiskLeavesNothingBehind) {
  const test::TempFolder folder;
  const std::string path = folder.path("m.gguf");
  expect_refused(run_infer({"synth", "tiny", "Q8_0", path}, {.file_limit_bytes = 100'000}), 1,
                 path + ": cannot write");
  EXPECT_EQ(folder.file_count(), 0u);
}

TEST(Cli, StandardOutputThatCannotBeWrittenIsAFailure) {
  const std::vector<std::vector<std::string>> commands = {
      {"run", kModel, "hi"},
      {"run", kModel, "hi", "--json"},
      {"tokenize", kModel, "hi"},
      {"inspect", kModel},
      {"inspect", kModel, "--json"},
      {"check", kModel},
      {"--help"},
  };
  for (const auto& command : commands) {
    const ProgramRun run = run_infer(command, {.out_path = "/dev/full"});
    EXPECT_EQ(run.exit_code, 1) << command.front();
    EXPECT_NE(run.err.find("infer: standard output: cannot be written\n"), std::string::npos);
  }
}

TEST(Cli, TextGoesToStdoutAndFiguresToStderr) {
  const ProgramRun run = run_infer({"run", kModel, "hi", "-n", "8", "--temperature", "0"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.out, "");
  EXPECT_EQ(run.out.find("tokens/s"), std::string::npos);
  EXPECT_NE(run.err.find("generated 8 tokens"), std::string::npos) << run.err;
}

// Of a model that recommends to take the most likely token: whatever the seed, the same text.
TEST(Cli, HowTheModelRecommendsToDrawIsTheDefault) {
  const test::TempFolder folder;
  const std::string file = folder.path("model.gguf");
  test::TestModel model = test::make_test_model({.n_vocab = 98});
  model.config.sampling.temperature = 0.0f;
  ASSERT_TRUE(test::write_model_file(file, model, test::character_vocab(98)));
  const auto text = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"run", file, "hi", "-n", "30"});
    return run_infer(flags).out;
  };
  const std::string greedy = text({"--temperature", "0"});
  EXPECT_EQ(text({"--seed", "1"}), greedy);
  EXPECT_EQ(text({"--seed", "2"}), greedy);
  EXPECT_NE(text({"--seed", "1", "--temperature", "0.8"}), greedy);
}

TEST(Cli, PromptFromStandardInputIsThatOfTheArgument) {
  const std::vector<std::string> flags = {"-n", "8", "--temperature", "0"};
  auto with = [&](std::vector<std::string> front) {
    front.insert(front.end(), flags.begin(), flags.end());
    return front;
  };
  const std::string text = run_infer(with({"run", kModel, "hi there"})).out;
  EXPECT_EQ(run_infer(with({"run", kModel}), {.in = "hi there\n"}).out, text);
  EXPECT_EQ(run_infer(with({"run", "-m", kModel, "hi there"})).out, text);
}

TEST(Cli, SameSeedSameTextOnAnyNumberOfThreads) {
  auto text = [](const std::string& seed, const std::string& threads) {
    return run_infer({"run", kModel, "hi", "-n", "30", "--seed", seed, "--threads", threads}).out;
  };
  const std::string one = text("7", "1");
  EXPECT_EQ(text("7", "1"), one);
  EXPECT_EQ(text("7", "3"), one);
  EXPECT_NE(text("8", "1"), one);
}

TEST(Cli, RunJsonIsOneObjectWhateverThePromptHolds) {
  const std::string binary("a\0\xff\xc3<s>\n", 8);
  const ProgramRun run =
      run_infer({"run", kModel, "--json", "-n", "20", "--temperature", "0"}, {.in = binary});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json object = json::parse(run.out);
  const std::string reason = object["finish_reason"];
  EXPECT_TRUE(reason == "length" || reason == "stop") << reason;
  EXPECT_TRUE(object["text"].is_string());
  EXPECT_EQ(object["timings"]["generated_tokens"], object["ids"].size());
}

TEST(Cli, RunTraceShowsEveryStepAndChangesNoBit) {
  const test::TempFolder folder;
  const std::string path = folder.path("trace.json");
  const std::vector<std::string> plain = {
      "run", kModel, std::string(700, 'a'), "--json", "-n", "20", "--seed", "3"};
  auto traced = plain;
  traced.insert(traced.end(), {"--trace", path});
  const ProgramRun ran = run_infer(traced);
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const json object = json::parse(ran.out);
  EXPECT_EQ(object["ids"], json::parse(run_infer(plain).out)["ids"]);

  const test::TraceSummary trace = test::check_trace(file_text(path));
  const auto requests = trace.named("request "), chunks = trace.named("prompt chunk"),
             decodes = trace.named("decode");
  ASSERT_EQ(requests.size(), 1u);
  ASSERT_EQ(chunks.size(), 2u);  // 512 tokens a step
  ASSERT_EQ(decodes.size(), 1u);
  const auto prompt_tokens = object["prompt_ids"].size(), generated = object["ids"].size();
  EXPECT_EQ(requests[0].args["prompt_tokens"], prompt_tokens);
  EXPECT_EQ(requests[0].args["generated_tokens"], generated);
  EXPECT_EQ(requests[0].args["finish_reason"], object["finish_reason"]);
  EXPECT_EQ(chunks[0].args["tokens"], 512);
  EXPECT_EQ(chunks[1].args["tokens"], prompt_tokens - 512);
  EXPECT_EQ(chunks[1].args["position"], 512);
  // The first token comes of the prompt. Where a stop token ended it, a step gave that too.
  const size_t steps = decodes[0].args["tokens"];
  EXPECT_EQ(steps, generated - (object["finish_reason"] == "length"));
  EXPECT_EQ(trace.named("step").size(), chunks.size() + steps);
}

TEST(Cli, InterruptedRunHasAWholeTrace) {
  const test::TempFolder folder;
  const std::string model = folder.path("m.gguf"), path = folder.path("trace.json");
  ASSERT_EQ(run_infer({"synth", "tiny", "Q8_0", model}).exit_code, 0);
  const ProgramRun run =
      run_infer({"run", model, "hi", "-n", "50000", "--seed", "1", "--trace", path},
                {.interrupt = test::Interrupt::kAtFirstOutput});
  EXPECT_EQ(run.exit_code, 130) << run.err;
  const auto requests = test::check_trace(file_text(path)).named("request ");
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].args["finish_reason"], "cancelled");
  EXPECT_EQ(folder.file_count(), 2u);
}

TEST(Cli, StopStringEndsTheText) {
  const std::vector<std::string> run = {"run", kModel, "hi", "-n", "40", "--temperature", "0"};
  const std::string whole = run_infer(run).out;
  ASSERT_GT(whole.size(), 6u);
  auto stopped = run;
  stopped.insert(stopped.end(), {"--stop", "never there", "--stop", whole.substr(4, 2)});
  EXPECT_EQ(run_infer(stopped).out, whole.substr(0, whole.find(whole.substr(4, 2))) + "\n");
}

TEST(Cli, TokenizeTakesStandardInputByteForByte) {
  const std::string binary("a\0b\r\n\xff", 6);
  const ProgramRun ids = run_infer({"tokenize", kModel}, {.in = binary});
  ASSERT_EQ(ids.exit_code, 0) << ids.err;
  EXPECT_EQ(std::ranges::count(ids.out, '\n'), 1);
  const json object = json::parse(run_infer({"tokenize", kModel, "--json"}, {.in = binary}).out);
  EXPECT_EQ(object["ids"].size(), object["pieces"].size());
}

TEST(Cli, DetokenizeUndoesTokenize) {
  const ProgramRun ids = run_infer({"tokenize", kModel, "hi there", "--no-bos"});
  EXPECT_EQ(run_infer({"detokenize", kModel}, {.in = ids.out}).out, "hi there\n");
}

TEST(Cli, LogitsAgreeWithTheCommittedReference) {
  std::string tokens = file_text(WEFT_SOURCE_DIR "/tests/fixtures/weft-mini.tokens");
  const test::TempFolder folder;
  const std::string out = folder.path("out.f32");
  const ProgramRun run =
      run_infer({"logits", kModel, "--tokens", tokens, "--out", out, "--against", kReference});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.out.find("top-1 agreement 100.00 %"), std::string::npos) << run.out;
  const std::string whole = file_text(out);
  EXPECT_EQ(whole.size(), file_text(kReference).size());
  run_infer({"logits", kModel, "--tokens", tokens, "--out", out, "--chunk", "7"});
  EXPECT_EQ(file_text(out), whole) << "chunks of 7";
}

TEST(Cli, CheckGivesAVerdictWithAStableCode) {
  EXPECT_EQ(run_infer({"check", "--deep", kModel}).exit_code, 0);
  const ProgramRun bad = run_infer({"check", "--json", kReference});
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_EQ(json::parse(bad.out)["code"], "gguf_bad_magic");
  EXPECT_EQ(json::parse(run_infer({"check", "--json", "/no"}).out)["code"], "not_found");
}

TEST(Cli, InspectJsonTellsTheMemoryOfAContext) {
  const ProgramRun run = run_infer({"inspect", "--json", "--ctx-size", "64", kModel});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json object = json::parse(run.out);
  EXPECT_EQ(object["memory"]["ctx_size"], 64);
  EXPECT_GT(object["memory"]["kv_cache"], 0);
  EXPECT_FALSE(object["stop_tokens"].empty());
}

TEST(Cli, SynthesizedModelIsSoundAndRuns) {
  const test::TempFolder folder;
  const std::string path = folder.path("Tiny-Q4_0.gguf");
  ASSERT_EQ(run_infer({"synth", "tiny", "Q4_0", path}).exit_code, 0);
  EXPECT_EQ(run_infer({"check", "--deep", path}).exit_code, 0);
  const ProgramRun run = run_infer({"run", "tiny q4-0", "hi", "-n", "4"},
                                   {.settings = {"WEFT_MODELS=" + folder.path("")}});
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST(Cli, InterruptKeepsTheTextMadeSoFar) {
  const test::TempFolder folder;
  const std::string model = folder.path("m.gguf");  // hardly ever draws a token that ends the text
  ASSERT_EQ(run_infer({"synth", "tiny", "Q8_0", model}).exit_code, 0);
  const ProgramRun run = run_infer({"run", model, "hi", "-n", "50000", "--seed", "1"},
                                   {.interrupt = test::Interrupt::kAtFirstOutput});
  EXPECT_EQ(run.exit_code, 130) << run.err;
  EXPECT_NE(run.out, "");
  EXPECT_NE(run.err.find("cancelled]\ninfer: interrupted\n"), std::string::npos) << run.err;
}

TEST(Cli, InterruptedSynthLeavesNothingBehind) {
  const test::TempFolder folder;
  // Its first line of progress comes after a second, of the many that this model takes.
  const ProgramRun run = run_infer({"synth", "llama3.1-8b", "Q8_0", folder.path("m.gguf")},
                                   {.interrupt = test::Interrupt::kAtFirstError});
  EXPECT_EQ(run.exit_code, 130) << run.err;
  EXPECT_EQ(folder.file_count(), 0u);
}

}  // namespace
}  // namespace weft
