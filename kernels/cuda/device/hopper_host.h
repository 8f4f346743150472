// hopper.h in plain C++: calls that whoever runs the kernels must supply. Contracts are in
// hopper_hardware.h and hopper.h.
#pragma once

#include "kernels/cuda/device/device.h"

namespace weft::cuda {

namespace host {

void barrier_init(const void* barrier, int arrivals);
// bytes: that are announced as well.
void barrier_arrive(const void* barrier, int bytes);
void barrier_wait(const void* barrier, int parity);
void barrier_fence();

void copy_bulk(void* to, const void* from, int bytes, const void* barrier);

// Of the block's shared memory.
uint32_t shared_address(const void* p);
void warpgroup_fence();
void warpgroup_commit();
void warpgroup_wait(int open);
// d: [tokens][4].
void warpgroup_multiply(Mma kind, float* d, int tokens, const uint32_t* a, uint64_t b,
                        bool accumulate);

}  // namespace host

template <class T, int kCount>
uint32_t shared_address(const SharedArray<T, kCount>& array, int i) {
  host::check_index(i, 1, kCount);
  return host::shared_address(array.data + i);
}

struct alignas(8) SharedBarrier {
  uint64_t state;

  void init(int arrivals) { host::barrier_init(&state, arrivals); }
  void arrive() { host::barrier_arrive(&state, 0); }
  void arrive_expecting(int bytes) { host::barrier_arrive(&state, bytes); }
  void wait(int parity) { host::barrier_wait(&state, parity); }
};
inline void fence_barriers() { host::barrier_fence(); }

template <class T, int kCount>
void copy_bulk(SharedArray<T, kCount>& to, int i, const void* from, int bytes,
               SharedBarrier& done) {
  host::check_index(i, bytes / static_cast<int>(sizeof(T)), kCount);
  host::copy_bulk(to.data + i, from, bytes, &done.state);
}

template <int kCount>
void take_registers() {}
template <int kCount>
void give_registers() {}

inline void warpgroup_fence() { host::warpgroup_fence(); }
inline void warpgroup_commit() { host::warpgroup_commit(); }
template <int kOpen>
void warpgroup_wait() {
  host::warpgroup_wait(kOpen);
}
template <int kTokens>
void take_results(float (&)[kTokens][4]) {}

template <int kTokens>
void warpgroup_multiply_half(float (&d)[kTokens][4], const uint32_t (&a)[4], uint64_t b,
                             bool accumulate) {
  host::warpgroup_multiply(host::Mma::kHalf, d[0], kTokens, a, b, accumulate);
}
template <int kTokens>
void warpgroup_multiply_bfloat(float (&d)[kTokens][4], const uint32_t (&a)[4], uint64_t b,
                               bool accumulate) {
  host::warpgroup_multiply(host::Mma::kBfloat, d[0], kTokens, a, b, accumulate);
}

}  // namespace weft::cuda
