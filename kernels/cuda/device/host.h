// device.h in plain C++: arithmetic is done here, and what needs to know of other threads or of
// memory is a call in namespace host, defined by whoever runs the kernels (the emulator of the
// tests). Contracts are in hardware.h and device.h.
#pragma once

#include <cmath>
#include <cstring>
#include <type_traits>

#include "core/half.h"
#include "kernels/cuda/device/types.h"

#define WEFT_DEVICE inline
#define WEFT_UNROLL
#define WEFT_NO_UNROLL

namespace weft::cuda {

namespace host {

enum class Access : uint8_t { kRead, kWrite, kAtomic };
enum class Mma : uint8_t { kHalf, kBfloat };

int thread_index();
Dim3 block_index();
Dim3 grid_size();
void sync_threads();
void sync_warp();
// The value that lane `source_lane` passed.
uint64_t exchange(uint64_t value, int source_lane);
uint32_t ballot(bool predicate);
// `row`: the lane's, of 16 bytes, which it has touched.
void load_matrices(const void* row, bool transposed, uint32_t (&words)[4]);
void mma(Mma kind, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);

// Called before memory is touched; does not return if that is a fault.
void touch_global(const void* p, std::size_t size_bytes, std::size_t alignment, Access access);
void touch_shared(const void* p, std::size_t size_bytes, std::size_t alignment, Access access);
void check_index(int64_t index, int64_t count, int64_t bound);

void copy_async(void* to, const void* from, int valid_bytes);
void copy_async_commit();
void copy_async_wait(int open);

}  // namespace host

inline int thread_index() { return host::thread_index(); }
inline Dim3 block_index() { return host::block_index(); }
inline Dim3 grid_size() { return host::grid_size(); }
inline void sync_threads() { host::sync_threads(); }
inline void sync_warp() { host::sync_warp(); }

inline int computed_anew(int value) { return value; }
template <class T>
T shuffle(T value, int source_lane) {
  static_assert(sizeof(T) <= sizeof(uint64_t) && std::is_trivially_copyable_v<T>);
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = host::exchange(bits, source_lane);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}
template <class T>
T shuffle_xor(T value, int mask) {
  return shuffle(value, (thread_index() % kWarp) ^ mask);
}
inline uint32_t ballot(bool predicate) { return host::ballot(predicate); }

template <class T>
T load(const T* p) {
  host::touch_global(p, sizeof(T), alignof(T), host::Access::kRead);
  return *p;
}
template <class T>
T load_streaming(const T* p) {
  return load(p);
}
template <class T>
void store(T* p, std::type_identity_t<T> value) {
  host::touch_global(p, sizeof(T), alignof(T), host::Access::kWrite);
  *p = value;
}
inline int atomic_add(int* p, int value) {
  host::touch_global(p, sizeof(int), alignof(int), host::Access::kAtomic);
  const int before = *p;
  *p += value;
  return before;
}
inline void atomic_add(uint64_t* p, uint64_t value) {
  host::touch_global(p, sizeof(uint64_t), alignof(uint64_t), host::Access::kAtomic);
  *p += value;
}

// Stands for an element of shared memory, so that reading and writing it are seen.
template <class T>
class SharedElement {
 public:
  explicit SharedElement(T* p) : p_(p) {}
  operator T() const {
    host::touch_shared(p_, sizeof(T), alignof(T), host::Access::kRead);
    return *p_;
  }
  T operator=(T value) {
    host::touch_shared(p_, sizeof(T), alignof(T), host::Access::kWrite);
    return *p_ = value;
  }
  T operator=(const SharedElement& other) { return *this = static_cast<T>(other); }
  SharedElement(const SharedElement&) = default;
  T operator+=(T value) { return *this = static_cast<T>(*this) + value; }

 private:
  T* p_;
};

template <class T, int kCount>
struct alignas(16) SharedArray {
  static_assert(sizeof(T) >= 2);
  T data[kCount];

  SharedElement<T> operator[](int i) {
    host::check_index(i, 1, kCount);
    return SharedElement<T>(data + i);
  }
  T atomic_add(int i, T value) {
    static_assert(std::is_integral_v<T> && sizeof(T) >= 4);
    host::check_index(i, 1, kCount);
    host::touch_shared(data + i, sizeof(T), alignof(T), host::Access::kAtomic);
    const T before = data[i];
    data[i] += value;
    return before;
  }
  template <class Wide>
  Wide load_as(int i) const {
    host::check_index(i, sizeof(Wide) / sizeof(T), kCount);
    host::touch_shared(data + i, sizeof(Wide), alignof(Wide), host::Access::kRead);
    Wide value;
    std::memcpy(&value, data + i, sizeof(Wide));
    return value;
  }
  template <class Wide>
  void store_as(int i, Wide value) {
    host::check_index(i, sizeof(Wide) / sizeof(T), kCount);
    host::touch_shared(data + i, sizeof(Wide), alignof(Wide), host::Access::kWrite);
    std::memcpy(static_cast<void*>(data + i), &value, sizeof(Wide));
  }
  void copy_async16(int i, const void* from, int valid_bytes) {
    host::check_index(i, 16 / sizeof(T), kCount);
    host::copy_async(data + i, from, valid_bytes);
  }
  void load_matrices(int i, uint32_t (&words)[4]) const { load_rows(i, words, false); }
  void load_transposed_matrices(int i, uint32_t (&words)[4]) const { load_rows(i, words, true); }

 private:
  void load_rows(int i, uint32_t (&words)[4], bool transposed) const {
    static_assert(sizeof(T) == 2);
    host::check_index(i, 8, kCount);
    host::touch_shared(data + i, 16, 16, host::Access::kRead);
    host::load_matrices(data + i, transposed, words);
  }
};
inline void copy_async_commit() { host::copy_async_commit(); }
template <int kOpen>
void copy_async_wait() {
  host::copy_async_wait(kOpen);
}

inline uint16_t half_of(float value) { return half_from_float(value); }
inline float float_of_half(uint16_t value) { return float_from_half(value); }
inline uint16_t bfloat_of(float value) { return bf16_from_float(value); }
inline uint32_t half2_of(float low, float high) {
  return half_from_float(low) | static_cast<uint32_t>(half_from_float(high)) << 16;
}
inline uint32_t bfloat2_of(float low, float high) {
  return bf16_from_float(low) | static_cast<uint32_t>(bf16_from_float(high)) << 16;
}

namespace host {
// Applies f(double …) to both halves of each word. Sums of products of halves that lie within 53
// bits of each other are exact in double, so that rounding to float and on to half loses nothing
// for the integers and scales that kernels make of weights.
template <class F, class... Words>
uint32_t on_halves(const F& f, Words... words) {
  const auto at = [](uint32_t word, int shift) {
    return static_cast<double>(float_from_half(static_cast<uint16_t>(word >> shift)));
  };
  return half2_of(static_cast<float>(f(at(words, 0)...)), static_cast<float>(f(at(words, 16)...)));
}
}  // namespace host

inline uint32_t half2_fma(uint32_t a, uint32_t b, uint32_t c) {
  return host::on_halves([](double x, double y, double z) { return x * y + z; }, a, b, c);
}
inline uint32_t half2_sub(uint32_t a, uint32_t b) {
  return host::on_halves([](double x, double y) { return x - y; }, a, b);
}
inline uint32_t half2_mul(uint32_t a, uint32_t b) {
  return host::on_halves([](double x, double y) { return x * y; }, a, b);
}

inline uint32_t and_or(uint32_t a, uint32_t b, uint32_t c) { return (a & b) | c; }
inline uint32_t permute_bytes(uint32_t low, uint32_t high, uint32_t selector) {
  const uint64_t bytes = static_cast<uint64_t>(high) << 32 | low;
  uint32_t result = 0;
  for (int i = 0; i < 4; ++i) {
    result |= static_cast<uint32_t>(bytes >> (8 * (selector >> (4 * i) & 7)) & 0xff) << (8 * i);
  }
  return result;
}
inline float fused_multiply_add(float a, float b, float c) { return std::fma(a, b, c); }
inline float fast_exp2(float x) { return x < -126.0f ? 0.0f : std::exp2(x); }

inline void mma_half(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  host::mma(host::Mma::kHalf, d, a, b);
}
inline void mma_bfloat(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  host::mma(host::Mma::kBfloat, d, a, b);
}

}  // namespace weft::cuda
