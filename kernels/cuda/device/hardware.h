// device.h on a GPU. Only nvcc reads this.
#pragma once

#include <cuda_runtime.h>

#include "core/half.h"
#include "kernels/cuda/device/types.h"

#define WEFT_DEVICE __device__ __forceinline__
// Before a loop that must be unrolled, so that its arrays stay in registers.
#define WEFT_UNROLL _Pragma("unroll")
// Before one that must not be, so that its registers suffice.
#define WEFT_NO_UNROLL _Pragma("unroll 1")

namespace weft::cuda {

WEFT_DEVICE int thread_index() { return static_cast<int>(threadIdx.x); }
WEFT_DEVICE Dim3 block_index() {
  return {static_cast<int>(blockIdx.x), static_cast<int>(blockIdx.y), static_cast<int>(blockIdx.z)};
}
WEFT_DEVICE Dim3 grid_size() {
  return {static_cast<int>(gridDim.x), static_cast<int>(gridDim.y), static_cast<int>(gridDim.z)};
}

WEFT_DEVICE void sync_threads() { __syncthreads(); }
WEFT_DEVICE void sync_warp() { __syncwarp(); }

// The value, of which the compiler does not know where it comes from: so it computes what follows
// from it anew in each turn of a loop, instead of keeping all of that in registers throughout.
WEFT_DEVICE int computed_anew(int value) {
  asm volatile("" : "+r"(value));
  return value;
}

template <class T>
WEFT_DEVICE T shuffle(T value, int source_lane) {
  return __shfl_sync(0xffffffffu, value, source_lane);
}
template <class T>
WEFT_DEVICE T shuffle_xor(T value, int mask) {
  return __shfl_xor_sync(0xffffffffu, value, mask);
}
// Bit i: lane i's predicate.
WEFT_DEVICE uint32_t ballot(bool predicate) { return __ballot_sync(0xffffffffu, predicate); }

// --- Global memory -----------------------------------------------------------------------------
template <class T>
WEFT_DEVICE T load(const T* p) {
  return *p;
}
// What is read once and by this launch alone, such as weights: kept out of the first cache.
WEFT_DEVICE Vec4 load_streaming(const Vec4* p) {
  Vec4 v;
  asm("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];"
      : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
      : "l"(p));
  return v;
}
WEFT_DEVICE Vec2 load_streaming(const Vec2* p) {
  Vec2 v;
  asm("ld.global.nc.L1::no_allocate.L2::128B.v2.u32 {%0, %1}, [%2];"
      : "=r"(v.x), "=r"(v.y)
      : "l"(p));
  return v;
}
WEFT_DEVICE uint32_t load_streaming(const uint32_t* p) {
  uint32_t v;
  asm("ld.global.nc.L1::no_allocate.L2::128B.u32 %0, [%1];" : "=r"(v) : "l"(p));
  return v;
}
template <class T>
WEFT_DEVICE void store(T* p, T value) {
  *p = value;
}
// Integers only: the order of additions must not decide any bits.
WEFT_DEVICE int atomic_add(int* p, int value) { return atomicAdd(p, value); }
WEFT_DEVICE void atomic_add(uint64_t* p, uint64_t value) {
  atomicAdd(reinterpret_cast<unsigned long long*>(p), static_cast<unsigned long long>(value));
}

// --- Shared memory -----------------------------------------------------------------------------
template <class T, int kCount>
struct alignas(16) SharedArray {
  static_assert(sizeof(T) >= 2);
  T data[kCount];

  WEFT_DEVICE T& operator[](int i) { return data[i]; }
  // Integers only. Returns what was there.
  WEFT_DEVICE T atomic_add(int i, T value) {
    if constexpr (sizeof(T) == sizeof(unsigned long long)) {
      return static_cast<T>(atomicAdd(reinterpret_cast<unsigned long long*>(data + i),
                                      static_cast<unsigned long long>(value)));
    } else {
      return atomicAdd(data + i, value);
    }
  }
  // A wider element of which element i is the first: i × sizeof(T) is a multiple of its size.
  template <class Wide>
  WEFT_DEVICE Wide load_as(int i) const {
    return *reinterpret_cast<const Wide*>(data + i);
  }
  template <class Wide>
  WEFT_DEVICE void store_as(int i, Wide value) {
    *reinterpret_cast<Wide*>(data + i) = value;
  }
  // Starts a copy of 16 bytes from global memory to element i and the ones after it; of the bytes
  // from `valid_bytes` on, zeros are written and nothing is read.
  WEFT_DEVICE void copy_async16(int i, const void* from, int valid_bytes) {
    const auto to = static_cast<unsigned>(__cvta_generic_to_shared(data + i));
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to), "l"(from),
                 "r"(valid_bytes)
                 : "memory");
  }
  // Four matrices of 8 × 8 two-byte elements, by the whole warp: lane l gives in i where row l % 8
  // of matrix l / 8 begins (16 bytes, aligned), and is given in words[m] elements 2t, 2t + 1 of row
  // g of matrix m (g = l / 4, t = l % 4): what mma takes as b of a matrix [column][k].
  WEFT_DEVICE void load_matrices(int i, uint32_t (&words)[4]) const {
    static_assert(sizeof(T) == 2);
    const auto row = static_cast<unsigned>(__cvta_generic_to_shared(data + i));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(row)
                 : "memory");
  }
  // The same, transposed: elements g of rows 2t and 2t + 1. What mma takes as b of [k][column].
  WEFT_DEVICE void load_transposed_matrices(int i, uint32_t (&words)[4]) const {
    static_assert(sizeof(T) == 2);
    const auto row = static_cast<unsigned>(__cvta_generic_to_shared(data + i));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(row)
                 : "memory");
  }
};
// Ends a group of copies.
WEFT_DEVICE void copy_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until at most `kOpen` of this thread's latest groups are still on their way. What other
// threads copied is seen after a barrier.
template <int kOpen>
WEFT_DEVICE void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kOpen) : "memory");
}

// --- 16-bit floats -----------------------------------------------------------------------------
// Pairs of half floats in a word; every operation rounds once, to nearest even.
WEFT_DEVICE uint32_t half2_of(float low, float high) {
  uint32_t d;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(high), "f"(low));
  return d;
}
WEFT_DEVICE uint32_t bfloat2_of(float low, float high) {
  uint32_t d;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(high), "f"(low));
  return d;
}
WEFT_DEVICE uint32_t half2_fma(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t d;
  asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}
WEFT_DEVICE uint32_t half2_sub(uint32_t a, uint32_t b) {
  uint32_t d;
  asm("sub.rn.f16x2 %0, %1, %2;" : "=r"(d) : "r"(a), "r"(b));
  return d;
}
WEFT_DEVICE uint32_t half2_mul(uint32_t a, uint32_t b) {
  uint32_t d;
  asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(d) : "r"(a), "r"(b));
  return d;
}
WEFT_DEVICE uint16_t half_of(float value) {
  uint16_t d;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(d) : "f"(value));
  return d;
}
WEFT_DEVICE float float_of_half(uint16_t value) {
  float d;
  asm("cvt.f32.f16 %0, %1;" : "=f"(d) : "h"(value));
  return d;
}
WEFT_DEVICE uint16_t bfloat_of(float value) {
  return static_cast<uint16_t>(bfloat2_of(value, 0.0f) & 0xffffu);
}

// (a & b) | c in one instruction.
WEFT_DEVICE uint32_t and_or(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t d;
  asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}
// Byte i of the result is byte (selector >> 4i) & 7 of the eight bytes low, high.
WEFT_DEVICE uint32_t permute_bytes(uint32_t low, uint32_t high, uint32_t selector) {
  return __byte_perm(low, high, selector);
}

// a × b + c, rounded once. Elsewhere nothing is fused.
WEFT_DEVICE float fused_multiply_add(float a, float b, float c) { return __fmaf_rn(a, b, c); }
// 2^x, within two units of the last place; results below the normal range are zero.
WEFT_DEVICE float fast_exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// --- Tensor cores ------------------------------------------------------------------------------
// d += a · b for one 16 × 8 tile over 16 of K, by the whole warp. Lane l holds, with g = l / 4 and
// t = l % 4, two numbers a word, the lower index low:
//   a[0]: row g,     columns 2t, 2t + 1      a[1]: row g + 8, the same columns
//   a[2]: row g,     columns 2t + 8, 2t + 9  a[3]: row g + 8, the same columns
//   b[0]: column g,  rows 2t, 2t + 1         b[1]: column g,  rows 2t + 8, 2t + 9
//   d[0], d[1]: row g, columns 2t, 2t + 1    d[2], d[3]: row g + 8, the same columns
// (PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type".)
WEFT_DEVICE void mma_half(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
WEFT_DEVICE void mma_bfloat(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

}  // namespace weft::cuda
