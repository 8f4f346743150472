// infer template: the rendered prompt and nothing else.
#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/model_file.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_model.h"
#include "tests/tools/program.h"
#include "tools/date_time.h"

namespace weft {
namespace {

using test::run_infer;

class TemplateCommand : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    return folder_.write(name, std::as_bytes(std::span(text)));
  }

  test::TempFolder folder_;
  const std::string messages_ = write("m.json", R"([{"role":"user","content":"Hé {{ x }}\n"}])");
};

TEST_F(TemplateCommand, PrintsThePromptByteForByte) {
  const std::string source = write(
      "t.jinja",
      "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}"
      "{% if tools %}{{ tools | tojson }}{% endif %}{{ strftime_now('%Y-%m-%d %H') }}{{ deep }}"
      "{% if add_generation_prompt %}A:{% endif %}{{ eos_token }}\n\n");
  auto run = run_infer({"template", source, "--messages", messages_, "--now", "2026-01-02T03:04:05",
                        "--bos", "<s>", "--eos", "</s>"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "<s>[user] Hé {{ x }}\n2026-01-02 03A:</s>\n");
  EXPECT_EQ(run.err, "");

  const std::string tools = write("tools.json", R"([{"name":"f","z":1,"a":[2.0,null,"é"]}])");
  const std::string more = write("more.json", R"({"deep": true})");
  run = run_infer({"template", source, "--messages", messages_, "--tools", tools, "--variables",
                   more, "--no-generation-prompt", "--now", "2026-01-02"});
  EXPECT_EQ(run.out,
            "[user] Hé {{ x }}\n[{\"name\": \"f\", \"z\": 1, \"a\": [2.0, null, \"é\"]}]"
            "2026-01-02 00True\n");
}

TEST_F(TemplateCommand, TakesTheTemplateAndTheTokensOfAModel) {
  const std::string model = folder_.path("m.gguf");
  const ChatTemplateSources templates{
      {{"", "{{ bos_token }}{{ messages[0].role }}{{ eos_token }}"}, {"tool_use", "tools!"}}};
  ASSERT_TRUE(test::write_model_file(model, test::make_test_model({.n_vocab = 98}),
                                     test::character_vocab(98), templates));
  EXPECT_EQ(run_infer({"template", model, "--messages", messages_}).out, "<s>user</s>");
  EXPECT_EQ(run_infer({"template", model, "--messages", messages_, "--bos", "B"}).out, "Buser</s>");
  EXPECT_EQ(run_infer({"template", model, "--messages", messages_, "--name", "tool_use"}).out,
            "tools!");
  const auto other = run_infer({"template", model, "--messages", messages_, "--name", "x"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_NE(other.err.find("no chat template of the name \"x\"; there is a default one; there is "
                           "\"tool_use\""),
            std::string::npos)
      << other.err;
}

TEST_F(TemplateCommand, SaysWhatIsWrong) {
  const auto refused = [&](const std::string& source, const std::string& messages, int code,
                           const std::string& part) {
    const auto run = run_infer({"template", source, "--messages", messages});
    EXPECT_EQ(run.exit_code, code);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
    EXPECT_NE(run.err.find(part), std::string::npos) << run.err;
  };
  const std::string good = write("good.jinja", "x");
  refused(write("a.jinja", "{{ raise_exception('roles must alternate') }}"), messages_, 1,
          "infer: roles must alternate\n");
  refused(write("b.jinja", "\n{% if %}"), messages_, 1, "template, line 2: found '%}'");
  refused(write("c.jinja", "{{ messages[0].x.y }}"), messages_, 1, "has no attribute 'x'");
  refused(write("d.jinja",
                "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}"
                "{% endfor %}"),
          messages_, 1, "more than 10000000 steps");
  refused(folder_.path("no.jinja"), messages_, 1, "no.jinja");
  refused(good, folder_.path("no.json"), 1, "no.json");
  refused(good, write("half.json", "[{"), 1, "half.json: not one JSON value");
  refused(good, write("dict.json", "{}"), 1, "dict.json: dict, expected a list of messages");
  refused(good, write("deep.json", std::string(1000, '[') + std::string(1000, ']')), 1,
          "more than 64 lists");
  refused(WEFT_SOURCE_DIR "/tests/fixtures/weft-mini-llama-F32.gguf", messages_, 1,
          "no chat template");
  const auto now = run_infer({"template", good, "--messages", messages_, "--now", "yesterday"});
  EXPECT_EQ(now.exit_code, 2);
  EXPECT_NE(now.err.find("--now: \"yesterday\", expected a time like"), std::string::npos);
}

TEST(DateTime, TakesOnlyTimesThatThereAre) {
  EXPECT_TRUE(tools::parse_date_time("2024-02-29T23:59:59"));
  EXPECT_TRUE(tools::parse_date_time("2026-01-02 03:04:05"));
  for (const char* wrong : {"", "2026-01-02T", "2026-13-01", "2025-02-29", "2026-01-02T24:00:00",
                            "2026-01-02X03:04:05", "20260-1-02", "2026-00-01", "2026-01-00"}) {
    EXPECT_FALSE(tools::parse_date_time(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace weft
