// ModelPool: lending, the line, clean returns, resizing.
#include "api/async/model_pool.h"
#include "core/model/decoder.h"
#include "tests/async/async_support.h"

namespace weft::async {
namespace {

using std::chrono::milliseconds;

constexpr int kEndless = 1900;

class ModelPoolTest : public ::testing::Test {
 protected:
  ModelPool pool(int n, ContextParams params = {}) {
    auto made = ModelPool::create(model_, n, std::move(params), asio::use_future).get();
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  const NoThreadLeftBehind guard_;
  Runtime runtime_ = make_runtime();
  AsyncModel model_ = load_model(runtime_);
};

TEST_F(ModelPoolTest, LendsEachInstanceOnceAndTakesItBack) {
  const ModelPool p = pool(2);
  EXPECT_EQ(p.stats().available, 2);
  auto first = p.try_acquire(), second = p.try_acquire();
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->context().core(), second->context().core());
  EXPECT_FALSE(p.try_acquire());
  EXPECT_EQ(p.stats().available, 0);
  EXPECT_EQ(p.stats().in_use, 2);
  first.reset();
  EXPECT_TRUE(eventually([&] { return p.stats().available == 1; }));
  PooledModel moved = std::move(*second);
  second.reset();  // moved from: gives nothing back
  EXPECT_EQ(p.stats().in_use, 1);
}

TEST_F(ModelPoolTest, DefaultsToFourInstances) {
  const auto p = runtime_.block_on(ModelPool::create(model_));
  ASSERT_TRUE(p);
  EXPECT_EQ(p->stats().size, 4);
}

TEST_F(ModelPoolTest, TheLineIsFifo) {
  const ModelPool p = pool(1);
  auto held = p.try_acquire();
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::future<void>> done;
  for (int i = 0; i < 5; ++i) {
    auto promise = std::make_shared<std::promise<void>>();
    done.push_back(promise->get_future());
    p.acquire([&, i, promise](Result<PooledModel> lent) {
      EXPECT_TRUE(lent);
      const std::lock_guard lock(mutex);
      order.push_back(i);
      promise->set_value();
    });
  }
  EXPECT_EQ(p.stats().waiting, 5);
  EXPECT_FALSE(p.try_acquire());
  held.reset();
  for (auto& each : done) each.wait();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
}

TEST_F(ModelPoolTest, ATimedAcquireGivesUpAndLosesNothing) {
  const ModelPool p = pool(1);
  auto held = p.try_acquire();
  EXPECT_EQ(code_of(p.acquire_for(milliseconds(10), asio::use_future).get()), ErrorCode::kTimedOut);
  EXPECT_EQ(p.stats().waiting, 0);
  held.reset();
  EXPECT_TRUE(p.acquire_for(milliseconds(60000), asio::use_future).get());
}

TEST_F(ModelPoolTest, AReturnedInstanceIsClean) {
  const ModelPool p = pool(1);
  const std::string expected = model_.generate("Hello", 15, asio::use_future).get().value();
  std::future<Result<std::string>> under_way;
  std::optional<TokenStream> stream;
  {
    auto lent = p.acquire(asio::use_future).get();
    ASSERT_TRUE(lent);
    ASSERT_TRUE((*lent)->generate("Something else", 30, asio::use_future).get());
    // Returned in the middle of a stream and with a call in line.
    stream = (*lent)
                 ->generate_stream({}, {.max_tokens = kEndless, .buffer = 4}, asio::use_future)
                 .get()
                 .value();
    under_way = (*lent)->generate("Hello", kEndless, asio::use_future);
  }
  stream.reset();
  EXPECT_EQ(code_of(under_way.get()), ErrorCode::kCancelled);
  auto lent = p.acquire(asio::use_future).get();
  ASSERT_TRUE(lent);
  EXPECT_TRUE((*lent)->tokens().empty());
  EXPECT_EQ((*lent)->generate("Hello", 15, asio::use_future).get(), expected);
}

TEST_F(ModelPoolTest, GenerateIsAcquireGenerateReturn) {
  const ModelPool p = pool(2);
  std::vector<std::future<Result<std::string>>> texts;
  for (int i = 0; i < 10; ++i) {
    texts.push_back(p.generate("Hello " + std::to_string(i), 12, asio::use_future));
  }
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(texts[i].get(),
              model_.generate("Hello " + std::to_string(i), 12, asio::use_future).get().value());
  }
  EXPECT_TRUE(eventually([&] { return p.stats().available == 2; }));
  EXPECT_EQ(code_of(p.generate("Hello", 5000, asio::use_future).get()),
            ErrorCode::kContextOverflow);
  EXPECT_TRUE(eventually([&] { return p.stats().available == 2; }));
}

TEST_F(ModelPoolTest, InstancesCostKvReservationsAndNoWeights) {
  const size_t one = pool(1, {.n_ctx = 128}).memory().kv_bytes;
  const ModelPool p = pool(3, {.n_ctx = 128});
  EXPECT_EQ(p.memory().kv_bytes, 3 * one);
  EXPECT_EQ(p.memory().weight_bytes, model_.model_info().size_bytes);
  EXPECT_EQ(p.model().model().get(), model_.model().get());
}

TEST_F(ModelPoolTest, GrowsAtOnceAndShrinksOnReturn) {
  const ModelPool p = pool(2);
  auto first = p.try_acquire(), second = p.try_acquire();
  auto waiting = p.acquire(asio::use_future);
  ASSERT_TRUE(p.resize(3, asio::use_future).get());
  auto third = waiting.get();
  ASSERT_TRUE(third);
  EXPECT_EQ(p.stats().in_use, 3);
  EXPECT_TRUE((*third)->generate("Hello", 5, asio::use_future).get());
  ASSERT_TRUE(p.resize(1, asio::use_future).get());
  EXPECT_EQ(p.stats().in_use, 3);  // they are lent
  third = fail(ErrorCode::kCancelled, "");
  second.reset();
  EXPECT_TRUE(eventually([&] { return p.stats().in_use == 1; }));
  EXPECT_FALSE(p.try_acquire());
  first.reset();
  EXPECT_TRUE(eventually([&] { return p.stats().available == 1; }));
  EXPECT_EQ(p.stats().in_use, 0);
  EXPECT_EQ(code_of(p.resize(0, asio::use_future).get()), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(p.generate("Hello", 5, asio::use_future).get());
}

TEST_F(ModelPoolTest, IsMadeFromAConfig) {
  AsyncConfig config = endless_config();
  config.context_size = 64;
  const auto p = ModelPool::create(runtime_, config, 2, asio::use_future).get();
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_TRUE(p->generate("Hello", 5, asio::use_future).get());
  EXPECT_EQ(p->model().memory().kv_bytes, 0U);  // the model's own engine was never asked
  config.model_path = "nowhere.gguf";
  EXPECT_EQ(code_of(ModelPool::create(config, 2, asio::use_future).get()), ErrorCode::kNotFound);
}

TEST_F(ModelPoolTest, LentInstancesOutliveThePool) {
  std::optional<ModelPool> p = pool(1);
  auto lent = p->try_acquire();
  auto waiting = p->acquire(asio::use_future);
  p.reset();
  EXPECT_TRUE((*lent)->generate("Hello", 5, asio::use_future).get());
  lent.reset();
  EXPECT_TRUE(waiting.get());
}

}  // namespace
}  // namespace weft::async
