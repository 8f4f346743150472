// Everything at once, at random moments.
#include <random>
#include <thread>

#include "tests/api/async_llm/support.h"

namespace weft::llm {
namespace {

void soak(int rounds) {
  AsyncLLM llm = mini({.max_queue_size = 8,
                       .num_blocks = 40,
                       .max_seq_length = 400,
                       .max_sequences = 6,
                       .keep_results = milliseconds(3)});
  const auto work = [&](uint32_t seed) {
    std::mt19937 random(seed);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    for (int round = 0; round < rounds; ++round) {
      const SamplingParams params{.max_tokens = 1 + below(60),
                                  .stop_sequences = below(4) == 0
                                                        ? std::vector<std::string>{"a", "the"}
                                                        : std::vector<std::string>{},
                                  .seed = random()};
      const RequestOptions options{.priority = static_cast<Priority>(below(4)),
                                   .timeout = milliseconds(below(3) == 0 ? 1 + below(10) : 0)};
      const std::string prompt(static_cast<size_t>(below(420)), 'x');  // too long at times
      switch (below(6)) {
        case 0:
          (void)llm.generate(prompt, params, options);
          break;
        case 1: {
          auto answer = llm.generate(prompt, params, options);
          answer.wait();
          break;
        }
        case 2: {
          Stream stream = llm.generate_stream(prompt, params, options);
          for (int i = below(40); i > 0; --i) {
            const auto output = stream.next();
            if (!output || !*output) break;
          }
          break;
        }
        case 3: {
          const auto id = llm.submit_request(prompt, params, options);
          std::this_thread::sleep_for(std::chrono::microseconds(below(500)));
          if (id) llm.cancel(*id);
          break;
        }
        case 4:
          if (const auto id = llm.try_submit(prompt, params, options)) {
            (void)llm.get_result(*id).get();
          }
          break;
        case 5:
          (void)llm.generate_batch(std::vector<std::string>(5, prompt), params, 1 + below(3)).get();
          break;
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (uint32_t seed = 1; seed <= 4; ++seed) threads.emplace_back(work, seed);
  }
  expect_idle(llm);
  EXPECT_TRUE(eventually([&] { return llm.get_stats().results_kept == 0; }));
  EXPECT_EQ(llm.get_stats().waiting_for_room, 0);
}

TEST(AsyncLLMSoak, EverythingAtOnceAddsUp) { soak(60); }
TEST(SlowAsyncLLMSoak, EverythingAtOnceAddsUp) { soak(3000); }

}  // namespace
}  // namespace weft::llm
