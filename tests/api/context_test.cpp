// The synchronous core over a small model with random weights.
#include <algorithm>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "api/model.h"
#include "core/model/decoder.h"
#include "core/text/tokenizer.h"
#include "tests/support/fixtures.h"

namespace weft {
namespace {

const std::vector<int32_t> kPrompt = {5, 17, 33, 60, 12, 80, 7};

class ContextTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = test::fixtures_folder() / "weft-mini-llama-F32.gguf";
    auto model = Model::load(path.string(), {.threads = 2});
    ASSERT_TRUE(model) << model.error().message;
    model_ = *model;
  }
  std::unique_ptr<Context> context(const ContextParams& params = {.n_ctx = 256}) {
    auto context = Context::create(model_, params);
    EXPECT_TRUE(context) << context.error().message;
    return std::move(*context);
  }
  static Generation run(Context& context, const GenerateOptions& options = {.max_tokens = 24}) {
    auto result = context.generate(kPrompt, options);
    EXPECT_TRUE(result) << result.error().message;
    return std::move(*result);
  }

  std::shared_ptr<const Model> model_;
};

TEST_F(ContextTest, InfoSaysWhatTheFileHolds) {
  const ModelInfo& info = model_->info();
  EXPECT_EQ(info.architecture, "llama");
  EXPECT_EQ(info.n_vocab, 96);
  EXPECT_EQ(info.n_embd, 24);
  EXPECT_EQ(info.n_head, 3);
  EXPECT_GT(info.n_params, 96 * 24);
  EXPECT_EQ(info.size_bytes, static_cast<uint64_t>(info.n_params) * 4);
}

TEST_F(ContextTest, TheSameSeedGivesTheSameTextAndAnotherSeedAnother) {
  auto c = context();
  const Generation first = run(*c);
  EXPECT_EQ(run(*c).ids, first.ids);
  EXPECT_NE(run(*c, {.max_tokens = 24, .sampling = {.seed = 43}}).ids, first.ids);
  EXPECT_EQ(run(*context()).ids, first.ids);
}

TEST_F(ContextTest, BatchAndBlockSizesChangeNothing) {
  const Generation whole = run(*context());
  for (const int32_t batch : {1, 2, 3, 64}) {
    for (const int32_t block : {8, 16, 32}) {
      const ContextParams params = {.n_ctx = 40, .max_batch_tokens = batch, .block_size = block};
      EXPECT_EQ(run(*context(params)).ids, whole.ids) << batch << " " << block;
    }
  }
}

TEST_F(ContextTest, OneModelServesManyThreads) {
  const Generation alone = run(*context());
  std::vector<std::vector<int32_t>> ids(4);
  {
    std::vector<std::jthread> threads;
    for (auto& out : ids) {
      threads.emplace_back([&] { out = run(*context()).ids; });
    }
  }
  for (const auto& other : ids) EXPECT_EQ(other, alone.ids);
}

TEST_F(ContextTest, APromptAndANumberOfTokensAreEnough) {
  EXPECT_EQ(ContextParams{}.n_ctx, 2048);
  auto c = Context::create(model_);
  ASSERT_TRUE(c);
  const auto brief = (*c)->generate("Once", 12);
  const auto spelled_out = (*c)->generate("Once", {.max_tokens = 12, .ignore_eos = false});
  ASSERT_TRUE(brief && spelled_out);
  EXPECT_EQ(brief->text, spelled_out->text);
  EXPECT_LE(brief->ids.size(), 12u);
}

TEST_F(ContextTest, TextBecomesIdsAndTextAgain) {
  const auto ids = model_->tokenize("Hello", /*add_bos=*/false).value();
  EXPECT_EQ(model_->detokenize(ids), "Hello");
  EXPECT_EQ(model_->tokenize("Hello", true).value().size(), ids.size() + 1);
  // A control token in the text is text, unless asked otherwise.
  EXPECT_GT(model_->tokenize("</s>", false).value().size(), 1u);
  EXPECT_EQ(model_->tokenize("</s>", false, /*parse_special=*/true).value().size(), 1u);
}

TEST_F(ContextTest, ClearedItBeginsAgain) {
  auto c = context({.n_ctx = 40});
  const Generation first = run(*c);
  c->clear();
  c->clear();
  EXPECT_EQ(run(*c).ids, first.ids);
}

TEST_F(ContextTest, TheContextsMayOutliveTheirModel) {
  auto c = context();
  const Generation before = run(*c);
  model_.reset();
  EXPECT_EQ(run(*c).ids, before.ids);
}

TEST_F(ContextTest, CallbackSeesEveryTokenAndMayEndIt) {
  auto c = context();
  const Generation all = run(*c);
  std::vector<int32_t> seen;
  auto result = c->generate(kPrompt, {.max_tokens = 24}, [&](int32_t id, std::string_view) {
    seen.push_back(id);
    return seen.size() < 5;
  });
  ASSERT_TRUE(result);
  EXPECT_EQ(result->finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(seen, std::vector<int32_t>(all.ids.begin(), all.ids.begin() + 5));
  EXPECT_EQ(result->ids, seen);
}

TEST_F(ContextTest, ACancelledTokenStopsBeforeTheNextStep) {
  auto c = context();
  std::stop_source source;
  source.request_stop();
  auto result = c->generate(kPrompt, {.max_tokens = 4, .cancel = source.get_token()});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->finish_reason, FinishReason::kCancelled);
  EXPECT_TRUE(result->ids.empty());
}

TEST_F(ContextTest, AStopTokenEndsAndIsNotInTheResult) {
  // The first token of a greedy run, forced to be the stop token by a bias.
  auto c = context();
  const auto& stops = model_->tokenizer().stop_ids();
  ASSERT_FALSE(stops.empty());
  GenerateOptions options{.max_tokens = 8, .sampling = {.logit_bias = {{stops[0], 1e6f}}}};
  const Generation stopped = run(*c, options);
  EXPECT_EQ(stopped.finish_reason, FinishReason::kStop);
  EXPECT_TRUE(stopped.ids.empty());
  options.ignore_eos = true;
  const Generation gone_on = run(*c, options);
  EXPECT_EQ(gone_on.finish_reason, FinishReason::kLength);
  EXPECT_EQ(gone_on.ids, std::vector<int32_t>(8, stops[0]));
}

TEST_F(ContextTest, AStopStringEndsBeforeItself) {
  auto c = context();
  const Generation all = run(*c);
  ASSERT_GT(all.text.size(), 6u);
  const std::string stop = all.text.substr(all.text.size() / 2, 3);
  const Generation stopped = run(*c, {.max_tokens = 24, .stop_strings = {stop}});
  EXPECT_EQ(stopped.finish_reason, FinishReason::kStopString);
  EXPECT_EQ(stopped.text, all.text.substr(0, all.text.find(stop)));
  EXPECT_LT(stopped.ids.size(), all.ids.size());
}

TEST_F(ContextTest, WhatDoesNotFitIsRefusedWithTheNumbersAndTheContextGoesOn) {
  auto c = context({.n_ctx = 16});
  const auto result = c->generate(kPrompt, {.max_tokens = 10});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kContextOverflow);
  EXPECT_NE(result.error().message.find("17"), std::string::npos) << result.error().message;
  EXPECT_EQ(run(*c, {.max_tokens = 9}).ids.size(), 9u);
}

TEST_F(ContextTest, BadRequestsAreErrorsThatNameTheField) {
  auto c = context({.n_ctx = 512});
  const auto code = [&](std::span<const int32_t> ids, const GenerateOptions& options) {
    auto result = c->generate(ids, options);
    EXPECT_FALSE(result);
    return result ? ErrorCode::kGenerationFailed : result.error().code;
  };
  EXPECT_EQ(code({}, {}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(std::vector<int32_t>{1, 96}, {}), ErrorCode::kTokenOutOfRange);
  EXPECT_EQ(code(std::vector<int32_t>{-1}, {}), ErrorCode::kTokenOutOfRange);
  EXPECT_EQ(code(kPrompt, {.max_tokens = 0}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(kPrompt, {.max_tokens = -5}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(kPrompt, {.sampling = {.top_p = 2}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(run(*c).ids.size(), 24u);
}

TEST_F(ContextTest, BadParametersAreRefused) {
  const ContextParams bad[] = {{.n_ctx = 0},      {.n_ctx = -1},      {.max_batch_tokens = 0},
                               {.block_size = 0}, {.block_size = 24}, {.kv_type = "f64"}};
  for (const ContextParams& params : bad) {
    const auto result = Context::create(model_, params);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument) << result.error().message;
  }
}

TEST_F(ContextTest, MoreMemoryThanThereIsIsRefusedWithTheLedger) {
  const auto result = Context::create(model_, {.n_ctx = INT32_MAX});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kOutOfMemory);
  EXPECT_NE(result.error().message.find("KV cache"), std::string::npos) << result.error().message;
}

TEST_F(ContextTest, LogitsDoNotDependOnTheChunk) {
  const auto logits_in_chunks = [&](int32_t chunk) {
    auto c = context({.n_ctx = 32, .max_logit_rows = 32});
    std::vector<float> all;
    auto done = c->evaluate(kPrompt, chunk, [&](int64_t row, std::span<const float> logits) {
      EXPECT_EQ(row, static_cast<int64_t>(all.size() / logits.size()));
      all.insert(all.end(), logits.begin(), logits.end());
    });
    EXPECT_TRUE(done);
    return all;
  };
  const std::vector<float> whole = logits_in_chunks(0);
  ASSERT_EQ(whole.size(), kPrompt.size() * 96);
  for (const int32_t chunk : {1, 2, 3}) {
    const std::vector<float> pieces = logits_in_chunks(chunk);
    ASSERT_EQ(pieces.size(), whole.size());
    EXPECT_EQ(std::memcmp(pieces.data(), whole.data(), whole.size() * sizeof(float)), 0) << chunk;
  }
}

// Read part by part, and given back once packed: the embedding of a tied head too.
TEST(ModelLoad, ReadInsteadOfMappedItIsTheSameModel) {
  for (const char* name :
       {"weft-mini-llama-mixed", "weft-mini-qwen3-Q8_0", "weft-mini-llama3-F16"}) {
    const auto path = (test::fixtures_folder() / (std::string(name) + ".gguf")).string();
    std::vector<Generation> generated;
    for (const bool use_mmap : {true, false}) {
      const auto model =
          Model::load(path, {.threads = 1, .activations = "i16", .use_mmap = use_mmap});
      ASSERT_TRUE(model) << model.error().message;
      const auto context = Context::create(*model, {.n_ctx = 64});
      ASSERT_TRUE(context);
      generated.push_back(*(*context)->generate(kPrompt, {.max_tokens = 24}));
    }
    EXPECT_EQ(generated[0].ids, generated[1].ids) << name;
  }
}

TEST(ModelLoad, WhatIsNotThereOrNotPossibleIsAnError) {
  const auto path = (test::fixtures_folder() / "weft-mini-llama-F32.gguf").string();
  EXPECT_EQ(Model::load("/no/such/file.gguf").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Model::load(path, {.device = "cuda"}).error().code, ErrorCode::kDeviceError);
  EXPECT_EQ(Model::load(path, {.device = "tpu"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Model::load(path, {.threads = -1}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Model::load(path, {.threads = 10000}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Model::load(path, {.activations = "i2"}).error().code, ErrorCode::kInvalidArgument);
  const auto math = Model::load(path, {.math = "fast"});
  ASSERT_FALSE(math);
  EXPECT_EQ(math.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(math.error().message, "math: \"fast\", expected exact or fastest");
  EXPECT_TRUE(Model::load(path, {.use_mmap = false}));
}

TEST(ModelLoad, FastestMathChangesNothingOnTheCpuAndIsNotSpokenOf) {
  const auto path = (test::fixtures_folder() / "weft-mini-llama-F32.gguf").string();
  std::vector<std::string> notes;
  const auto model = Model::load(
      path, {.device = "cpu", .threads = 1, .math = "fastest", .on_note = [&](const auto& note) {
               notes.push_back(note);
             }});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE(notes.empty());
  const auto exact = Model::load(path, {.device = "cpu", .threads = 1});
  const auto ids = [](const auto& of) {
    return (*Context::create(*of, {.n_ctx = 64}))->generate(kPrompt, {.max_tokens = 8})->ids;
  };
  EXPECT_EQ(ids(model), ids(exact));
}

}  // namespace
}  // namespace weft
