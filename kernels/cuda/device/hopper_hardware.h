// hopper.h on a GPU. Only nvcc reads this, and only for sm_90a.
#pragma once

#include "kernels/cuda/device/device.h"

namespace weft::cuda {

// What other architectures are given of these: nothing that could be called.
#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)

template <class T, int kCount>
WEFT_DEVICE uint32_t shared_address(const SharedArray<T, kCount>& array, int i) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(array.data + i));
}

// --- Barriers ----------------------------------------------------------------------------------
// Phases of `arrivals` arrivals each; a phase ends once they and the bytes that were announced in
// it have come.
struct alignas(8) SharedBarrier {
  uint64_t state;

  WEFT_DEVICE uint32_t address() const {
    return static_cast<uint32_t>(__cvta_generic_to_shared(&state));
  }
  WEFT_DEVICE void init(int arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(address()), "r"(arrivals)
                 : "memory");
  }
  WEFT_DEVICE void arrive() {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(address()) : "memory");
  }
  // Arrives, and announces bytes.
  WEFT_DEVICE void arrive_expecting(int bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(address()),
                 "r"(bytes)
                 : "memory");
  }
  // Waits until the latest phase of this parity (the first is 0) has ended.
  WEFT_DEVICE void wait(int parity) {
    uint32_t over = 0;
    while (over == 0) {
      asm volatile(
          "{\n\t.reg .pred p;\n\t"
          "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n\t"
          "selp.u32 %0, 1, 0, p;\n\t}"
          : "=r"(over)
          : "r"(address()), "r"(parity)
          : "memory");
    }
  }
};
// After init(), by the same thread: copies see the barriers.
WEFT_DEVICE void fence_barriers() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

// --- Copies ------------------------------------------------------------------------------------
// Starts a copy of `bytes` from global memory to element i and the ones after it, which `done` is
// told of: all three multiples of 16 bytes. By one thread.
template <class T, int kCount>
WEFT_DEVICE void copy_bulk(SharedArray<T, kCount>& to, int i, const void* from, int bytes,
                           SharedBarrier& done) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
          "r"(shared_address(to, i)),
      "l"(from), "r"(bytes), "r"(done.address())
      : "memory");
}

// --- Registers ---------------------------------------------------------------------------------
// Every thread of the warpgroup has this many from now on, a multiple of 8: some give up what
// others then take, who wait for it. In a kernel that says how many blocks it wants (kBlocks), and
// where warpgroups go different ways.
template <int kCount>
WEFT_DEVICE void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kCount));
}
template <int kCount>
WEFT_DEVICE void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kCount));
}

// --- Products of a warpgroup -------------------------------------------------------------------
WEFT_DEVICE void warpgroup_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
// Ends a group of products.
WEFT_DEVICE void warpgroup_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
// Waits until at most `kOpen` of the latest groups are still at work.
template <int kOpen>
WEFT_DEVICE void warpgroup_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kOpen) : "memory");
}
// After the wait for the products that wrote d: reads of d stay behind it.
template <int kTokens>
WEFT_DEVICE void take_results(float (&d)[kTokens][4]) {
  WEFT_UNROLL
  for (int n = 0; n < kTokens; ++n) {
    WEFT_UNROLL
    for (int i = 0; i < 4; ++i) asm volatile("" : "+f"(d[n][i])::"memory");
  }
}

// d (+)= a · b for one 64 × 8 kTokens tile over 16 of K, by a whole warpgroup; without `accumulate`
// what was in d is forgotten. Warp w holds rows 16w … 16w + 15: of a and d what mma_half() takes,
// d[n] for columns 8n … 8n + 7. (PTX ISA, "Register fragments and shared memory matrix layouts for
// wgmma.mma_async.m64nNk16".)
// clang-format off
#define WEFT_WARPGROUP_8(TYPE)                                                                    \
asm volatile(                                                                                     \
    "{\n\t.reg .pred p;\n\t"                                                                      \
    "setp.ne.b32 p, %9, 0;\n\t"                                                                   \
    "wgmma.mma_async.sync.aligned.m64n8k16.f32." TYPE "." TYPE " {"                               \
    "%0, %1, %2, %3"                                                                              \
    "}, {%4, %5, %6, %7}, %8, p, 1, 1, 0;\n\t}"                                                   \
    : "+f"(d[0][0]), "+f"(d[0][1]), "+f"(d[0][2]), "+f"(d[0][3])                                  \
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(int{accumulate})                    \
    : "memory")
#define WEFT_WARPGROUP_64(TYPE)                                                                   \
asm volatile(                                                                                     \
    "{\n\t.reg .pred p;\n\t"                                                                      \
    "setp.ne.b32 p, %37, 0;\n\t"                                                                  \
    "wgmma.mma_async.sync.aligned.m64n64k16.f32." TYPE "." TYPE " {"                              \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                      \
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"              \
    "}, {%32, %33, %34, %35}, %36, p, 1, 1, 0;\n\t}"                                              \
    : "+f"(d[0][0]), "+f"(d[0][1]), "+f"(d[0][2]), "+f"(d[0][3]),                                 \
      "+f"(d[1][0]), "+f"(d[1][1]), "+f"(d[1][2]), "+f"(d[1][3]),                                 \
      "+f"(d[2][0]), "+f"(d[2][1]), "+f"(d[2][2]), "+f"(d[2][3]),                                 \
      "+f"(d[3][0]), "+f"(d[3][1]), "+f"(d[3][2]), "+f"(d[3][3]),                                 \
      "+f"(d[4][0]), "+f"(d[4][1]), "+f"(d[4][2]), "+f"(d[4][3]),                                 \
      "+f"(d[5][0]), "+f"(d[5][1]), "+f"(d[5][2]), "+f"(d[5][3]),                                 \
      "+f"(d[6][0]), "+f"(d[6][1]), "+f"(d[6][2]), "+f"(d[6][3]),                                 \
      "+f"(d[7][0]), "+f"(d[7][1]), "+f"(d[7][2]), "+f"(d[7][3])                                  \
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(int{accumulate})                    \
    : "memory")
#define WEFT_WARPGROUP_128(TYPE)                                                                  \
asm volatile(                                                                                     \
    "{\n\t.reg .pred p;\n\t"                                                                      \
    "setp.ne.b32 p, %69, 0;\n\t"                                                                  \
    "wgmma.mma_async.sync.aligned.m64n128k16.f32." TYPE "." TYPE " {"                             \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                      \
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "            \
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "            \
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"              \
    "}, {%64, %65, %66, %67}, %68, p, 1, 1, 0;\n\t}"                                              \
    : "+f"(d[0][0]), "+f"(d[0][1]), "+f"(d[0][2]), "+f"(d[0][3]),                                 \
      "+f"(d[1][0]), "+f"(d[1][1]), "+f"(d[1][2]), "+f"(d[1][3]),                                 \
      "+f"(d[2][0]), "+f"(d[2][1]), "+f"(d[2][2]), "+f"(d[2][3]),                                 \
      "+f"(d[3][0]), "+f"(d[3][1]), "+f"(d[3][2]), "+f"(d[3][3]),                                 \
      "+f"(d[4][0]), "+f"(d[4][1]), "+f"(d[4][2]), "+f"(d[4][3]),                                 \
      "+f"(d[5][0]), "+f"(d[5][1]), "+f"(d[5][2]), "+f"(d[5][3]),                                 \
      "+f"(d[6][0]), "+f"(d[6][1]), "+f"(d[6][2]), "+f"(d[6][3]),                                 \
      "+f"(d[7][0]), "+f"(d[7][1]), "+f"(d[7][2]), "+f"(d[7][3]),                                 \
      "+f"(d[8][0]), "+f"(d[8][1]), "+f"(d[8][2]), "+f"(d[8][3]),                                 \
      "+f"(d[9][0]), "+f"(d[9][1]), "+f"(d[9][2]), "+f"(d[9][3]),                                 \
      "+f"(d[10][0]), "+f"(d[10][1]), "+f"(d[10][2]), "+f"(d[10][3]),                             \
      "+f"(d[11][0]), "+f"(d[11][1]), "+f"(d[11][2]), "+f"(d[11][3]),                             \
      "+f"(d[12][0]), "+f"(d[12][1]), "+f"(d[12][2]), "+f"(d[12][3]),                             \
      "+f"(d[13][0]), "+f"(d[13][1]), "+f"(d[13][2]), "+f"(d[13][3]),                             \
      "+f"(d[14][0]), "+f"(d[14][1]), "+f"(d[14][2]), "+f"(d[14][3]),                             \
      "+f"(d[15][0]), "+f"(d[15][1]), "+f"(d[15][2]), "+f"(d[15][3])                              \
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(int{accumulate})                    \
    : "memory")
#define WEFT_WARPGROUP_256(TYPE)                                                                  \
asm volatile(                                                                                     \
    "{\n\t.reg .pred p;\n\t"                                                                      \
    "setp.ne.b32 p, %133, 0;\n\t"                                                                 \
    "wgmma.mma_async.sync.aligned.m64n256k16.f32." TYPE "." TYPE " {"                             \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                      \
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "            \
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "            \
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "            \
    "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "            \
    "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "            \
    "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "\
    "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"\
    "}, {%128, %129, %130, %131}, %132, p, 1, 1, 0;\n\t}"                                         \
    : "+f"(d[0][0]), "+f"(d[0][1]), "+f"(d[0][2]), "+f"(d[0][3]),                                 \
      "+f"(d[1][0]), "+f"(d[1][1]), "+f"(d[1][2]), "+f"(d[1][3]),                                 \
      "+f"(d[2][0]), "+f"(d[2][1]), "+f"(d[2][2]), "+f"(d[2][3]),                                 \
      "+f"(d[3][0]), "+f"(d[3][1]), "+f"(d[3][2]), "+f"(d[3][3]),                                 \
      "+f"(d[4][0]), "+f"(d[4][1]), "+f"(d[4][2]), "+f"(d[4][3]),                                 \
      "+f"(d[5][0]), "+f"(d[5][1]), "+f"(d[5][2]), "+f"(d[5][3]),                                 \
      "+f"(d[6][0]), "+f"(d[6][1]), "+f"(d[6][2]), "+f"(d[6][3]),                                 \
      "+f"(d[7][0]), "+f"(d[7][1]), "+f"(d[7][2]), "+f"(d[7][3]),                                 \
      "+f"(d[8][0]), "+f"(d[8][1]), "+f"(d[8][2]), "+f"(d[8][3]),                                 \
      "+f"(d[9][0]), "+f"(d[9][1]), "+f"(d[9][2]), "+f"(d[9][3]),                                 \
      "+f"(d[10][0]), "+f"(d[10][1]), "+f"(d[10][2]), "+f"(d[10][3]),                             \
      "+f"(d[11][0]), "+f"(d[11][1]), "+f"(d[11][2]), "+f"(d[11][3]),                             \
      "+f"(d[12][0]), "+f"(d[12][1]), "+f"(d[12][2]), "+f"(d[12][3]),                             \
      "+f"(d[13][0]), "+f"(d[13][1]), "+f"(d[13][2]), "+f"(d[13][3]),                             \
      "+f"(d[14][0]), "+f"(d[14][1]), "+f"(d[14][2]), "+f"(d[14][3]),                             \
      "+f"(d[15][0]), "+f"(d[15][1]), "+f"(d[15][2]), "+f"(d[15][3]),                             \
      "+f"(d[16][0]), "+f"(d[16][1]), "+f"(d[16][2]), "+f"(d[16][3]),                             \
      "+f"(d[17][0]), "+f"(d[17][1]), "+f"(d[17][2]), "+f"(d[17][3]),                             \
      "+f"(d[18][0]), "+f"(d[18][1]), "+f"(d[18][2]), "+f"(d[18][3]),                             \
      "+f"(d[19][0]), "+f"(d[19][1]), "+f"(d[19][2]), "+f"(d[19][3]),                             \
      "+f"(d[20][0]), "+f"(d[20][1]), "+f"(d[20][2]), "+f"(d[20][3]),                             \
      "+f"(d[21][0]), "+f"(d[21][1]), "+f"(d[21][2]), "+f"(d[21][3]),                             \
      "+f"(d[22][0]), "+f"(d[22][1]), "+f"(d[22][2]), "+f"(d[22][3]),                             \
      "+f"(d[23][0]), "+f"(d[23][1]), "+f"(d[23][2]), "+f"(d[23][3]),                             \
      "+f"(d[24][0]), "+f"(d[24][1]), "+f"(d[24][2]), "+f"(d[24][3]),                             \
      "+f"(d[25][0]), "+f"(d[25][1]), "+f"(d[25][2]), "+f"(d[25][3]),                             \
      "+f"(d[26][0]), "+f"(d[26][1]), "+f"(d[26][2]), "+f"(d[26][3]),                             \
      "+f"(d[27][0]), "+f"(d[27][1]), "+f"(d[27][2]), "+f"(d[27][3]),                             \
      "+f"(d[28][0]), "+f"(d[28][1]), "+f"(d[28][2]), "+f"(d[28][3]),                             \
      "+f"(d[29][0]), "+f"(d[29][1]), "+f"(d[29][2]), "+f"(d[29][3]),                             \
      "+f"(d[30][0]), "+f"(d[30][1]), "+f"(d[30][2]), "+f"(d[30][3]),                             \
      "+f"(d[31][0]), "+f"(d[31][1]), "+f"(d[31][2]), "+f"(d[31][3])                              \
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(int{accumulate})                    \
    : "memory")
// clang-format on

template <int kTokens>
WEFT_DEVICE void warpgroup_multiply_half(float (&d)[kTokens][4], const uint32_t (&a)[4], uint64_t b,
                                         bool accumulate) {
  static_assert(kTokens == 1 || kTokens == 8 || kTokens == 16 || kTokens == 32);
  if constexpr (kTokens == 1) {
    WEFT_WARPGROUP_8("f16");
  } else if constexpr (kTokens == 8) {
    WEFT_WARPGROUP_64("f16");
  } else if constexpr (kTokens == 16) {
    WEFT_WARPGROUP_128("f16");
  } else {
    WEFT_WARPGROUP_256("f16");
  }
}

template <int kTokens>
WEFT_DEVICE void warpgroup_multiply_bfloat(float (&d)[kTokens][4], const uint32_t (&a)[4],
                                           uint64_t b, bool accumulate) {
  static_assert(kTokens == 1 || kTokens == 8 || kTokens == 16 || kTokens == 32);
  if constexpr (kTokens == 1) {
    WEFT_WARPGROUP_8("bf16");
  } else if constexpr (kTokens == 8) {
    WEFT_WARPGROUP_64("bf16");
  } else if constexpr (kTokens == 16) {
    WEFT_WARPGROUP_128("bf16");
  } else {
    WEFT_WARPGROUP_256("bf16");
  }
}
#undef WEFT_WARPGROUP_8
#undef WEFT_WARPGROUP_64
#undef WEFT_WARPGROUP_128
#undef WEFT_WARPGROUP_256

#endif

}  // namespace weft::cuda
