// Jobs: how they start, end, are cancelled and resolve, whatever happens to their inference.
#include <atomic>
#include <future>
#include <random>
#include <stdexcept>

#include "tests/api/inference_support.h"

namespace weft::inference {
namespace {

Inference concurrent(const Llama& model, const InferenceOptions& options = {}) {
  return InferenceBuilder<Llama>().with_model(model).with_options(options).build(
      concurrent_streaming_handler);
}

// The blocks of everything that ended are back.
void expect_no_blocks_owned(const Llama& model) {
  EXPECT_TRUE(eventually([&] { return model.engine().stats().blocks_owned == 0; }));
}

TEST(Inference, ARequestNeedsExactlyOneDeviceAndTheModelsOwn) {
  Inference inference = concurrent(load_mini());
  const auto code = [&](const std::vector<Device>& devices) {
    const auto outputs = inference.infer("Hello").with_devices(devices).run();
    return outputs ? std::optional<ErrorCode>() : outputs.error().code;
  };
  EXPECT_EQ(inference.infer("Hello").run().error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({"cpu", "cpu"}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({"cuda"}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({"cpu"}), std::nullopt);
  EXPECT_EQ(code({"auto"}), std::nullopt);
}

TEST(Inference, TheDefaultsAreThoseOfTheRequest) {
  const GenerateRequest request("Hello");
  EXPECT_EQ(request.prompt, "Hello");
  EXPECT_EQ(request.max_tokens, 50);
  EXPECT_EQ(request.temperature, 0.7);
  EXPECT_EQ(request.top_p, 0.9);
  EXPECT_EQ(request.seed, 42u);
}

TEST(Inference, BadRequestsResolveWithTheirError) {
  Inference inference = concurrent(load_mini({.num_blocks = 4}));
  const auto code = [&](const GenerateRequest& request) {
    return inference.infer(request).with_devices({"cpu"}).run().error().code;
  };
  EXPECT_EQ(code({.prompt = "a", .max_tokens = 0}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.prompt = "a", .max_tokens = -3}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.prompt = "a", .max_tokens = 1000}), ErrorCode::kContextOverflow);
  EXPECT_EQ(code({.prompt = "a", .top_p = 0}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.prompt = "a", .temperature = -1}), ErrorCode::kInvalidArgument);
}

TEST(Inference, RunGivesTheOutputsOfTheStream) {
  const Llama model = load_mini();
  Inference inference = concurrent(model);
  const GenerateRequest request = {.prompt = "Hello", .max_tokens = 20};
  const auto outputs = inference.infer(request).with_devices({"cpu"}).run();
  ASSERT_TRUE(outputs);
  Job job = spawn(inference, request);
  EXPECT_EQ(read_all(job), *outputs);
  EXPECT_TRUE(job.join());
}

TEST(Inference, IntoModelGivesTheModelBackToBeUsedAgain) {
  const Llama model = load_mini();
  Inference first = concurrent(model);
  Job job = spawn(first, endless());
  ASSERT_TRUE(job.stream.next());
  const Llama back = first.into_model();
  EXPECT_EQ(job.join().error().code, ErrorCode::kShutDown);
  EXPECT_EQ(first.infer("Hello").with_devices({"cpu"}).run().error().code, ErrorCode::kShutDown);
  EXPECT_EQ(first.submit([](Llama&) {}).error().code, ErrorCode::kShutDown);

  const GenerateRequest request = {.prompt = "Hello", .max_tokens = 10};
  const auto expected = run_alone(back, request);
  Inference second = concurrent(back);
  EXPECT_EQ(*second.infer(request).with_devices({"cpu"}).run(), expected);
}

TEST(Inference, SubmitRunsAloneBetweenRoundsAndReturnsTheResult) {
  Inference inference = concurrent(load_mini());
  Job job = spawn(inference, endless());
  ASSERT_TRUE(job.stream.next());
  const auto result = inference.submit([](Llama& alone) -> Result<int32_t> {
    const uint64_t before = alone.engine().stats().generated_tokens;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(alone.engine().stats().generated_tokens, before);
    return alone.model().info().n_vocab;
  });
  EXPECT_EQ(*result, 96);
  ASSERT_TRUE(job.stream.next());
}

// ------------------------------------------------------------------ streams

TEST(JobStream, HoldsEveryOutputWithoutAReader) {
  Inference inference = concurrent(load_mini());
  Job job = spawn(inference, {.prompt = "Hello", .max_tokens = 300, .temperature = 0});
  EXPECT_TRUE(job.join()) << "join() needs no reader";
  EXPECT_EQ(read_all(job).size(), 300u);
  EXPECT_FALSE(job.stream.next());
}

TEST(JobStream, IndicesCountFromZeroAndTextsMakeTheWhole) {
  const Llama model = load_mini();
  Inference inference = concurrent(model);
  Job job = spawn(inference, {.prompt = "Hello", .max_tokens = 30, .temperature = 0});
  int32_t n = 0;
  std::string text;
  std::vector<int32_t> ids;
  for (const TokenOutput& output : job.stream) {
    EXPECT_EQ(output.index, n++);
    text += output.token;
    ids.push_back(output.token_id);
  }
  EXPECT_EQ(n, 30);
  EXPECT_EQ(text, model.model().detokenize(ids));
}

TEST(JobStream, AReaderThatGoesEndsTheGeneration) {
  const Llama model = load_mini();
  Inference inference = concurrent(model);
  {
    Job job = spawn(inference, endless());
    ASSERT_TRUE(job.stream.next());
  }
  EXPECT_TRUE(eventually([&] { return model.engine().stats().cancelled == 1; }));
  expect_no_blocks_owned(model);
}

TEST(JobStream, AStreamThatWasMovedOutGoesOnWithoutItsJob) {
  Inference inference = concurrent(load_mini());
  std::optional<JobStream> stream;
  {
    Job job = spawn(inference, {.prompt = "Hello", .max_tokens = 200, .temperature = 0});
    stream.emplace(std::move(job.stream));
  }
  int n = 0;
  for ([[maybe_unused]] const TokenOutput& output : *stream) ++n;
  EXPECT_EQ(n, 200);
}

// ------------------------------------------------------------------ cancelling

TEST(JobCancel, BeforeTheStartNothingIsPutOutAndNothingComputed) {
  const Llama model = load_mini();
  Inference inference = concurrent(model, {.max_handlers = 1});
  Job running = spawn(inference, endless());
  ASSERT_TRUE(eventually([&] { return model.engine().stats().generated_tokens > 0; }));
  const uint64_t prompt_tokens = model.engine().stats().prompt_tokens;
  Job waiting = spawn(inference, {.prompt = "World"});
  waiting.cancel();
  EXPECT_CANCELLED(waiting.join());
  EXPECT_FALSE(waiting.stream.next());
  running.cancel();
  EXPECT_CANCELLED(running.join());
  expect_no_blocks_owned(model);
  EXPECT_EQ(model.engine().stats().prompt_tokens, prompt_tokens);
}

TEST(JobCancel, InMidRunWhatWasPutOutCanBeReadAndNothingIsAdded) {
  const Llama model = load_mini();
  for (const bool with_turns : {false, true}) {
    Inference inference = InferenceBuilder<Llama>().with_model(model).build(
        with_turns ? streaming_handler : concurrent_streaming_handler);
    const uint64_t before = model.engine().stats().generated_tokens;
    Job job = spawn(inference, endless());
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(job.stream.next());
    job.cancel();
    EXPECT_CANCELLED(job.join());
    const auto rest = read_all(job);
    EXPECT_LT(rest.size(), 7000u);
    for (size_t i = 0; i < rest.size(); ++i) EXPECT_EQ(rest[i].index, static_cast<int32_t>(i) + 5);
    expect_no_blocks_owned(model);
    // Two may be on their way: one that was drawn, one whose step was running.
    const uint64_t drawn = model.engine().stats().generated_tokens - before;
    if (with_turns) {
      EXPECT_LE(drawn, rest.size() + 5 + 2);
    }
  }
}

TEST(JobCancel, InMidPrefillTheBlocksAreBackAndNoTokenIsPutOut) {
  const Llama model = load_mini({.max_batch_tokens = 4, .prefix_cache = false});
  Inference inference = concurrent(model);
  Job job = spawn(inference, {.prompt = std::string(15000, 'a'), .max_tokens = 5});
  ASSERT_TRUE(eventually([&] { return model.engine().stats().prompt_tokens > 0; }));
  job.cancel();
  EXPECT_CANCELLED(job.join());
  EXPECT_FALSE(job.stream.next());
  expect_no_blocks_owned(model);
  EXPECT_LT(model.engine().stats().prompt_tokens, 15000u);
}

TEST(JobCancel, AfterTheEndNothingHappens) {
  Inference inference = concurrent(load_mini());
  Job job = spawn(inference, {.prompt = "Hello", .max_tokens = 5, .temperature = 0});
  EXPECT_TRUE(job.join());
  job.cancel();
  EXPECT_TRUE(job.join());
  EXPECT_EQ(read_all(job).size(), 5u);
}

TEST(JobCancel, WhileABlockingHandlerWaitsForTheModel) {
  const Llama model = load_mini();
  Inference inference = InferenceBuilder<Llama>().with_model(model).build(streaming_handler);
  Job holds = spawn(inference, endless());
  ASSERT_TRUE(holds.stream.next());
  Job waits = spawn(inference, endless("World"));
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  waits.cancel();
  EXPECT_CANCELLED(waits.join());
  EXPECT_FALSE(waits.stream.next());
  ASSERT_TRUE(holds.stream.next()) << "the other one goes on";
}

// ------------------------------------------------------------------ ends of all kinds

TEST(JobEnd, StoppingTheInferenceResolvesEveryJob) {
  const Llama model = load_mini();
  Inference inference = concurrent(model, {.max_handlers = 3});
  std::vector<Job> jobs;
  for (int i = 0; i < 10; ++i) jobs.push_back(spawn(inference, endless()));
  ASSERT_TRUE(jobs[0].stream.next());
  inference.stop();
  for (Job& job : jobs) EXPECT_EQ(job.join().error().code, ErrorCode::kShutDown);
  expect_no_blocks_owned(model);
}

TEST(JobEnd, AnEngineThatIsShutDownResolvesEveryJob) {
  const Llama model = load_mini();
  for (int blocking = 0; blocking < 2; ++blocking) {
    Inference inference = InferenceBuilder<Llama>().with_model(model).build(
        blocking ? streaming_handler : concurrent_streaming_handler);
    std::vector<Job> jobs;
    for (int i = 0; i < 4; ++i) jobs.push_back(spawn(inference, endless()));
    if (!blocking) {
      EXPECT_TRUE(jobs[0].stream.next());
    }
    model.engine().shutdown(Engine::Shutdown::kNow);
    for (Job& job : jobs) EXPECT_EQ(job.join().error().code, ErrorCode::kShutDown);
  }
}

TEST(JobEnd, DestructionAtAnyMomentResolvesEveryJob) {
  std::mt19937 random(7);
  const Llama model = load_mini();
  for (int round = 0; round < 40; ++round) {
    std::vector<Job> jobs;
    {
      Inference inference = InferenceBuilder<Llama>().with_model(model).build(
          round % 2 == 0 ? concurrent_streaming_handler : streaming_handler);
      for (int i = 0; i < 6; ++i) {
        jobs.push_back(spawn(inference, endless()));
        if (random() % 4 == 0) jobs[random() % jobs.size()].cancel();
      }
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
    }
    for (Job& job : jobs) ASSERT_FALSE(job.join());
  }
  expect_no_blocks_owned(model);
}

TEST(JobEnd, DestructionOfTheModelInMidRunResolvesEveryJob) {
  std::mt19937 random(8);
  for (int round = 0; round < 15; ++round) {
    std::optional<Inference> inference = concurrent(load_mini());
    Job job = spawn(*inference, endless());
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 2000));
    inference.reset();  // and with it the last handle of the model
    ASSERT_FALSE(job.join());
  }
}

TEST(JobEnd, MoreJobsThanMayWaitAreRefused) {
  Inference inference = concurrent(load_mini(), {.max_handlers = 1, .max_waiting = 1});
  Job running = spawn(inference, endless());
  Job waiting = spawn(inference, endless());
  Job refused = spawn(inference, endless());
  EXPECT_EQ(refused.join().error().code, ErrorCode::kQueueFull);
}

TEST(JobEnd, JobsThatWaitForAHandlerRunInOrder) {
  std::vector<int32_t> order;  // one handler: no two at once
  Inference inference = InferenceBuilder<Llama>()
                            .with_model(load_mini())
                            .with_options({.max_handlers = 1})
                            .build([&](const GenerateRequest& request, ModelAccessor<Llama>&,
                                       CancelToken, OutStream<TokenOutput>&) -> Result<void> {
                              order.push_back(request.max_tokens);
                              return {};
                            });
  std::vector<Job> jobs;
  for (int i = 1; i <= 5; ++i) jobs.push_back(spawn(inference, {.max_tokens = i}));
  for (Job& job : jobs) EXPECT_TRUE(job.join());
  EXPECT_EQ(order, (std::vector<int32_t>{1, 2, 3, 4, 5}));
}

// ------------------------------------------------------------------ a user's own handler

TEST(OwnHandler, ItsErrorIsTheJobs) {
  Inference inference = InferenceBuilder<Llama>()
                            .with_model(load_mini())
                            .build([](const GenerateRequest&, ModelAccessor<Llama>&,
                                      const CancelToken&, OutStream<TokenOutput>&) -> Result<void> {
                              return fail(ErrorCode::kUnsupported, "not today");
                            });
  const auto outputs = inference.infer("Hello").with_devices({"cpu"}).run();
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().message, "not today");
}

TEST(OwnHandler, WhatItThrowsIsAnErrorOfThatJobAlone) {
  Inference inference =
      InferenceBuilder<Llama>()
          .with_model(load_mini())
          .build([](GenerateRequest request, ModelAccessor<Llama>& model, CancelToken cancel,
                    OutStream<TokenOutput>& output) -> Result<void> {
            if (request.prompt == "std") throw std::runtime_error("broken");
            if (request.prompt == "int") throw 5;
            return concurrent_streaming_handler(std::move(request), model, cancel, output);
          });
  Job good = spawn(inference, {.prompt = "Hello", .max_tokens = 100, .temperature = 0});
  Job bad = spawn(inference, {.prompt = "std"});
  Job worse = spawn(inference, {.prompt = "int"});
  EXPECT_EQ(bad.join().error().code, ErrorCode::kGenerationFailed);
  EXPECT_NE(bad.join().error().message.find("broken"), std::string::npos);
  EXPECT_EQ(worse.join().error().code, ErrorCode::kGenerationFailed);
  EXPECT_TRUE(good.join());
  EXPECT_EQ(read_all(good).size(), 100u);
}

TEST(OwnHandler, MayBeACallableThatCanOnlyBeMoved) {
  auto owned = std::make_unique<std::atomic<int>>(0);
  std::atomic<int>& count = *owned;
  Inference inference =
      InferenceBuilder<Llama>()
          .with_model(load_mini())
          .build([owned = std::move(owned)](const GenerateRequest&, ModelAccessor<Llama>&,
                                            CancelToken, OutStream<TokenOutput>& output) {
            ++*owned;
            return output.emit({.token = "own"});
          });
  const auto outputs = inference.infer("Hello").with_devices({"cpu"}).run();
  ASSERT_TRUE(outputs);
  EXPECT_EQ(outputs->at(0).token, "own");
  EXPECT_EQ(count, 1);
}

TEST(OwnHandler, CannotPutOutMoreThanTheStreamHolds) {
  Inference inference = InferenceBuilder<Llama>()
                            .with_model(load_mini())
                            .build([](const GenerateRequest&, ModelAccessor<Llama>&, CancelToken,
                                      OutStream<TokenOutput>& output) -> Result<void> {
                              for (;;) WEFT_TRY(output.emit({}));
                            });
  Job job = spawn(inference, {.max_tokens = 3});
  EXPECT_EQ(job.join().error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(read_all(job).size(), 3u);
}

TEST(OwnHandler, ATurnItWaitsForEndsWhenTheJobIsCancelled) {
  const Llama model = load_mini({.max_batch_tokens = 4, .prefix_cache = false});
  Inference inference = InferenceBuilder<Llama>().with_model(model).build(
      [](const GenerateRequest& request, ModelAccessor<Llama>& lent, CancelToken,
         OutStream<TokenOutput>&) -> Result<void> {
        WEFT_TRY_ASSIGN(auto state, lent.create_generation_state(request.prompt, 5));
        Sampler sampler;
        WEFT_TRY(lent.generate_single_token(state, 0, sampler));
        return {};
      });
  Job job = spawn(inference, {.prompt = std::string(15000, 'a')});
  ASSERT_TRUE(eventually([&] { return model.engine().stats().prompt_tokens > 0; }));
  job.cancel();
  EXPECT_CANCELLED(job.join());
  expect_no_blocks_owned(model);
}

TEST(OwnHandler, ThatLeavesQuietlyWhenCancelledIsCancelledAllTheSame) {
  Inference inference =
      InferenceBuilder<Llama>()
          .with_model(load_mini())
          .build([](const GenerateRequest&, ModelAccessor<Llama>&, const CancelToken& cancel,
                    OutStream<TokenOutput>& output) -> Result<void> {
            WEFT_TRY(output.emit({.token = "one"}));
            while (!cancel.is_cancelled()) std::this_thread::yield();
            EXPECT_FALSE(output.emit({.token = "two"}));
            return {};
          });
  Job job = spawn(inference, GenerateRequest("Hello"));
  EXPECT_EQ(job.stream.next()->token, "one");
  job.cancel();
  EXPECT_CANCELLED(job.join());
  EXPECT_FALSE(job.stream.next());
}

}  // namespace
}  // namespace weft::inference
