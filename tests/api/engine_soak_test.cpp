// Many requests that come, go, are cancelled and left unread at random moments: whatever happens
// beside it, each gives its solo ids, and the pool ends as it began.
#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "api/engine.h"
#include "tests/support/fixtures.h"

namespace weft {
namespace {

constexpr int kKinds = 16;  // different requests; each is submitted many times

Request kind(int i) {
  std::vector<int32_t> ids = {1};
  for (int j = 0; j < (i * 11) % 70; ++j) ids.push_back(3 + (i / 4 * 13 + j * 7) % 90);
  return {.prompt_ids = ids,
          .max_tokens = 1 + (i * 5) % 24,
          .sampling = {.temperature = 1, .top_k = 0, .top_p = 1, .seed = static_cast<uint64_t>(i)},
          .ignore_eos = true,
          .priority = static_cast<Priority>(i % 4)};
}

std::vector<int32_t> ids_of(TokenStream& stream) {
  std::vector<int32_t> ids;
  for (auto token = stream.next(); token && *token; token = stream.next()) {
    ids.push_back((*token)->id);
  }
  return ids;
}

void soak(int requests, int threads) {
  auto model =
      Model::load((test::fixtures_folder() / "weft-mini-llama-F32.gguf").string(), {.threads = 1});
  ASSERT_TRUE(model);
  std::vector<std::vector<int32_t>> alone;
  {
    auto engine = Engine::create(*model, {.num_blocks = 64});
    ASSERT_TRUE(engine);
    for (int i = 0; i < kKinds; ++i) {
      auto stream = (*engine)->submit(kind(i));
      ASSERT_TRUE(stream) << stream.error().message;
      alone.push_back(ids_of(*stream));
    }
  }

  // 24 blocks of 8 hold two or three of the largest: preemptions are common.
  auto engine = Engine::create(
      *model, {.max_sequences = 12, .max_batch_tokens = 24, .block_size = 8, .num_blocks = 24});
  ASSERT_TRUE(engine) << engine.error().message;
  std::atomic<int> next = 0, wrong = 0;
  {
    std::vector<std::jthread> users;
    for (int t = 0; t < threads; ++t) {
      users.emplace_back([&, t] {
        std::mt19937 random(static_cast<uint32_t>(t));
        while (next++ < requests) {
          const auto i = static_cast<int>(random() % kKinds);
          Request request = kind(i);
          request.buffer = random() % 3 == 0 ? 2 : 0;
          auto stream = (*engine)->submit(request);
          if (!stream) {
            ++wrong;
            continue;
          }
          const auto fate = random() % 10;
          if (fate == 0) continue;  // never read: the stream is dropped
          std::vector<int32_t> ids;
          if (fate == 1) {  // cancelled after a few tokens
            for (unsigned k = random() % 5; k > 0; --k) {
              auto token = stream->next();
              if (!token || !*token) break;
              ids.push_back((*token)->id);
            }
            stream->cancel();
            for (const int32_t id : ids_of(*stream)) ids.push_back(id);
            const bool is_beginning = ids.size() <= alone[i].size() &&
                                      std::equal(ids.begin(), ids.end(), alone[i].begin());
            if (!is_beginning) ++wrong;
            continue;
          }
          if (ids_of(*stream) != alone[i]) ++wrong;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  // Posted after the last cancellation: with the first the step thread has dealt with all of them,
  // with the second it has published that.
  for (int round = 0; round < 2; ++round) ASSERT_TRUE((*engine)->run_between_steps([] {}));
  EngineStats stats = (*engine)->stats();
  for (int i = 0; i < 1000 && stats.blocks_owned > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    stats = (*engine)->stats();
  }
  EXPECT_EQ(stats.blocks_owned, 0);
  EXPECT_EQ(stats.blocks_free + stats.blocks_cached, stats.blocks_capacity);
  EXPECT_EQ(stats.running, 0);
  EXPECT_EQ(stats.waiting, 0);
  EXPECT_EQ(static_cast<int>(stats.finished + stats.cancelled + stats.failed), requests);
  EXPECT_EQ(stats.failed, 0u);
  EXPECT_GT(stats.preemptions, 0u);
}

TEST(EngineSoak, AFewHundredRequestsWithCancelsEndWithThePoolAsItBegan) { soak(400, 8); }

TEST(SlowEngineSoak, TenThousandRequestsWithCancelsEndWithThePoolAsItBegan) { soak(10000, 16); }

}  // namespace
}  // namespace weft
