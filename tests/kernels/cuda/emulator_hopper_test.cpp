// The emulator's part of Hopper (tests/support/cuda_emulator/async_memory.h): a small product done
// rightly, and each mistake that a kernel can make on the way there is seen.
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "core/half.h"
#include "kernels/cuda/device/hopper.h"
#include "kernels/cuda/device/launch.h"
#include "tests/kernels/cuda/device_array.h"
#include "tests/support/cuda_emulator/emulator.h"

namespace weft::test {
namespace {

using namespace cuda;

constexpr int kColumns = 8;
constexpr int kDepth = 64;  // of which a product takes 16
constexpr int kRounds = 3;  // over one stage

// What may go wrong, one at a time.
enum class Mistake {
  kNone,
  kNoBarrierFence,
  kNoBlockBarrier,
  kNoWaitForCopy,
  kOneLaneWaits,
  kWrongParity,
  kTooFewBytes,
  kTooManyBytes,
  kNoFence,
  kNoWaitForProduct,
  kNoCommit,
  kOperandChanged,
  kReleasedEarly,
  kNotReleased,
  kRefilledUnasked,
  kNoSwizzle,
  kWrongStride,
  kWarpMissing
};

// A warpgroup multiplies 64 × 64 by what a fifth warp copies to shared memory, three times over: d
// += a · b[round].
struct Products {
  static constexpr const char* kName = "products";
  static constexpr int kThreads = kWarpgroup + kWarp;
  struct Shared {
    alignas(1024) SharedArray<uint16_t, kColumns * kDepth> b;
    SharedBarrier full, empty;
  };
  Mistake mistake;
  const uint16_t* b;  // [kRounds], swizzled
  float* out;         // [64][kColumns]

  static float a_at(int row, int k) { return static_cast<float>((row * 3 + k * 5) % 11 - 5); }
  static float b_at(int round, int k, int column) {
    return static_cast<float>((k * 7 + column * 3 + round) % 13 - 6);
  }

  void produce(Shared& shared) const {
    for (int round = 0; round < kRounds; ++round) {
      if (round > 0 && mistake != Mistake::kRefilledUnasked) {
        shared.empty.wait((round - 1) % 2);
      }
      const int wrong = mistake == Mistake::kTooFewBytes    ? -16
                        : mistake == Mistake::kTooManyBytes ? 16
                                                            : 0;
      shared.full.arrive_expecting(2 * kColumns * kDepth + wrong);
      copy_bulk(shared.b, 0, b + round * kColumns * kDepth, 2 * kColumns * kDepth, shared.full);
    }
  }

  void consume(Shared& shared) const {
    const int g = lane_index() / 4;
    const int t = lane_index() % 4;
    const auto lane_is = [](int lane) { return lane_index() == lane; };
    float d[1][4];
    uint32_t a[4][4];
    for (int round = 0; round < kRounds; ++round) {
      const int parity = mistake == Mistake::kWrongParity ? 1 - round % 2 : round % 2;
      const bool waits =
          mistake != Mistake::kNoWaitForCopy && (mistake != Mistake::kOneLaneWaits || lane_is(0));
      if (waits) shared.full.wait(parity);
      sync_warp();
      for (int step = 0; step < 4; ++step) {
        for (int i = 0; i < 4; ++i) {
          const int row = 16 * warp_index() + g + 8 * (i % 2);
          const int k = 16 * step + 2 * t + 8 * (i / 2);
          a[step][i] = half2_of(a_at(row, k), a_at(row, k + 1));
        }
      }
      if (mistake != Mistake::kNoFence) warpgroup_fence();
      for (int step = 0; step < 4; ++step) {
        const auto swizzle = mistake == Mistake::kNoSwizzle ? Swizzle::kNone : Swizzle::k128;
        const uint64_t b_operand =
            matrix_descriptor(shared_address(shared.b, 0), swizzle, 16,
                              mistake == Mistake::kWrongStride ? 512 : 1024) +
            static_cast<uint64_t>(2 * step);
        if (mistake == Mistake::kWarpMissing && warp_index() == 2 && step == 1) continue;
        warpgroup_multiply_half(d, a[step], b_operand, round > 0 || step > 0);
      }
      if (mistake != Mistake::kNoCommit) warpgroup_commit();
      if (mistake == Mistake::kReleasedEarly && lane_is(0)) shared.empty.arrive();
      if (mistake == Mistake::kOperandChanged) a[0][0] = 0;
      if (mistake != Mistake::kNoWaitForProduct || round + 1 < kRounds) warpgroup_wait<0>();
      take_results(d);
      const bool releases =
          mistake != Mistake::kReleasedEarly && (mistake != Mistake::kNotReleased || round > 0);
      if (releases && lane_is(0)) shared.empty.arrive();
    }
    for (int i = 0; i < 4; ++i) {
      const int row = 16 * warp_index() + g + 8 * (i / 2);
      store(out + row * kColumns + 2 * t + i % 2, d[0][i]);
    }
    if (mistake == Mistake::kNoWaitForProduct) warpgroup_wait<0>();
  }

  void operator()(Shared& shared) const {
    if (thread_index() == 0) {
      shared.full.init(1);
      shared.empty.init(4);
      if (mistake != Mistake::kNoBarrierFence) fence_barriers();
    }
    if (mistake != Mistake::kNoBlockBarrier) sync_threads();
    if (warp_index() < 4) {
      consume(shared);
    } else if (lane_index() == 0) {
      produce(shared);
    }
  }
};

class CudaEmulatedHopper : public ::testing::TestWithParam<TurnOrder> {
 protected:
  void SetUp() override { set_turn_order(GetParam()); }
  void TearDown() override { set_turn_order(TurnOrder::kAscending); }

  // What is wrong with a kernel that makes this mistake.
  static std::string outcome(Mistake mistake) {
    DeviceArray<uint16_t> b(static_cast<std::size_t>(kRounds * kColumns * kDepth));
    for (int round = 0; round < kRounds; ++round) {
      for (int column = 0; column < kColumns; ++column) {
        for (int k = 0; k < kDepth; ++k) {
          const int place = (k / 8 ^ column) * 8 + k % 8;
          b[static_cast<std::size_t>((round * kColumns + column) * kDepth + place)] =
              half_from_float(Products::b_at(round, k, column));
        }
      }
    }
    const DeviceArray<float> out(std::size_t{64 * kColumns});
    try {
      Stream stream;
      launch(stream, {}, Products{mistake, b.data(), out.data()});
    } catch (const KernelFault& fault) {
      return fault.what();
    }
    for (int row = 0; row < 64; ++row) {
      for (int column = 0; column < kColumns; ++column) {
        float sum = 0.0f;
        for (int round = 0; round < kRounds; ++round) {
          for (int k = 0; k < kDepth; ++k) {
            sum += Products::a_at(row, k) * Products::b_at(round, k, column);
          }
        }
        // NaN differs as well.
        if (!(out[static_cast<std::size_t>(row * kColumns + column)] == sum)) return "wrong result";
      }
    }
    return "right";
  }
};

#define EXPECT_OUTCOME(text, mistake)                        \
  do {                                                       \
    const std::string found = outcome(mistake);              \
    EXPECT_NE(found.find(text), std::string::npos) << found; \
  } while (false)

TEST_P(CudaEmulatedHopper, ProductsOfCopiedOperandsAreRight) {
  EXPECT_EQ(outcome(Mistake::kNone), "right");
}

TEST_P(CudaEmulatedHopper, SeesBarriersThatOthersCannotKnow) {
  EXPECT_OUTCOME("to a barrier that was not fenced", Mistake::kNoBarrierFence);
  EXPECT_OUTCOME("barrier", Mistake::kNoBlockBarrier);
}

TEST_P(CudaEmulatedHopper, SeesACopyThatIsNotWaitedFor) {
  EXPECT_OUTCOME("multiplies by", Mistake::kNoWaitForCopy);
  EXPECT_OUTCOME("without waiting for it", Mistake::kOneLaneWaits);
  EXPECT_OUTCOME("multiplies by", Mistake::kWrongParity);
}

TEST_P(CudaEmulatedHopper, SeesBytesThatNeverCome) {
  EXPECT_OUTCOME("never ends", Mistake::kTooManyBytes);
  EXPECT_OUTCOME("never ends", Mistake::kTooFewBytes);
}

TEST_P(CudaEmulatedHopper, SeesResultsAndOperandsThatAreNotWaitedFor) {
  EXPECT_OUTCOME("without a fence", Mistake::kNoFence);
  EXPECT_OUTCOME("wrong result", Mistake::kNoWaitForProduct);
  EXPECT_OUTCOME("wrong result", Mistake::kOperandChanged);
  // Without a group nothing is waited for: a stage is refilled under its products.
  EXPECT_OUTCOME("that a product at work reads", Mistake::kNoCommit);
}

TEST_P(CudaEmulatedHopper, SeesAStageThatIsRefilledUnderItsReaders) {
  EXPECT_OUTCOME("copies in bulk", Mistake::kReleasedEarly);
  // Phases pass by before anybody waits for them.
  EXPECT_OUTCOME("never ends", Mistake::kRefilledUnasked);
  EXPECT_OUTCOME("never ends", Mistake::kNotReleased);
}

TEST_P(CudaEmulatedHopper, SeesWrongDescriptors) {
  EXPECT_OUTCOME("wrong result", Mistake::kNoSwizzle);
  // With eight columns the stride leads nowhere.
  EXPECT_OUTCOME("right", Mistake::kWrongStride);
}

TEST_P(CudaEmulatedHopper, SeesAWarpThatLeavesItsWarpgroup) {
  EXPECT_OUTCOME("did not make the products of its warpgroup", Mistake::kWarpMissing);
}

INSTANTIATE_TEST_SUITE_P(Turns, CudaEmulatedHopper,
                         ::testing::Values(TurnOrder::kAscending, TurnOrder::kDescending),
                         [](const auto& param) {
                           return param.param == TurnOrder::kAscending ? "ascending" : "descending";
                         });

}  // namespace
}  // namespace weft::test
