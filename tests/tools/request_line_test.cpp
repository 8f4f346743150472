#include "tools/batch/request_line.h"

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"
#include "tools/batch/line_reader.h"

namespace weft::tools {
namespace {

Request read(const std::string& line) {
  RequestLine parsed = parse_request_line(line, 1);
  EXPECT_TRUE(parsed.request) << parsed.request.error().message;
  return parsed.request.value_or(Request{});
}

std::string refusal(const std::string& line) {
  const RequestLine parsed = parse_request_line(line, 7);
  EXPECT_FALSE(parsed.request) << line;
  return parsed.request ? "" : parsed.request.error().message;
}

TEST(RequestLine, EveryFieldArrives) {
  const Request r = read(R"({"id": "x", "tokens": [1, 2], "max_tokens": 9, "min_tokens": 2,
    "temperature": 0.5, "top_k": -1, "top_p": 0.25, "min_p": 0.125, "repetition_penalty": 1.5,
    "presence_penalty": -0.5, "frequency_penalty": 2, "logit_bias": {"3": -1},
    "seed": 18446744073709551615, "n": 3, "stop": "s", "stop_ids": [4], "ignore_eos": true,
    "logprobs": 5, "prompt_logprobs": true, "priority": "high"})");
  EXPECT_EQ(r.prompt_ids, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(r.max_tokens, 9);
  EXPECT_EQ(r.min_tokens, 2);
  EXPECT_EQ(r.sampling.temperature, 0.5f);
  EXPECT_EQ(r.sampling.top_k, -1);
  EXPECT_EQ(r.sampling.top_p, 0.25f);
  EXPECT_EQ(r.sampling.min_p, 0.125f);
  EXPECT_EQ(r.sampling.repetition_penalty, 1.5f);
  EXPECT_EQ(r.sampling.presence_penalty, -0.5f);
  EXPECT_EQ(r.sampling.frequency_penalty, 2.0f);
  EXPECT_EQ(r.sampling.logit_bias, (std::vector<std::pair<int32_t, float>>{{3, -1.0f}}));
  EXPECT_EQ(r.sampling.seed, UINT64_MAX);
  EXPECT_EQ(r.n, 3);
  EXPECT_EQ(r.stop_strings, std::vector<std::string>{"s"});
  EXPECT_EQ(r.stop_ids, std::vector<int32_t>{4});
  EXPECT_TRUE(r.ignore_eos);
  EXPECT_EQ(r.logprobs, 5);
  EXPECT_TRUE(r.prompt_logprobs);
  EXPECT_EQ(r.priority, Priority::kHigh);

  const Request text = read(R"({"prompt": "é", "add_bos": false, "parse_special": true,
    "stop": ["a", "b"], "logprobs": null})");
  EXPECT_EQ(text.prompt, "é");
  EXPECT_FALSE(text.add_bos);
  EXPECT_TRUE(text.parse_special);
  EXPECT_EQ(text.stop_strings, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(text.logprobs, -1);
}

TEST(RequestLine, IdIsTheRequestsOwnOrTheLinesNumber) {
  EXPECT_EQ(parse_request_line(R"({"id": "a\"b", "prompt": "x"})", 7).id, R"("a\"b")");
  EXPECT_EQ(parse_request_line(R"({"id": 12, "prompt": "x", "bogus": 1})", 7).id, "12");
  EXPECT_EQ(parse_request_line(R"({"prompt": "x"})", 7).id, "7");
  EXPECT_EQ(parse_request_line("{", 7).id, "7");
  EXPECT_EQ(parse_request_line(R"({"id": [], "prompt": "x"})", 7).id, "7");
}

TEST(RequestLine, RefusalNamesTheLineTheFieldAndWhatWasWanted) {
  const std::pair<const char*, const char*> cases[] = {
      {"{", "line 7: not JSON"},
      {"3", "line 7: 3, expected a JSON object"},
      {"{\"prompt\": \"\xc3\"}", "line 7: not valid UTF-8"},
      {R"({"prompt": "\ud800"})", "surrogate"},
      {R"({"prompt": "\udc00"})", "surrogate"},
      {R"({"prompt": "x", "prompt": "y"})", "field \"prompt\" is there twice"},
      {R"({"prompt": "x", "bogus": 1})", "unknown field \"bogus\", expected one of id prompt"},
      {R"({"id": 1})", "no prompt"},
      {R"({"prompt": "x", "tokens": [1]})", "prompt and tokens"},
      {R"({"prompt": 3})", "line 7: prompt: 3, expected a string"},
      {R"({"tokens": []})", "tokens: empty"},
      {R"({"tokens": [1, -1]})", "tokens[1]: -1"},
      {R"({"tokens": [1.5]})", "tokens[0]: 1.5"},
      {R"({"prompt": "x", "max_tokens": 0})", "max_tokens: 0, expected a whole number in 1"},
      {R"({"prompt": "x", "max_tokens": 1e3})", "max_tokens: 1000.0"},
      {R"({"prompt": "x", "max_tokens": 18446744073709551615})", "max_tokens: 1844674407370955"},
      {R"({"prompt": "x", "temperature": "hot"})", "temperature: \"hot\", expected a number"},
      {R"({"prompt": "x", "temperature": 1e300})", "temperature: 1e+300"},
      {R"({"prompt": "x", "temperature": 1e999})", "not JSON"},
      {R"({"prompt": "x", "seed": -1})", "seed: -1"},
      {R"({"prompt": "x", "n": 1025})", "n: 1025"},
      {R"({"prompt": "x", "stop": ""})", "stop: \"\""},
      {R"({"prompt": "x", "stop": [1]})", "stop: 1"},
      {R"({"prompt": "x", "ignore_eos": 1})", "ignore_eos: 1, expected true or false"},
      {R"({"prompt": "x", "logit_bias": {"a": 1}})", "logit_bias: \"a\""},
      {R"({"prompt": "x", "priority": "top"})", "priority: \"top\", expected low, normal"},
      {R"({"prompt": "x", "logprobs": true})", "logprobs: true"},
  };
  for (const auto& [line, part] : cases) {
    EXPECT_NE(refusal(line).find(part), std::string::npos) << line << "\n" << refusal(line);
  }
}

TEST(RequestLine, DeepNestingIsRefusedInLinearTime) {
  const std::string deep(1 << 20, '[');
  EXPECT_NE(refusal(deep).find("not JSON"), std::string::npos);
  EXPECT_NE(refusal("{\"prompt\": " + deep + std::string(1 << 20, ']') + "}").find("an array"),
            std::string::npos);
}

TEST(LineReader, GivesLinesWithTheirNumbersAndOffsets) {
  const test::TempFolder folder;
  const std::string text = "one\n\n  \r\nlast";
  const auto path = folder.write("in", std::as_bytes(std::span(text)));
  LineReader reader = LineReader::open(path).value();
  using State = LineReader::State;
  EXPECT_EQ(reader.total_bytes(), 13u);
  ASSERT_EQ(reader.next(-1).value(), State::kLine);
  EXPECT_EQ(reader.line(), "one");
  EXPECT_EQ(reader.offset(), 4u);
  EXPECT_FALSE(reader.blank());
  ASSERT_EQ(reader.next(-1).value(), State::kLine);
  EXPECT_TRUE(reader.blank());
  ASSERT_EQ(reader.next(-1).value(), State::kLine);
  EXPECT_TRUE(reader.blank());
  ASSERT_EQ(reader.next(-1).value(), State::kLine);
  EXPECT_EQ(reader.line(), "last");
  EXPECT_EQ(reader.number(), 4);
  EXPECT_EQ(reader.offset(), 13u);
  EXPECT_FALSE(reader.ended_by_newline());
  EXPECT_EQ(reader.next(-1).value(), State::kEnd);
}

TEST(LineReader, LongLineIsSkippedAndTheNextIsWhole) {
  const test::TempFolder folder;
  const std::string text = std::string(kLongestLine + 100000, 'x') + "\nnext\n";
  const auto path = folder.write("in", std::as_bytes(std::span(text)));
  LineReader reader = LineReader::open(path).value();
  ASSERT_EQ(reader.next(-1).value(), LineReader::State::kLine);
  EXPECT_TRUE(reader.too_long());
  EXPECT_EQ(reader.line(), "");
  EXPECT_EQ(reader.offset(), kLongestLine + 100001);
  ASSERT_EQ(reader.next(-1).value(), LineReader::State::kLine);
  EXPECT_FALSE(reader.too_long());
  EXPECT_EQ(reader.line(), "next");
  EXPECT_EQ(reader.offset(), text.size());
}

}  // namespace
}  // namespace weft::tools
