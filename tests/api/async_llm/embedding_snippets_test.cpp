// The snippets of docs/embedding.md on AsyncLLM, as they stand there; EmbeddingGuide.* in
// tests/tools holds the page to them.
#include <iostream>

#include "tests/api/async_llm/support.h"

namespace weft::llm {
namespace {

class EmbeddingGuideAsyncLLM : public ::testing::Test {
 protected:
  AsyncLLM llm_ = mini();
  AsyncLLM* llm = &llm_;
};

TEST_F(EmbeddingGuideAsyncLLM, FuturesAndNumbers) {
  auto answer = llm->generate("Hello", SamplingParams::balanced());
  auto id =
      llm->submit_request("Tell me a story", {.max_tokens = 50},
                          {.priority = weft::Priority::kHigh, .timeout = std::chrono::seconds(30)});
  if (auto output = answer.get()) std::cout << output->generated_text;
  if (id) std::cout << llm->get_result(*id).get()->generated_text;
}

TEST_F(EmbeddingGuideAsyncLLM, Polling) {
  const RequestId id = llm->submit_request("Hello").value();
  Polled polled;
  while ((polled = llm->try_get_result(id)).state == Polled::State::kNotReady) {
    std::this_thread::yield();  // or whatever your program has to do
  }
  EXPECT_EQ(polled.state, Polled::State::kReady);
}

TEST_F(EmbeddingGuideAsyncLLM, QueueFull) {
  auto id = llm->try_submit("Hello");
  if (!id && id.error().code == weft::ErrorCode::kQueueFull) {
    // Say "busy" now, rather than "too late" in a minute.
  }
  ASSERT_TRUE(id);
}

TEST_F(EmbeddingGuideAsyncLLM, Streams) {
  Stream stream = llm->generate_stream("Once upon a time", {.max_tokens = 100});
  for (auto output = stream.next(); output && *output; output = stream.next()) {
    std::cout << (*output)->token << std::flush;
  }
}

TEST_F(EmbeddingGuideAsyncLLM, Callbacks) {
  std::promise<std::string> done;
  llm->generate("Hello", {}, {}, [&done](weft::Result<GenerationOutput> output) {
    // On a worker thread: hand it over and return.
    done.set_value(output ? output->generated_text : output.error().message);
  });
  std::cout << done.get_future().get();
}

}  // namespace
}  // namespace weft::llm
