// A model used alone, a token at a time, without an Inference.
#include <thread>

#include "core/text/tokenizer.h"
#include "tests/api/inference_support.h"

namespace weft::inference {
namespace {

TEST(Llama, LoadSaysWhatIsWrong) {
  EXPECT_EQ(Llama::load("/no/such/file.gguf").error().code, ErrorCode::kNotFound);
  const std::string path = fixture_path("weft-mini-llama-F32");
  EXPECT_EQ(Llama::load(path, "tpu").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Llama::load(path, "cpu", {.max_sequences = 0}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(Llama, CreatingAStateComputesNothingAndTakesNoBlocks) {
  const Llama model = load_mini();
  auto state = model.create_generation_state("Hello", 5);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->num_generated(), 0);
  EXPECT_EQ(model.engine().stats().steps, 0u);
  EXPECT_EQ(model.engine().stats().blocks_owned, 0);
}

TEST(Llama, TheFirstTurnComputesThePromptAndEachLaterOneAToken) {
  const Llama model = load_mini();
  auto state = model.create_generation_state("Hello", 5);
  ASSERT_TRUE(state);
  const size_t num_prompt = model.model().tokenize("Hello")->size();
  Sampler sampler;
  ASSERT_TRUE(model.generate_single_token(*state, 0, sampler));
  ASSERT_TRUE(eventually([&] { return model.engine().stats().steps == 1; }));
  EXPECT_EQ(model.engine().stats().prompt_tokens, num_prompt);
  ASSERT_TRUE(model.generate_single_token(*state, 0, sampler));
  ASSERT_TRUE(model.generate_single_token(*state, 0, sampler));
  ASSERT_TRUE(eventually([&] { return model.engine().stats().steps == 3; }));
  EXPECT_EQ(model.engine().stats().prompt_tokens, num_prompt);
  EXPECT_EQ(state->num_generated(), 3);
}

TEST(Llama, TheLastOfMaxTokensIsDoneAndATurnMoreIsAnError) {
  const Llama model = load_mini();
  auto state = model.create_generation_state("Hello", 3);
  ASSERT_TRUE(state);
  Sampler sampler;
  for (int i = 0; i < 3; ++i) {
    const auto token = model.generate_single_token(*state, 0, sampler);
    ASSERT_TRUE(token) << token.error().message;
    EXPECT_EQ(token->done, i == 2);
  }
  const auto more = model.generate_single_token(*state, 0, sampler);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::kMaxTokensReached);
  EXPECT_EQ(more.error().message, "Maximum tokens reached");
}

TEST(Llama, AStopTokenIsAppendedAndDone) {
  const Llama model = load_mini();
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const auto outputs = run_alone(
        model, {.prompt = "a", .max_tokens = 40, .temperature = 1.5, .top_p = 1, .seed = seed});
    for (size_t i = 0; i + 1 < outputs.size(); ++i) {
      ASSERT_FALSE(model.model().tokenizer().is_stop(outputs[i].token_id));
    }
    if (outputs.size() == 40) continue;
    EXPECT_TRUE(model.model().tokenizer().is_stop(outputs.back().token_id));
    return;
  }
  FAIL() << "no request of a hundred met a stop token";
}

TEST(Llama, TokensAreThoseOfTheSynchronousContext) {
  const Llama model = load_mini();
  auto context = Context::create(Model::load(fixture_path("weft-mini-qwen3-Q8_0")).value());
  ASSERT_TRUE(context);
  for (const float temperature : {0.0f, 0.7f, 1.3f}) {
    for (uint64_t seed = 42; seed < 46; ++seed) {
      auto expected = (*context)->generate(
          "Hello",
          {.max_tokens = 30,
           .sampling = {.temperature = temperature, .top_k = 0, .top_p = 0.9f, .seed = seed}});
      ASSERT_TRUE(expected);
      auto ids = ids_of(run_alone(
          model, {.prompt = "Hello", .max_tokens = 30, .temperature = temperature, .seed = seed}));
      if (expected->finish_reason == FinishReason::kStop) ids.pop_back();  // it leaves it out
      EXPECT_EQ(ids, expected->ids) << temperature << " " << seed;
    }
  }
}

TEST(Llama, TheTemperatureMayChangeFromTurnToTurn) {
  const Llama model = load_mini();
  auto state = model.create_generation_state("Hello", 20);
  const auto greedy = run_alone(model, {.prompt = "Hello", .max_tokens = 1, .temperature = 0});
  Sampler sampler(0.9, 7);
  EXPECT_EQ(model.generate_single_token(*state, 0, sampler)->token_id, greedy[0].token_id);
  EXPECT_TRUE(model.generate_single_token(*state, 0.9, sampler));
  const auto bad = model.generate_single_token(*state, -1, sampler);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(model.generate_single_token(*state, 0.7, sampler)) << "the state goes on";
}

TEST(Llama, SamplingValuesOutOfRangeAreErrors) {
  const Llama model = load_mini();
  for (const double top_p : {0.0, -1.0, 1.5}) {
    Sampler sampler(top_p, 1);
    const auto outputs = model.generate_streaming("Hello", 4, 0.7, sampler);
    ASSERT_FALSE(outputs);
    EXPECT_EQ(outputs.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Llama, BadStatesAreRefusedBeforeAnythingIsComputed) {
  const Llama model = load_mini({.num_blocks = 2});
  EXPECT_EQ(model.create_generation_state("Hello", 0).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(model.create_generation_state("Hello", 1000).error().code, ErrorCode::kContextOverflow);
  EXPECT_EQ(model.engine().stats().steps, 0u);
}

TEST(Llama, AStateOfAnotherModelIsRefused) {
  const Llama one = load_mini(), other = load_mini();
  auto state = one.create_generation_state("Hello", 4);
  Sampler sampler;
  EXPECT_EQ(other.generate_single_token(*state, 0, sampler).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(Llama, AStateOutlivesItsHandles) {
  std::optional<GenerationState> state;
  Sampler sampler;
  {
    Llama model = load_mini();
    state = std::move(*model.create_generation_state("Hello", 4));
    ASSERT_TRUE(model.generate_single_token(*state, 0, sampler));
  }
  EXPECT_EQ(state->num_generated(), 1);
}

TEST(Llama, DestroyingAStateGivesItsBlocksBack) {
  const Llama model = load_mini();
  {
    auto state = model.create_generation_state("Hello", 100);
    Sampler sampler;
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(model.generate_single_token(*state, 0, sampler));
    EXPECT_TRUE(eventually([&] { return model.engine().stats().blocks_owned == 3; }));
  }
  EXPECT_TRUE(eventually([&] { return model.engine().stats().blocks_owned == 0; }));
}

TEST(Llama, StatesInterleavedByHandAreAsAlone) {
  const Llama model = load_mini();
  const GenerateRequest one = {.prompt = "Hello", .max_tokens = 20, .seed = 1};
  const GenerateRequest two = {.prompt = "World", .max_tokens = 20, .seed = 2};
  std::vector<int32_t> ids[2];
  {
    auto a = model.create_generation_state(one.prompt, one.max_tokens);
    auto b = model.create_generation_state(two.prompt, two.max_tokens);
    Sampler draws_a(one.top_p, one.seed), draws_b(two.top_p, two.seed);
    bool done_a = false, done_b = false;
    while (!done_a || !done_b) {
      if (!done_a) {
        auto [id, text, done] = *model.generate_single_token(*a, one.temperature, draws_a);
        ids[0].push_back(id);
        done_a = done;
      }
      if (!done_b) {
        auto [id, text, done] = *model.generate_single_token(*b, two.temperature, draws_b);
        ids[1].push_back(id);
        done_b = done;
      }
    }
  }
  const Llama fresh = load_mini();
  EXPECT_EQ(ids[0], ids_of(run_alone(fresh, one)));
  EXPECT_EQ(ids[1], ids_of(run_alone(fresh, two)));
}

TEST(Llama, GenerateStreamingShowsEveryOutputAndMayBeEnded) {
  const Llama model = load_mini();
  Sampler sampler;
  std::vector<TokenOutput> seen;
  const auto all = model.generate_streaming("Hello", 10, 0, sampler, [&](const TokenOutput& o) {
    seen.push_back(o);
    return Result<void>();
  });
  ASSERT_TRUE(all);
  EXPECT_EQ(seen, *all);
  ASSERT_EQ(all->size(), 10u);
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ((*all)[i].index, static_cast<int32_t>(i));

  const auto ended =
      model.generate_streaming("Hello", 10, 0, sampler, [](const TokenOutput& o) -> Result<void> {
        if (o.index < 3) return {};
        return fail(ErrorCode::kIoError, "enough");
      });
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, "enough");
}

// ------------------------------------------------------------------ alone in the engine

TEST(LlamaSubmit, ReturnsWhatTheFunctionReturns) {
  const Llama model = load_mini();
  EXPECT_EQ(*model.submit([](Llama& m) { return m.model().info().n_vocab; }), 96);
  EXPECT_EQ(*model.submit([](Llama&) -> Result<int> { return 7; }), 7);
  EXPECT_EQ(model.submit([](Llama&) -> Result<int> { return fail(ErrorCode::kIoError, "no"); })
                .error()
                .message,
            "no");
  bool ran = false;
  EXPECT_TRUE(model.submit([&](Llama&) { ran = true; }));
  EXPECT_TRUE(ran);
}

TEST(LlamaSubmit, WhatItThrowsGoesToTheCallerAndTheModelGoesOn) {
  const Llama model = load_mini();
  EXPECT_THROW((void)model.submit([](Llama&) { throw 5; }), int);
  EXPECT_EQ(run_alone(model, {.prompt = "Hello", .max_tokens = 3, .temperature = 0}).size(), 3u);
}

TEST(LlamaSubmit, MayGenerateAndSubmitAgain) {
  const Llama model = load_mini();
  const GenerateRequest request = {.prompt = "Hello", .max_tokens = 8};
  const auto expected = run_alone(model, request);
  const auto inside = model.submit([&](Llama& alone) {
    return alone.submit([&](Llama& still_alone) { return run_alone(still_alone, request); });
  });
  ASSERT_TRUE(inside);
  EXPECT_EQ(*inside, expected);
}

TEST(LlamaSubmit, AHandleThatWasKeptIsAsAnyOtherAfterwards) {
  const Llama model = load_mini();
  std::optional<Llama> kept;
  ASSERT_TRUE(model.submit([&](Llama& alone) { kept = alone; }));
  EXPECT_EQ(run_alone(*kept, {.prompt = "Hello", .max_tokens = 3, .temperature = 0}).size(), 3u);
  EXPECT_EQ(run_alone(model, {.prompt = "Hello", .max_tokens = 3, .temperature = 0}).size(), 3u);
}

TEST(LlamaSubmit, EverythingElseStandsStillMeanwhile) {
  const Llama model = load_mini();
  auto stream = model.engine().submit(
      {.prompt = "Hello", .max_tokens = 8000, .sampling = {.temperature = 0}});
  ASSERT_TRUE(stream);
  ASSERT_TRUE(*stream->next());
  const auto done = model.submit([&](Llama& alone) {
    const uint64_t before = alone.engine().stats().generated_tokens;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(alone.engine().stats().generated_tokens, before);
    Sampler sampler;
    EXPECT_EQ(alone.generate_streaming("World", 5, 0, sampler)->size(), 5u);
    EXPECT_TRUE(eventually([&] { return alone.engine().stats().generated_tokens == before + 5; }));
  });
  ASSERT_TRUE(done);
  ASSERT_TRUE(*stream->next()) << "it goes on afterwards";
}

TEST(LlamaSubmit, ComesInTheOrderItWasAsked) {
  const Llama model = load_mini();
  std::vector<int> order;
  std::vector<std::jthread> threads;
  ASSERT_TRUE(model.submit([&](Llama&) {
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back(
          [&, i] { ASSERT_TRUE(model.submit([&](Llama&) { order.push_back(i); })); });
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    EXPECT_TRUE(order.empty());
  }));
  threads.clear();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
}

TEST(LlamaSubmit, FailsOnceTheEngineIsShutDown) {
  const Llama model = load_mini();
  model.engine().shutdown(Engine::Shutdown::kNow);
  EXPECT_EQ(model.submit([](Llama&) {}).error().code, ErrorCode::kShutDown);
  auto state = model.create_generation_state("Hello", 5);
  ASSERT_TRUE(state);
  Sampler sampler;
  EXPECT_EQ(model.generate_single_token(*state, 0, sampler).error().code, ErrorCode::kShutDown);
}

}  // namespace
}  // namespace weft::inference
