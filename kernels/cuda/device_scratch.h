// Device memory that a backend's operations share: buffers that grow to the largest use, and the
// small host arrays of a step (ids, positions, block tables), uploaded once each.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kernels/cuda/gpu.h"

namespace weft::cuda {

// One buffer, reused by every call that needs no more than the largest so far; it grows by steps of
// up to a quarter, since growing waits for the device and voids what was recorded. Work that was
// queued on it before is over before what is queued next begins.
class GrowingBuffer {
 public:
  // null if there is no memory for it; `error` then says so.
  std::byte* at_least(Gpu& gpu, int64_t size_bytes, Result<void>& error);
  // What it has; null before the first use.
  template <class T>
  T* as() const {
    return buffer_.as<T>();
  }
  // What it takes where no call needs more than `size_bytes`.
  static std::size_t most_bytes(int64_t size_bytes);

 private:
  Buffer buffer_;
};

// Host arrays on the device. Within a step an array is uploaded the first time it is asked for and
// recognised by where it lies: a step's arrays do not change.
class StepArrays {
 public:
  void begin_step();
  void end_step();
  // Uploads arrays of this step as one piece: each lies where those before it end, and the first
  // where the first of any step does, unless memory was allocated. False: there was none, and
  // `error` says so.
  bool upload_together(Gpu& gpu, std::span<const std::span<const std::byte>> arrays,
                       Result<void>& error);

  template <class T>
  const T* on_device(Gpu& gpu, std::span<const T> values, Result<void>& error) {
    return static_cast<const T*>(upload(gpu, values.data(), values.size_bytes(), error));
  }

 private:
  struct Known {
    const void* host;
    std::size_t size_bytes;
    std::byte* device;
  };
  const void* upload(Gpu& gpu, const void* host, std::size_t size_bytes, Result<void>& error);

  std::vector<Buffer> chunks_;  // only the last one has room
  std::size_t used_ = 0;        // of the last
  std::vector<Known> known_;
  GrowingBuffer together_;
  std::vector<std::byte> image_;  // of together_
  bool in_step_ = false;
};

// Host arrays that steps share, such as a model's frequencies of rope: uploaded once, recognised by
// what they hold, and kept.
class KeptArrays {
 public:
  // null if there is no memory for them; `error` then says so.
  const double* on_device(Gpu& gpu, std::span<const double> values, Result<void>& error);

 private:
  struct Kept {
    std::vector<double> values;
    Buffer memory;
  };
  std::vector<Kept> kept_;
};

}  // namespace weft::cuda
