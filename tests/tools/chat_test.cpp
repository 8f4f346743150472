// infer chat over a pipe, infer run --chat, and talks in files.
#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/model_file.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_model.h"
#include "tests/tools/program.h"
#include "tools/chat/talk.h"
#include "tools/json_value.h"

namespace weft {
namespace {

using nlohmann::ordered_json;
using test::run_infer;

class ChatProgram : public testing::Test {
 protected:
  void SetUp() override {
    const ChatTemplateSources templates{
        {{"",
          "{{ bos_token }}{% for m in messages %}{% if m.content == 'no' %}"
          "{{ raise_exception('I refuse') }}{% endif %}<{{ m.role }}>{{ m.content }}{% endfor "
          "%}"}}};
    ASSERT_TRUE(test::write_model_file(model_, test::make_test_model({.n_vocab = 98}),
                                       test::character_vocab(98), templates));
  }

  test::ProgramRun chat(const std::string& lines, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"chat", model_, "-n", "8", "--temperature", "0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_infer(arguments, {.in = lines});
  }
  ordered_json saved(const std::string& name) {
    return ordered_json::parse(*tools::read_text_file(folder_.path(name)));
  }

  test::TempFolder folder_;
  const std::string model_ = folder_.path("m.gguf");
};

TEST_F(ChatProgram, AnswersLineByLineAndComputesOnlyWhatIsNew) {
  const std::string first(80, 'q');
  const auto run = chat(first + "\nand then?\n/save " + folder_.path("talk.json") + "\n",
                        {"--stats", "--system", "be brief"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const ordered_json talk = saved("talk.json");
  ASSERT_EQ(talk.size(), 5u) << talk;
  EXPECT_EQ(talk[0], ordered_json({{"role", "system"}, {"content", "be brief"}}));
  EXPECT_EQ(talk[1]["content"], first);
  EXPECT_EQ(talk[2]["role"], "assistant");
  EXPECT_EQ(talk[3]["content"], "and then?");
  EXPECT_EQ(run.out, talk[2]["content"].get<std::string>() + "\n" +
                         talk[4]["content"].get<std::string>() + "\n");
  EXPECT_NE(run.err.find(", 0 of them cached | generated 8 "), std::string::npos) << run.err;
  EXPECT_NE(run.err.find(", 96 of them cached"), std::string::npos) << run.err;
}

TEST_F(ChatProgram, ATalkIsLoadedClearedAndGoneOnWith) {
  const std::string path = folder_.path("talk.json");
  ASSERT_TRUE(tools::save_talk({{"system", "s"}, {"user", "u"}, {"assistant", "a\n\"é"}}, path));
  const auto run = chat("/load " + path + "\nmore\n/save " + folder_.path("b.json") +
                        "\n/clear\n/save " + folder_.path("c.json") + "\n/system new\n/save " +
                        folder_.path("d.json") + "\n/quit\nnever\n");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(saved("b.json").size(), 5u);
  EXPECT_EQ(saved("b.json")[2]["content"], "a\n\"é");
  EXPECT_EQ(saved("c.json"), ordered_json::parse(R"([{"role":"system","content":"s"}])"));
  EXPECT_EQ(saved("d.json"), ordered_json::parse(R"([{"role":"system","content":"new"}])"));
}

TEST_F(ChatProgram, WhatCannotBeAnsweredIsSaidAndTakenBack) {
  const std::string path = folder_.path("talk.json");
  const auto run = chat(
      "no\n" + std::string(500, 'x') + "\n/foo\n/load /nowhere\n/load\n/save " + path + "\n/help\n",
      {"--ctx-size", "64"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(saved("talk.json"), ordered_json::array());
  for (const char* part : {"infer: I refuse\n", "tokens, --ctx-size is 64; /clear begins anew",
                           "/foo: no such command", "/nowhere", "/load: expected the name"}) {
    EXPECT_NE(run.err.find(part), std::string::npos) << part << run.err;
  }
  EXPECT_NE(run.out.find("/system TEXT"), std::string::npos);
}

TEST_F(ChatProgram, CtrlCStopsTheAnswerAndKeepsTheTalk) {
  const std::string path = folder_.path("talk.json");
  const auto run = run_infer(
      {"chat", model_, "-n", "100000", "--ctx-size", "120000", "--temperature", "1", "--seed", "1",
       "--kv-type", "f16"},
      {.in = "go on\n/save " + path + "\n", .interrupt = test::Interrupt::kAtFirstOutput});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const ordered_json talk = saved("talk.json");
  ASSERT_EQ(talk.size(), 2u);
  EXPECT_EQ(run.out, talk[1]["content"].get<std::string>() + "\n");
}

TEST_F(ChatProgram, RunTakesAPromptAsAMessage) {
  const auto run =
      run_infer({"run", model_, "Hi</s>", "--chat", "-n", "4", "--temperature", "0", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto ids = ordered_json::parse(run.out)["prompt_ids"].get<std::vector<int>>();
  EXPECT_EQ(ids.front(), 1);
  EXPECT_EQ(std::ranges::count(ids, 2), 0);  // the user's </s> is text
  EXPECT_GT(ids.size(), 10u);
}

TEST_F(ChatProgram, AModelWithoutATemplateIsRefused) {
  const std::string plain = WEFT_SOURCE_DIR "/tests/fixtures/weft-mini-llama-F32.gguf";
  for (const auto& run :
       {run_infer({"chat", plain}, {.in = "hi\n"}), run_infer({"run", plain, "hi", "--chat"})}) {
    EXPECT_EQ(run.exit_code, 1);
    EXPECT_EQ(run.err, "infer: the model has no chat template\n");
  }
}

TEST(TalkFile, RefusesWhatIsNoTalk) {
  const test::TempFolder folder;
  for (const std::string text :
       {"", "{}", "[1]", R"([{"role":"user"}])", R"([{"role":1,"content":"x"}])", "["}) {
    const std::string path = folder.write("t.json", std::as_bytes(std::span(text)));
    const auto talk = tools::load_talk(path);
    ASSERT_FALSE(talk) << text;
    EXPECT_EQ(talk.error().code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace weft
