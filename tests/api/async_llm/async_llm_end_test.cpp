// The end of an AsyncLLM: whatever is pending resolves, whoever ends it and when.
#include <atomic>
#include <memory>
#include <thread>

#include "core/platform/thread.h"
#include "tests/api/async_llm/support.h"

namespace weft::llm {
namespace {

TEST(AsyncLLMEnd, ScopeExitResolvesEverythingThatIsPending) {
  std::future<Result<GenerationOutput>> running, queued, waited_for;
  std::future<std::vector<Result<GenerationOutput>>> batch;
  std::atomic<int> called = 0;
  std::optional<Stream> read, unread;
  std::optional<std::jthread> in_line;
  {
    AsyncLLMConfig config = long_config();
    config.max_queue_size = 2;
    config.max_sequences = 3;
    AsyncLLM llm = mini(config);
    running = llm.generate("Hello", endless());
    read = llm.generate_stream("Hello", endless());
    ASSERT_TRUE(read->next());
    unread = llm.generate_stream("Hello", endless());
    EXPECT_TRUE(eventually([&] { return llm.get_stats().running == 3; }));
    queued = llm.generate("Hello", endless());
    waited_for = llm.get_result(llm.submit_request("Hello", endless()).value());
    batch = llm.generate_batch(std::vector<std::string>(5000, "Hello"), endless(), 2);
    in_line.emplace([&] {
      llm.generate("Hello", endless(), {}, [&](const Result<GenerationOutput>& output) {
        called += !output && output.error().code == ErrorCode::kShutDown;
      });
    });
    EXPECT_TRUE(eventually([&] { return llm.get_stats().waiting_for_room == 3; }));
    llm.shutdown(Engine::Shutdown::kNow);
    in_line->join();
    EXPECT_EQ(llm.get_stats().failed, llm.get_stats().submitted - 2);  // all but the two streams
  }
  for (auto* answer : {&running, &queued, &waited_for}) {
    EXPECT_EQ(error_of(std::move(*answer)), ErrorCode::kShutDown);
  }
  const auto answers = batch.get();
  ASSERT_EQ(answers.size(), 5000u);
  for (const auto& answer : answers) EXPECT_EQ(answer.error().code, ErrorCode::kShutDown);
  EXPECT_EQ(called, 1);
  for (Stream* stream : {&*read, &*unread}) {
    Result<std::optional<StreamOutput>> output = stream->next();
    while (output) output = stream->next();
    EXPECT_EQ(output.error().code, ErrorCode::kShutDown);
  }
}

TEST(AsyncLLMEnd, DestructionAloneDoesIt) {
  std::future<Result<GenerationOutput>> answer;
  {
    AsyncLLM llm = mini(long_config());
    answer = llm.generate("Hello", endless());
  }
  EXPECT_EQ(error_of(std::move(answer)), ErrorCode::kShutDown);
}

TEST(AsyncLLMEnd, DrainingFinishesWhatWasSubmitted) {
  AsyncLLM llm = mini({.max_queue_size = 3, .max_sequences = 2});
  std::vector<std::future<Result<GenerationOutput>>> answers;
  for (int i = 0; i < 10; ++i) answers.push_back(llm.generate("Hello", {.max_tokens = 5}));
  Stream stream = llm.generate_stream("Hello", {.max_tokens = 5});
  llm.shutdown(Engine::Shutdown::kDrain);
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  int outputs = 0;
  while (stream.next().value()) ++outputs;
  EXPECT_EQ(outputs, 5);
}

TEST(AsyncLLMEnd, AfterItEveryCallIsRefused) {
  AsyncLLM llm = mini();
  const RequestId kept = llm.submit_request("Hello", {.max_tokens = 2}).value();
  EXPECT_TRUE(eventually([&] { return llm.get_stats().results_kept == 1; }));
  llm.shutdown(Engine::Shutdown::kNow);
  llm.shutdown(Engine::Shutdown::kDrain);  // again: nothing happens
  EXPECT_EQ(error_of(llm.generate("Hello")), ErrorCode::kShutDown);
  EXPECT_EQ(llm.submit_request("Hello").error().code, ErrorCode::kShutDown);
  EXPECT_EQ(llm.try_submit("Hello").error().code, ErrorCode::kShutDown);
  EXPECT_EQ(llm.generate_stream("Hello").next().error().code, ErrorCode::kShutDown);
  EXPECT_EQ(llm.generate_batch({"Hello", "you"}).get()[1].error().code, ErrorCode::kShutDown);
  EXPECT_TRUE(llm.get_result(kept).get());  // what was there is there
}

TEST(AsyncLLMEnd, ACallbackMayDestroyIt) {
  const test::ThreadCount count;
  for (const int32_t workers : {1, 3}) {
    auto llm = std::make_unique<AsyncLLM>(mini({.worker_count = workers}));
    std::promise<void> destroyed;
    llm->generate("Hello", {.max_tokens = 2}, {}, [&](const Result<GenerationOutput>&) {
      llm.reset();
      destroyed.set_value();
    });
    destroyed.get_future().wait();
    EXPECT_TRUE(count.becomes(0));
  }
}

TEST(AsyncLLMEnd, AnotherThreadMayDestroyIt) {
  auto llm = std::make_unique<AsyncLLM>(mini(long_config()));
  auto answer = llm->generate("Hello", endless());
  std::jthread([moved = std::move(llm)]() mutable { moved.reset(); }).join();
  EXPECT_EQ(error_of(std::move(answer)), ErrorCode::kShutDown);
}

TEST(AsyncLLMEnd, SeveralThreadsMayShutItDownAtOnce) {
  for (int round = 0; round < 10; ++round) {
    AsyncLLM llm = mini(long_config());
    auto answer = llm.generate("Hello", endless());
    llm.generate("Hello", {.max_tokens = 1}, {}, [&llm](const Result<GenerationOutput>&) {
      llm.shutdown(Engine::Shutdown::kDrain);  // from a worker: cannot wait for itself
    });
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] { llm.shutdown(Engine::Shutdown::kNow); });
    }
    EXPECT_EQ(error_of(std::move(answer)), ErrorCode::kShutDown);
    threads.clear();
  }
}

TEST(AsyncLLMEnd, StreamsMayOutliveItAndEachOther) {
  std::vector<Stream> streams;
  {
    AsyncLLM llm = mini();
    for (int i = 0; i < 4; ++i) streams.push_back(llm.generate_stream("Hello", {.max_tokens = 5}));
    llm.shutdown(Engine::Shutdown::kDrain);
  }
  // What was made before the end can still be read.
  int outputs = 0;
  while (streams[2].next().value()) ++outputs;
  EXPECT_EQ(outputs, 5);
  streams.erase(streams.begin());
}

TEST(AsyncLLMEnd, TwoLiveSideBySideAndShareTheWeights) {
  AsyncLLM one = mini(), two = mini({.num_blocks = 64});
  auto first = one.generate("Hello", SamplingParams::greedy());
  auto second = two.generate("Hello", SamplingParams::greedy());
  EXPECT_EQ(text_of(std::move(first)), text_of(std::move(second)));
  EXPECT_EQ(&one.model(), &two.model());
  one = mini({.num_blocks = 32});  // the first ends, the second does not notice
  EXPECT_TRUE(two.generate("Hello").get());
  EXPECT_EQ(one.get_stats().blocks_total, 32);
}

}  // namespace
}  // namespace weft::llm
