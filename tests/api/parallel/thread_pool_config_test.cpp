// ThreadPoolConfig: what is asked for is what the threads have, as they say themselves.
#include "api/parallel/thread_pool_config.h"

#include <mutex>
#include <set>

#include "core/platform/cpus.h"
#include "core/platform/thread.h"
#include "tests/api/parallel/support.h"

namespace weft::parallel {
namespace {

// What each of the processor's threads says of itself: all of them, by the static split.
template <class F>
auto ask_threads(ParallelProcessor& processor, const F& f) {
  return processor
      .parallel_process(std::vector<int>(static_cast<size_t>(processor.num_threads())),
                        [&](int) { return f(); })
      .value();
}

TEST(ThreadPoolConfig, DefaultsAreTheOnesCallersKnow) {
  const ThreadPoolConfig config;
  EXPECT_EQ(config.stack_size, size_t{2} << 20);
  EXPECT_FALSE(config.numa_aware);
  EXPECT_TRUE(config.work_stealing);
  EXPECT_TRUE(config.cpu_affinity.empty());
  EXPECT_EQ(built(ParallelProcessor::builder(mini_model())).num_threads(), platform::usable_cpus());
}

TEST(ThreadPoolConfig, AffinityIsWhatTheThreadsReadBackTheStepThreadIncluded) {
  const std::vector<int> allowed = platform::allowed_cpus();
  for (const int cpu : allowed) {
    auto processor =
        built(ParallelProcessor::builder(mini_model())
                  .thread_pool({.num_threads = 3, .work_stealing = false, .cpu_affinity = {cpu}}));
    for (const auto& cpus : ask_threads(processor, [] { return platform::allowed_cpus(); })) {
      EXPECT_EQ(cpus, std::vector<int>{cpu});
    }
    std::vector<int> step_thread;
    ASSERT_TRUE(
        processor.engine().run_between_steps([&] { step_thread = platform::allowed_cpus(); }));
    EXPECT_EQ(step_thread, std::vector<int>{cpu});
    EXPECT_TRUE(processor.batch_generate(numbered(2), {.max_tokens = 2}).value()[1].success);
  }
  EXPECT_EQ(platform::allowed_cpus(), allowed);  // the caller's own is left alone
}

TEST(ThreadPoolConfig, ThreadsTakeTheListsProcessorsInTurn) {
  const std::vector<int> allowed = platform::allowed_cpus();
  if (allowed.size() < 2) GTEST_SKIP() << "one processor only";
  auto processor = built(ParallelProcessor::builder(mini_model())
                             .thread_pool({.num_threads = 4,
                                           .work_stealing = false,
                                           .cpu_affinity = {allowed[1], allowed[0]}}));
  const auto cpus = ask_threads(processor, [] { return platform::allowed_cpus().at(0); });
  EXPECT_EQ(cpus, (std::vector<int>{allowed[1], allowed[0], allowed[1], allowed[0]}));
}

TEST(ThreadPoolConfig, AnUnknownCoreIsAnErrorThatNamesIt) {
  const auto processor = ParallelProcessor::builder(mini_model())
                             .thread_pool({.num_threads = 2, .cpu_affinity = {0, 4711}})
                             .build();
  ASSERT_FALSE(processor);
  EXPECT_EQ(processor.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(processor.error().message.find("4711"), std::string::npos);
}

TEST(ThreadPoolConfig, StackSizeIsWhatTheThreadsHave) {
  // More than the system's default, so that a thread without it is found out.
  auto processor = built(
      ParallelProcessor::builder(mini_model())
          .thread_pool({.num_threads = 2, .stack_size = size_t{16} << 20, .work_stealing = false}));
  for (const size_t bytes :
       ask_threads(processor, [] { return platform::current_thread_stack_bytes(); })) {
    EXPECT_GE(bytes + (64 << 10), size_t{16} << 20);
  }
  size_t step_thread = 0;
  ASSERT_TRUE(processor.engine().run_between_steps(
      [&] { step_thread = platform::current_thread_stack_bytes(); }));
  EXPECT_GE(step_thread + (64 << 10), size_t{16} << 20);
}

TEST(ThreadPoolConfig, WorkStealingOrStaticSplitChangesNoResult) {
  for (const bool stealing : {true, false}) {
    auto processor = built(ParallelProcessor::builder(mini_model())
                               .thread_pool({.num_threads = 3, .work_stealing = stealing}));
    const auto results = processor.batch_generate(numbered(4), {.max_tokens = 12}).value();
    EXPECT_EQ(results[2].text, alone("Prompt 2", {.max_tokens = 12}));
  }
}

TEST(ThreadPoolConfig, WhatCannotBeIsRefused) {
  const auto code = [](const ParallelProcessor::Builder& builder) {
    const auto processor = builder.build();
    EXPECT_FALSE(processor);
    return processor ? ErrorCode::kGenerationFailed : processor.error().code;
  };
  const auto builder = [] { return ParallelProcessor::builder(mini_model()); };
  EXPECT_EQ(code(builder().max_batch_size(0)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(builder().thread_pool({.num_threads = -1})), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(builder().thread_pool({.num_threads = 100000})), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(builder().thread_pool({.stack_size = 1})), ErrorCode::kInvalidArgument);
}

// ------------------------------------------------------------------ NUMA

TEST(ThreadPoolConfig, NumaIsNothingOnOneNodeAndAnEvenShareOnSeveral) {
  const ThreadPoolConfig config = {.numa_aware = true};
  const std::vector<int> all = {0, 1, 2, 3, 4, 5};
  EXPECT_TRUE(thread_setup(config, 4, {{0, 1, 2, 3, 4, 5}}, all).worker_cpus.empty());
  EXPECT_TRUE(thread_setup(config, 4, {}, all).worker_cpus.empty());
  const std::vector<std::vector<int>> nodes = {{0, 1, 2}, {3, 4, 5}};
  EXPECT_EQ(thread_setup(config, 4, nodes, all).worker_cpus,
            (std::vector<std::vector<int>>{nodes[0], nodes[0], nodes[1], nodes[1]}));
  // Of a node only what may be used; a node of which nothing may is none.
  EXPECT_EQ(thread_setup(config, 2, nodes, {1, 2, 5}).worker_cpus,
            (std::vector<std::vector<int>>{{1, 2}, {5}}));
  EXPECT_TRUE(thread_setup(config, 2, nodes, {0, 1}).worker_cpus.empty());
  // A list says more.
  EXPECT_EQ(thread_setup({.numa_aware = true, .cpu_affinity = {5}}, 2, nodes, all).worker_cpus,
            (std::vector<std::vector<int>>{{5}}));
  EXPECT_TRUE(thread_setup({}, 2, nodes, all).worker_cpus.empty());
}

TEST(ThreadPoolConfig, NumaAwareThreadsWorkOnThisMachine) {
  auto processor = built(
      ParallelProcessor::builder(mini_model()).thread_pool({.num_threads = 2, .numa_aware = true}));
  EXPECT_TRUE(processor.batch_generate(numbered(2), {.max_tokens = 2}).value()[0].success);
}

}  // namespace
}  // namespace weft::parallel
