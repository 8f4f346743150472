// The scenes of concurrent inference, over several models: what interleaves is as what runs alone,
// and the turns of a round are one forward pass.
#include <algorithm>
#include <numeric>

#include "core/text/tokenizer.h"
#include "tests/api/inference_support.h"

namespace weft::inference {
namespace {

constexpr const char* kStories = "models/stories260K.gguf";

// A handler of one's own, as an application would write it: the loop over single turns.
Result<void> turn_by_turn(const GenerateRequest& request, ModelAccessor<Llama>& model,
                          const CancelToken& cancel, OutStream<TokenOutput>& output) {
  WEFT_TRY_ASSIGN(GenerationState state,
                  model.create_generation_state(request.prompt, request.max_tokens));
  Sampler sampler(request.top_p, request.seed);
  while (!cancel.is_cancelled()) {
    WEFT_TRY_ASSIGN(SingleToken token,
                    model.generate_single_token(state, request.temperature, sampler));
    WEFT_TRY(output.emit({.token = std::move(token.text),
                          .token_id = token.token_id,
                          .index = state.num_generated() - 1}));
    if (token.done) return {};
  }
  return {};
}

using HandlerFunction = Result<void> (*)(GenerateRequest, ModelAccessor<Llama>&, CancelToken,
                                         OutStream<TokenOutput>&);
Result<void> own_handler(GenerateRequest request, ModelAccessor<Llama>& model, CancelToken cancel,
                         OutStream<TokenOutput>& output) {
  return turn_by_turn(request, model, cancel, output);
}

Inference build(const Llama& model, HandlerFunction handler) {
  return InferenceBuilder<Llama>().with_model(model).build(handler);
}

std::vector<GenerateRequest> requests(int n, int32_t max_tokens, uint64_t seed) {
  const char* const prompts[] = {"Hello", "Once upon a time", "The cat", "World", "A"};
  std::vector<GenerateRequest> all;
  for (int i = 0; i < n; ++i) {
    all.push_back({.prompt = prompts[i % 5],
                   .max_tokens = max_tokens,
                   .seed = seed + static_cast<uint64_t>(i)});
  }
  return all;
}

class Scenes : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string name = GetParam();
    if (name == "stories260K") WEFT_NEED_TEST_DATA(kStories);
    path_ =
        name == "stories260K" ? (test::test_data_folder() / kStories).string() : fixture_path(name);
    model_ = load();
  }
  std::optional<Llama> load(const EngineConfig& config = {.prefix_cache = false}) const {
    auto model = Llama::load(path_, "cpu", config);
    EXPECT_TRUE(model) << model.error().message;
    return std::move(*model);
  }
  std::vector<std::vector<TokenOutput>> alone(const std::vector<GenerateRequest>& all) const {
    const auto fresh = load();
    std::vector<std::vector<TokenOutput>> outputs;
    for (const GenerateRequest& request : all) outputs.push_back(run_alone(*fresh, request));
    return outputs;
  }

  std::string path_;
  std::optional<Llama> model_;
};

TEST_P(Scenes, OneRequestOfThirtyTokens) {
  Inference inference = build(*model_, concurrent_streaming_handler);
  Job job = spawn(inference, {.prompt = "Hello", .max_tokens = 30});
  const auto outputs = read_all(job);
  EXPECT_TRUE(job.join());
  ASSERT_FALSE(outputs.empty());
  const bool stopped = model_->model().tokenizer().is_stop(outputs.back().token_id);
  EXPECT_TRUE(outputs.size() == 30 || stopped);
  EXPECT_EQ(outputs, alone({{.prompt = "Hello", .max_tokens = 30}})[0]);
}

TEST_P(Scenes, ThreeRequestsOfTwentyTokensAdvanceTogether) {
  const auto all = requests(3, 20, 42);
  const auto expected = alone(all);
  Inference inference = build(*model_, concurrent_streaming_handler);
  std::vector<Job> jobs;
  // All three wait when the model is free, so that they start in the same round.
  ASSERT_TRUE(model_->submit([&](Llama&) {
    for (const auto& request : all) jobs.push_back(spawn(inference, request));
    EXPECT_TRUE(eventually([&] { return model_->engine().stats().waiting == 3; }));
  }));
  size_t rounds = 0;
  for (size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_EQ(read_all(jobs[i]), expected[i]) << i;
    EXPECT_TRUE(jobs[i].join());
    rounds = std::max(rounds, expected[i].size());
  }
  // In each round, which is one forward pass, everyone who is not done advances by one.
  EXPECT_TRUE(eventually([&] { return model_->engine().stats().steps == rounds; }))
      << model_->engine().stats().steps << " steps for " << rounds << " rounds";
}

TEST(Scene, CancelAfterFiveTokensLeavesTheOthersAsTheyWere) {
  const Llama model = load_mini();
  const GenerateRequest beside = {.prompt = "World", .max_tokens = 50, .temperature = 0};
  const auto expected = run_alone(load_mini(), beside);
  Inference inference = build(model, concurrent_streaming_handler);
  Job job = spawn(inference, endless());
  Job other = spawn(inference, beside);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(job.stream.next()->index, i);
  job.cancel();
  EXPECT_CANCELLED(job.join());
  EXPECT_EQ(read_all(other), expected);
  EXPECT_TRUE(other.join());
  EXPECT_TRUE(eventually([&] { return model.engine().stats().blocks_owned == 0; }));
}

TEST_P(Scenes, TenRequestsOfTenTokens) {
  const auto all = requests(10, 10, 100);
  const auto expected = alone(all);
  Inference inference = build(*model_, concurrent_streaming_handler);
  std::vector<Job> jobs;
  for (const auto& request : all) jobs.push_back(spawn(inference, request));
  for (size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_EQ(read_all(jobs[i]), expected[i]) << i;
    EXPECT_TRUE(jobs[i].join());
  }
}

TEST_P(Scenes, InterleavedIsAsAloneForOneThreeTenAndSixtyFourRequests) {
  for (const HandlerFunction handler : {&concurrent_streaming_handler, &own_handler}) {
    for (const int n : {1, 3, 10, 64}) {
      const auto all = requests(n, 24, 1000);
      const auto expected = alone(all);
      Inference inference = build(*model_, handler);
      std::vector<Job> jobs;
      for (const auto& request : all) jobs.push_back(spawn(inference, request));
      for (size_t i = 0; i < jobs.size(); ++i) {
        EXPECT_EQ(read_all(jobs[i]), expected[i]) << i << " of " << n;
        EXPECT_TRUE(jobs[i].join());
      }
    }
  }
}

TEST_P(Scenes, TheBlockingHandlerGivesTheSameOneAfterAnother) {
  const auto all = requests(3, 20, 42);
  const auto expected = alone(all);
  Inference inference = build(*model_, streaming_handler);
  std::vector<Job> jobs;
  for (const auto& request : all) jobs.push_back(spawn(inference, request));
  size_t turns = 0;
  for (size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_EQ(read_all(jobs[i]), expected[i]) << i;
    EXPECT_TRUE(jobs[i].join());
    turns += expected[i].size();
  }
  // It holds the model: no forward pass is shared.
  EXPECT_TRUE(eventually([&] { return model_->engine().stats().steps == turns; }));
}

TEST_P(Scenes, ABlockingRunFirstDoesNotChangeLaterOutput) {
  const auto all = requests(3, 20, 42);
  const auto expected = alone(all);
  const auto run = [&](HandlerFunction handler) {
    Inference inference = build(*model_, handler);
    std::vector<Job> jobs;
    for (const auto& request : all) jobs.push_back(spawn(inference, request));
    for (size_t i = 0; i < jobs.size(); ++i) EXPECT_EQ(read_all(jobs[i]), expected[i]) << i;
  };
  run(streaming_handler);
  run(concurrent_streaming_handler);
  run(streaming_handler);
}

TEST_P(Scenes, TurnsThatAreAskedForTogetherAreOneForwardPass) {
  // Each handler asks for one turn while the model is held; then all are answered by one step.
  Inference inference = build(*model_, own_handler);
  std::vector<Job> jobs;
  ASSERT_TRUE(model_->submit([&](Llama&) {
    for (auto request : requests(3, 1, 42)) jobs.push_back(spawn(inference, request));
    EXPECT_TRUE(eventually([&] { return model_->engine().stats().paused == 3; }));
  }));
  for (Job& job : jobs) EXPECT_TRUE(job.join());
  EXPECT_TRUE(eventually([&] { return model_->engine().stats().generated_tokens == 3; }));
  EXPECT_EQ(model_->engine().stats().steps, 1u);
}

TEST_P(Scenes, EachRoundOfAHandlerOfOnesOwnIsOneForwardPass) {
  const auto all = requests(3, 20, 42);
  const auto expected = alone(all);
  size_t rounds = 0;
  for (const auto& outputs : expected) rounds = std::max(rounds, outputs.size());
  // Waits as long as a busy machine takes to wake the handlers: then there is no luck in it.
  model_ = load({.prefix_cache = false, .max_turn_wait_ms = 1e9});
  Inference inference = build(*model_, own_handler);
  std::vector<Job> jobs;
  ASSERT_TRUE(model_->submit([&](Llama&) {
    for (const auto& request : all) jobs.push_back(spawn(inference, request));
    EXPECT_TRUE(eventually([&] { return model_->engine().stats().paused == 3; }));
  }));
  for (size_t i = 0; i < jobs.size(); ++i) EXPECT_EQ(read_all(jobs[i]), expected[i]) << i;
  inference.stop();
  EXPECT_TRUE(eventually([&] { return model_->engine().stats().steps == rounds; }))
      << model_->engine().stats().steps << " steps for " << rounds << " rounds";
}

INSTANTIATE_TEST_SUITE_P(Models, Scenes,
                         ::testing::Values("weft-mini-llama-F32", "weft-mini-llama-mixed",
                                           "weft-mini-qwen3-Q8_0", "stories260K"),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace weft::inference
