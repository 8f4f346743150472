// The emulator itself: what kernels do is done, and each mistake that it exists for is seen.
#include "tests/support/cuda_emulator/emulator.h"

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/half.h"
#include "kernels/cuda/device/launch.h"
#include "tests/kernels/cuda/device_array.h"

namespace weft::test {
namespace {

using namespace cuda;

template <class T>
using Array = DeviceArray<T>;

constexpr int kTestThreads = 64;

// A kernel whose body is the test's own: run(shared memory, thread).
struct Body {
  static constexpr const char* kName = "body";
  static constexpr int kThreads = kTestThreads;
  struct Shared {
    SharedArray<float, kTestThreads> x;
    SharedArray<int, 2> n;
  };
  std::function<void(Shared&, int)> run;
  void operator()(Shared& shared) const { run(shared, thread_index()); }
};

void run(const std::function<void(Body::Shared&, int)>& body, int blocks = 1) {
  Stream stream;
  launch(stream, {.x = blocks}, Body{body});
}

// What the emulator says of a body.
std::string fault_of(const std::function<void(Body::Shared&, int)>& body, int blocks = 1) {
  try {
    run(body, blocks);
  } catch (const KernelFault& fault) {
    return fault.what();
  }
  return "no fault";
}

#define EXPECT_FAULT(text, ...)                              \
  do {                                                       \
    const std::string found = fault_of(__VA_ARGS__);         \
    EXPECT_NE(found.find(text), std::string::npos) << found; \
  } while (false)

class CudaEmulator : public ::testing::TestWithParam<TurnOrder> {
 protected:
  void SetUp() override { set_turn_order(GetParam()); }
  void TearDown() override { set_turn_order(TurnOrder::kAscending); }
};

TEST_P(CudaEmulator, BarrierLetsThreadsSeeWhatOthersWrote) {
  Array<float> out(2 * kTestThreads);
  run(
      [&](Body::Shared& shared, int t) {
        shared.x[t] = static_cast<float>(t);
        sync_threads();
        const float other = shared.x[kTestThreads - 1 - t];
        sync_threads();
        shared.x[t] = 2.0f * other;
        sync_threads();
        store(out.data() + block_index().x * kTestThreads + t,
              static_cast<float>(shared.x[(t + 1) % kTestThreads]));
      },
      2);
  for (int i = 0; i < 2 * kTestThreads; ++i) {
    EXPECT_EQ(out[i], 2.0f * static_cast<float>(kTestThreads - 1 - (i + 1) % kTestThreads));
  }
}

TEST_P(CudaEmulator, WarpOperationsSpanTheirWarpAlone) {
  Array<uint32_t> votes(kTestThreads);
  Array<float> sums(kTestThreads);
  run([&](Body::Shared&, int t) {
    store(votes.data() + t, ballot(t % 3 == 0));
    store(sums.data() + t, warp_sum(static_cast<float>(t)));
  });
  for (int t = 0; t < kTestThreads; ++t) {
    uint32_t expected = 0;
    for (int lane = 0; lane < 32; ++lane) expected |= ((t / 32 * 32 + lane) % 3 == 0) << lane;
    EXPECT_EQ(votes[t], expected);
    EXPECT_EQ(sums[t], t < 32 ? 496.0f : 496.0f + 1024.0f);
  }
}

// Writes a matrix through the documented layout and multiplies it; the product is compared with one
// computed from the matrices.
TEST_P(CudaEmulator, MmaMultipliesByTheDocumentedLayout) {
  const auto a = [](int row, int k) { return static_cast<float>(row - 3 * k); };
  const auto b = [](int k, int column) { return static_cast<float>(k * column - 7); };
  Array<float> out(16 * 8);
  run([&](Body::Shared&, int thread) {
    const int lane = lane_index();
    const int g = lane / 4;
    const int t = lane % 4;
    uint32_t fa[4], fb[2];
    for (int i = 0; i < 4; ++i) {
      const int k = 2 * t + 8 * (i / 2);
      fa[i] = half2_of(a(g + 8 * (i % 2), k), a(g + 8 * (i % 2), k + 1));
    }
    for (int i = 0; i < 2; ++i) fb[i] = half2_of(b(2 * t + 8 * i, g), b(2 * t + 8 * i + 1, g));
    float d[4] = {0.5f, 0.5f, 0.5f, 0.5f};
    mma_half(d, fa, fb);
    if (thread >= 32) return;
    for (int i = 0; i < 4; ++i) store(out.data() + (g + 8 * (i / 2)) * 8 + 2 * t + i % 2, d[i]);
  });
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      float sum = 0.5f;
      for (int k = 0; k < 16; ++k) sum += a(row, k) * b(k, column);
      EXPECT_EQ(out[row * 8 + column], sum) << row << ", " << column;
    }
  }
}

struct OfHalves {
  static constexpr const char* kName = "of_halves";
  static constexpr int kThreads = kWarp;
  struct Shared {
    SharedArray<uint16_t, 4 * 64> rows;
  };
  std::function<void(Shared&)> run;
  void operator()(Shared& shared) const { run(shared); }
};

// Element (row, column) of matrix m, as rows lie in shared memory and as lanes must be given them.
TEST_P(CudaEmulator, MatricesAreGivenByTheDocumentedLayout) {
  const auto element = [](int m, int row, int column) {
    return static_cast<uint16_t>(1000 * m + 10 * row + column);
  };
  Stream stream;
  launch(stream, {}, OfHalves{[&](OfHalves::Shared& shared) {
           const int lane = lane_index();
           for (int column = 0; column < 8; ++column) {
             shared.rows[8 * lane + column] = element(lane / 8, lane % 8, column);
           }
           sync_warp();
           uint32_t words[4], transposed[4];
           shared.rows.load_matrices(8 * lane, words);
           shared.rows.load_transposed_matrices(8 * lane, transposed);
           const int g = lane / 4;
           const int t = lane % 4;
           for (int m = 0; m < 4; ++m) {
             EXPECT_EQ(words[m], pack16(element(m, g, 2 * t), element(m, g, 2 * t + 1)));
             EXPECT_EQ(transposed[m], pack16(element(m, 2 * t, g), element(m, 2 * t + 1, g)));
           }
         }});
}

TEST_P(CudaEmulator, CopyAsyncArrivesAtItsWaitAndPadsWithZeros) {
  Array<float> in(8);
  for (int i = 0; i < 8; ++i) in[i] = static_cast<float>(i + 1);
  Array<float> out(8);
  run([&](Body::Shared& shared, int t) {
    if (t < 2) shared.x.copy_async16(4 * t, in.data() + 4 * t, t == 0 ? 16 : 8);
    copy_async_commit();
    copy_async_wait<0>();
    sync_threads();
    if (t < 8) store(out.data() + t, static_cast<float>(shared.x[t]));
  });
  for (int i = 0; i < 8; ++i) EXPECT_EQ(out[i], i < 6 ? static_cast<float>(i + 1) : 0.0f);
}

TEST_P(CudaEmulator, SeesSharedIndexPastTheEnd) {
  EXPECT_FAULT("elements 64 … 64 of a shared array of 64",
               [](Body::Shared& shared, int t) { shared.x[t + 1] = 1.0f; });
  EXPECT_FAULT("elements -1 …", [](Body::Shared& shared, int t) { shared.x[t - 1] = 1.0f; });
}

TEST_P(CudaEmulator, SeesGlobalIndexPastTheEnd) {
  Array<float> in(kTestThreads);
  EXPECT_FAULT("reads 4 bytes of global memory at offset 256 of an allocation of 256",
               [&](Body::Shared&, int t) { (void)load(in.data() + t + 1); });
  EXPECT_FAULT("thread 62: writes 16 bytes of global memory", [&](Body::Shared&, int t) {
    if (t == 62) store(reinterpret_cast<Vec4*>(in.data() + t), Vec4{});
  });
  EXPECT_FAULT("misaligned by 4", [&](Body::Shared&, int) {
    (void)load(reinterpret_cast<const Vec4*>(in.data() + 1));
  });
}

TEST_P(CudaEmulator, SeesUseAfterFree) {
  const float* gone = Array<float>(4).data();
  EXPECT_FAULT("of global memory", [&](Body::Shared&, int) { (void)load(gone); });
}

TEST_P(CudaEmulator, SeesMissingBarrier) {
  EXPECT_FAULT("without a barrier between them", [](Body::Shared& shared, int t) {
    shared.x[t] = 1.0f;
    sync_threads();
    shared.x[t] = 2.0f;
    sync_warp();  // not enough for the other warp
    (void)static_cast<float>(shared.x[(t + 32) % kTestThreads]);
  });
  // A write that overtakes a read is one too.
  EXPECT_FAULT("without a barrier between them", [](Body::Shared& shared, int t) {
    shared.x[t] = 1.0f;
    sync_threads();
    (void)static_cast<float>(shared.x[(t + 32) % kTestThreads]);
    shared.x[t] = 2.0f;
  });
}

TEST_P(CudaEmulator, SeesMissingBarrierOfAWarp) {
  EXPECT_FAULT("without a barrier between them", [](Body::Shared& shared, int t) {
    shared.x[t] = 1.0f;
    (void)ballot(true);  // waits, but orders no memory
    (void)static_cast<float>(shared.x[t ^ 1]);
  });
  EXPECT_EQ(fault_of([](Body::Shared& shared, int t) {
              shared.x[t] = 1.0f;
              sync_warp();
              (void)static_cast<float>(shared.x[t ^ 1]);
            }),
            "no fault");
}

TEST_P(CudaEmulator, SeesSharedMemoryThatNobodyWrote) {
  EXPECT_FAULT("which nobody wrote",
               [](Body::Shared& shared, int t) { (void)static_cast<float>(shared.x[t]); });
}

TEST_P(CudaEmulator, SeesWrongLane) {
  EXPECT_FAULT("asks lane 32", [](Body::Shared&, int t) { (void)shuffle(t, t % 32 + 1); });
}

TEST_P(CudaEmulator, SeesLanesThatDoNotTakePart) {
  EXPECT_FAULT("waits at shuffle, but thread", [](Body::Shared&, int t) {
    if (t != 5) (void)shuffle(t, 0);
  });
  EXPECT_FAULT("waits at ballot, but thread 63 of its warp waits at the block's barrier",
               [](Body::Shared&, int t) {
                 if (t == 63) sync_threads();
                 (void)ballot(true);
               });
}

TEST_P(CudaEmulator, SeesBarrierThatNotAllReach) {
  EXPECT_FAULT("waits at the block's barrier, but thread 31 has returned",
               [](Body::Shared&, int t) {
                 if (t >= 32) sync_threads();
               });
}

TEST_P(CudaEmulator, SeesMissingWaitForCopy) {
  Array<float> in(4);
  EXPECT_FAULT("while a copy to it is on its way", [&](Body::Shared& shared, int t) {
    if (t == 0) shared.x.copy_async16(0, in.data(), 16);
    copy_async_commit();
    sync_threads();
    (void)static_cast<float>(shared.x[t % 4]);
  });
  // Waiting for all but the latest group leaves the latest open.
  EXPECT_FAULT("while a copy to it is on its way", [&](Body::Shared& shared, int t) {
    if (t == 0) shared.x.copy_async16(0, in.data(), 16);
    copy_async_commit();
    copy_async_wait<1>();
    sync_threads();
    (void)static_cast<float>(shared.x[t % 4]);
  });
}

TEST_P(CudaEmulator, SeesMissingBarrierAfterWaitForCopy) {
  Array<float> in(4);
  EXPECT_FAULT("without a barrier between them", [&](Body::Shared& shared, int t) {
    shared.x[t] = 1.0f;
    sync_threads();
    if (t == 0) shared.x.copy_async16(0, in.data(), 16);
    copy_async_commit();
    copy_async_wait<0>();
    sync_warp();
    if (t >= 32) (void)static_cast<float>(shared.x[t % 4]);
    sync_threads();
  });
}

TEST_P(CudaEmulator, SeesCopyThatOvertakesAReader) {
  Array<float> in(4);
  EXPECT_FAULT("without a barrier between them", [&](Body::Shared& shared, int t) {
    shared.x[t] = 1.0f;
    sync_threads();
    (void)static_cast<float>(shared.x[t]);
    if (t == 40) shared.x.copy_async16(0, in.data(), 16);
    copy_async_commit();
    copy_async_wait<0>();
  });
}

TEST_P(CudaEmulator, ThreadsMayAddAtOnceButNotReadMeanwhile) {
  Array<int> out(1);
  const auto zero = [](Body::Shared& shared, int t) {
    if (t < 2) shared.n[t] = 0;
    sync_threads();
  };
  run([&](Body::Shared& shared, int t) {
    zero(shared, t);
    shared.n.atomic_add(1, t);
    sync_threads();
    if (t == 40) store(out.data(), static_cast<int>(shared.n[1]));
  });
  EXPECT_EQ(out[0], kTestThreads * (kTestThreads - 1) / 2);
  EXPECT_FAULT("which nobody wrote", [&](Body::Shared& shared, int) { shared.n.atomic_add(0, 1); });
  EXPECT_FAULT("without a barrier between them", [&](Body::Shared& shared, int t) {
    zero(shared, t);
    if (t == 7) shared.n[0] = 0;
    shared.n.atomic_add(0, 1);
  });
  // Each reads right after its own addition: others' may come before or after.
  EXPECT_FAULT("without a barrier between them", [&](Body::Shared& shared, int t) {
    zero(shared, t);
    shared.n.atomic_add(0, 1);
    (void)static_cast<int>(shared.n[0]);
  });
  EXPECT_FAULT("without a barrier between them", [&](Body::Shared& shared, int t) {
    zero(shared, t);
    (void)static_cast<int>(shared.n[0]);
    shared.n.atomic_add(0, 1);
  });
}

TEST_P(CudaEmulator, SeesBlocksThatDependOnEachOther) {
  Array<float> x(1);
  EXPECT_FAULT(
      "of the same launch writes",
      [&](Body::Shared&, int t) {
        if (t == 0) store(x.data(), static_cast<float>(block_index().x));
      },
      2);
  x[0] = 1.0f;
  EXPECT_FAULT(
      "of the same launch",
      [&](Body::Shared&, int t) {
        if (t != 0) return;
        if (block_index().x == 0) (void)load(x.data());
        if (block_index().x == 1) store(x.data(), 2.0f);
      },
      2);
  Array<int> counter(1);
  counter[0] = 0;
  run([&](Body::Shared&, int) { atomic_add(counter.data(), 1); }, 3);
  EXPECT_EQ(counter[0], 3 * kTestThreads);
}

TEST_P(CudaEmulator, WorksAgainAfterAFault) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_FAULT("has returned", [](Body::Shared&, int t) {
      if (t != 0) sync_threads();
    });
    Array<float> out(kTestThreads);
    run([&](Body::Shared&, int t) { store(out.data() + t, warp_max(static_cast<float>(t))); });
    EXPECT_EQ(out[0], 31.0f);
    EXPECT_EQ(out[40], 63.0f);
  }
}

INSTANTIATE_TEST_SUITE_P(Turns, CudaEmulator,
                         ::testing::Values(TurnOrder::kAscending, TurnOrder::kDescending),
                         [](const auto& param) {
                           return param.param == TurnOrder::kAscending ? "ascending" : "descending";
                         });

}  // namespace
}  // namespace weft::test
