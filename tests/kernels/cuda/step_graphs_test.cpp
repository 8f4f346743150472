// Decode steps that are recorded and replayed: the same bits as without, and what is not recorded.
#include "kernels/cuda/step_graphs.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device_scratch.h"
#include "kernels/cuda/elementwise.h"
#include "tests/kernels/cuda/device_array.h"
#include "tests/support/compare.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_model.h"

namespace weft::test {
namespace {

TokenIds ids_of(int32_t n, int32_t seed) {
  TokenIds ids;
  for (int32_t i = 0; i < n; ++i) ids.push_back((i * 37 + seed * 11 + i * i % 13) % 128);
  return ids;
}

// Prompts, one after the other, then steps of one token of all sequences.
std::vector<Step> decode_schedule(const std::vector<int32_t>& prompts, int32_t steps) {
  std::vector<Step> schedule;
  Step all;
  for (int32_t s = 0; s < std::ssize(prompts); ++s) {
    schedule.push_back({{s, prompts[static_cast<std::size_t>(s)]}});
    all.push_back({s, 1});
  }
  schedule.insert(schedule.end(), static_cast<std::size_t>(steps), all);
  return schedule;
}

struct Outcome {
  std::vector<Logits> logits;
  int64_t replays;
};

Outcome run(bool graphs, const TestModel& model, std::span<const TokenIds> sequences,
            std::span<const Step> schedule, DType kv_type) {
  auto gpu = make_test_gpu();
  const cuda::Gpu& its_gpu = *gpu;
  const auto backend = create_cuda_backend(std::move(gpu), {.threads = 1, .graphs = graphs});
  const auto decoder = make_decoder(model, *backend);
  auto logits = run_schedule(*decoder, *backend, sequences, schedule,
                             {.kv_type = kv_type, .block_order_seed = 3});
  return {std::move(logits), its_gpu.graph_launches()};
}

void expect_same(const Outcome& with, const Outcome& without) {
  ASSERT_EQ(with.logits.size(), without.logits.size());
  for (std::size_t i = 0; i < with.logits.size(); ++i) {
    EXPECT_TRUE(same_bits(with.logits[i], without.logits[i])) << "sequence " << i;
  }
  EXPECT_EQ(without.replays, 0);
}

// Contexts on both sides of 256, where there is one split more, and block tables that grow.
TEST(CudaStepGraphs, ReplayedStepsHaveTheSameBits) {
  const TestModel model = make_test_model({.n_layers = 2,
                                           .n_embd = 32,
                                           .n_heads = 2,
                                           .n_kv_heads = 1,
                                           .ffn_dim = 32,
                                           .qk_norm = true,
                                           .windows = {0, 40},
                                           .type = DType::kQ8_0});
  const std::vector<TokenIds> sequences = {ids_of(262, 1), ids_of(30, 2), ids_of(21, 3)};
  auto schedule = decode_schedule({246, 10, 9}, 12);
  for (const int32_t s : {0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1}) schedule.push_back({{s, 1}});
  const Outcome with = run(true, model, sequences, schedule, DType::kF16);
  expect_same(with, run(false, model, sequences, schedule, DType::kF16));
  // Of the steps of three rows and of one, each kind runs once or twice first.
  EXPECT_GE(with.replays, 14);
}

// A step of three splits, then one of two that is recorded, of which the former must not be made.
TEST(SlowCudaStepGraphs, ContextsOfMoreSplitsHaveGraphsOfTheirOwn) {
  const TestModel model = make_test_model({.n_layers = 1,
                                           .n_embd = 32,
                                           .n_heads = 2,
                                           .n_kv_heads = 1,
                                           .ffn_dim = 32,
                                           .type = DType::kQ8_0});
  const std::vector<TokenIds> sequences = {ids_of(516, 1), ids_of(264, 2)};
  auto schedule = decode_schedule({513, 258}, 0);
  for (const int32_t s : {0, 1, 1, 1, 0, 1, 1, 0, 1}) schedule.push_back({{s, 1}});
  const Outcome with = run(true, model, sequences, schedule, DType::kF16);
  expect_same(with, run(false, model, sequences, schedule, DType::kF16));
  EXPECT_GE(with.replays, 5);
}

TEST(CudaStepGraphs, BatchesThatComeAndGoHaveTheSameBits) {
  const TestModel model = make_test_model({.type = DType::kQ4_1});
  const std::vector<TokenIds> sequences = {ids_of(24, 1), ids_of(24, 2), ids_of(18, 3)};
  std::vector<Step> schedule;
  for (int i = 0; i < 6; ++i) {
    const std::vector<Step> round = {{{0, 1}, {1, 1}, {2, 1}}, {{1, 1}, {0, 1}}, {{2, 1}},
                                     {{0, 1}, {1, 1}},         {{2, 1}, {0, 1}}, {{1, 1}}};
    schedule.insert(schedule.end(), round.begin(), round.end());
  }
  const Outcome with = run(true, model, sequences, schedule, DType::kBF16);
  expect_same(with, run(false, model, sequences, schedule, DType::kBF16));
  EXPECT_GE(with.replays, 18);
}

// A prompt among steps that were recorded makes operations take more memory, elsewhere.
TEST(CudaStepGraphs, MemoryThatMovesVoidsThem) {
  const TestModel model = make_test_model({.type = DType::kQ8_0});
  const std::vector<TokenIds> sequences = {ids_of(12, 1), ids_of(60, 2)};
  std::vector<Step> schedule;
  for (int i = 0; i < 6; ++i) schedule.push_back({{0, 1}});
  schedule.push_back({{1, 60}});
  for (int i = 0; i < 6; ++i) schedule.push_back({{0, 1}});
  const Outcome with = run(true, model, sequences, schedule, DType::kF16);
  expect_same(with, run(false, model, sequences, schedule, DType::kF16));
  EXPECT_GE(with.replays, 6);  // before and after
}

// Whose attention uploads lists of its own, which change in the step that is tried: its first
// sequence enters another block.
TEST(CudaStepGraphs, StepsThatCannotBeRecordedRunAsWithout) {
  const TestModel model = make_test_model({.type = DType::kQ8_0});
  const std::vector<TokenIds> sequences = {ids_of(19, 1), ids_of(8, 2)};
  const auto schedule = decode_schedule({15, 4}, 4);
  const Outcome with = run(true, model, sequences, schedule, DType::kF32);
  expect_same(with, run(false, model, sequences, schedule, DType::kF32));
  EXPECT_EQ(with.replays, 0);
}

// States of one backend, one after the other, which may lie where the one before did.
TEST(CudaStepGraphs, AnotherStateHasGraphsOfItsOwn) {
  const TestModel model = make_test_model({.type = DType::kQ8_0});
  const std::vector<TokenIds> sequences = {ids_of(16, 1)};
  const auto schedule = decode_schedule({2}, 14);
  const auto backend = create_cuda_backend(make_test_gpu(), {.threads = 1});
  const auto decoder = make_decoder(model, *backend);
  const Outcome without = run(false, model, sequences, schedule, DType::kF16);
  for (uint64_t seed = 0; seed < 4; ++seed) {
    const auto logits = run_schedule(*decoder, *backend, sequences, schedule,
                                     {.kv_type = DType::kF16, .block_order_seed = seed});
    EXPECT_TRUE(same_bits(logits[0], without.logits[0])) << seed;
  }
}

TEST(CudaStepGraphs, WhatIsRecordedIsDoneAsOftenAsItIsLaunched) {
  const auto gpu = make_test_gpu();
  const DeviceArray<float> x({1.0f, 2.0f, 3.0f}), y({10.0f, 20.0f, 30.0f});
  ASSERT_TRUE(gpu->begin_capture());
  cuda::add(gpu->stream(), {x.data(), 1, 3}, {y.data(), 1, 3});
  cuda::add(gpu->stream(), {y.data(), 1, 3}, {x.data(), 1, 3});
  const auto graph = gpu->end_capture();
  ASSERT_NE(graph, nullptr);
  EXPECT_EQ(x.values(), (std::vector<float>{1, 2, 3}));
  gpu->launch(*graph);
  gpu->launch(*graph);
  EXPECT_TRUE(gpu->synchronize());
  EXPECT_EQ(x.values(), (std::vector<float>{32, 64, 96}));
  EXPECT_EQ(y.values(), (std::vector<float>{53, 106, 159}));
}

TEST(CudaStepGraphs, WhatIsNoLaunchSpoilsARecordingAndIsNotDone) {
  const auto gpu = make_test_gpu();
  const Buffer memory = gpu->allocate(4).value();
  const int32_t one = 1;
  ASSERT_TRUE(gpu->begin_capture());
  gpu->upload(memory.as<int32_t>(), &one, 4);
  EXPECT_EQ(gpu->end_capture(), nullptr);
  ASSERT_TRUE(gpu->begin_capture());
  EXPECT_FALSE(gpu->allocate(4).has_value());
  EXPECT_EQ(gpu->end_capture(), nullptr);
  ASSERT_TRUE(gpu->begin_capture());
  int32_t found = 7;
  gpu->download(&found, memory.as<int32_t>(), 4);
  EXPECT_EQ(gpu->end_capture(), nullptr);
  gpu->download(&found, memory.as<int32_t>(), 4);
  EXPECT_EQ(found, 0);
  EXPECT_TRUE(gpu->synchronize().has_value());
}

// Freeing it would be no launch either.
TEST(CudaStepGraphs, ScratchStaysWhileAStepIsRecorded) {
  const auto gpu = make_test_gpu();
  cuda::GrowingBuffer scratch;
  Result<void> error;
  std::byte* const before = scratch.at_least(*gpu, 1000, error);
  ASSERT_TRUE(gpu->begin_capture());
  EXPECT_EQ(scratch.at_least(*gpu, 100000, error), nullptr);
  EXPECT_FALSE(error);
  EXPECT_EQ(gpu->end_capture(), nullptr);
  const int64_t allocations = gpu->allocations();
  EXPECT_EQ(scratch.at_least(*gpu, 1000, error), before);
  EXPECT_EQ(gpu->allocations(), allocations);
}

TEST(CudaStepGraphs, ScratchThatGrowsByLittleSeldomVoidsThem) {
  const auto gpu = make_test_gpu();
  cuda::GrowingBuffer scratch;
  Result<void> error;
  for (int64_t bytes = 1; bytes < 100000; bytes += 50) {
    ASSERT_NE(scratch.at_least(*gpu, bytes, error), nullptr);
  }
  EXPECT_LE(gpu->allocations(), 4 * 9);  // quarters from 256 to 100000
}

TEST(CudaStepGraphs, AnotherShapeIsAnotherGraph) {
  const auto gpu = make_test_gpu();
  cuda::StepGraphs graphs;
  const cuda::StepShape shape{.rows = 3, .logit_rows = 2, .splits = {1, 0}};
  EXPECT_EQ(graphs.find(*gpu, shape), nullptr);
  EXPECT_NE(graphs.find(*gpu, shape), nullptr);
  EXPECT_EQ(graphs.find(*gpu, {.rows = 2, .logit_rows = 2, .splits = {1, 0}}), nullptr);
  EXPECT_EQ(graphs.find(*gpu, {.rows = 3, .logit_rows = 3, .splits = {1, 0}}), nullptr);
  EXPECT_EQ(graphs.find(*gpu, {.rows = 3, .logit_rows = 2, .splits = {2, 0}}), nullptr);
}

TEST(CudaStepGraphs, AllocationVoidsThem) {
  const auto gpu = make_test_gpu();
  cuda::StepGraphs graphs;
  EXPECT_EQ(graphs.find(*gpu, {.rows = 3}), nullptr);
  EXPECT_NE(graphs.find(*gpu, {.rows = 3}), nullptr);
  EXPECT_TRUE(gpu->allocate(1).has_value());
  EXPECT_EQ(graphs.find(*gpu, {.rows = 3}), nullptr);
}

TEST(CudaStepGraphs, OfManyTheOneLeastLatelyUsedIsDropped) {
  const auto gpu = make_test_gpu();
  cuda::StepGraphs graphs;
  for (int64_t rows = 0; rows < 200; ++rows) {
    graphs.find(*gpu, {.rows = rows});
    EXPECT_NE(graphs.find(*gpu, {.rows = 0}), nullptr) << rows;
  }
  EXPECT_NE(graphs.find(*gpu, {.rows = 199}), nullptr);
  EXPECT_EQ(graphs.find(*gpu, {.rows = 20}), nullptr);
}

}  // namespace
}  // namespace weft::test
