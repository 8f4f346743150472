// Device memory that a backend's operations share: buffers that grow to the largest use, and the
// small host arrays of a step (ids, positions, block tables), uploaded once each.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kernels/cuda/gpu.h"

namespace weft::cuda {

// One buffer, reused by every call that needs no more than the largest so far. Work that was queued
// on it before is over before what is queued next begins.
class GrowingBuffer {
 public:
  // null if there is no memory for it; `error` then says so.
  std::byte* at_least(Gpu& gpu, int64_t size_bytes, Result<void>& error);

 private:
  Buffer buffer_;
};

// Host arrays on the device. Within a step an array is uploaded the first time it is asked for and
// recognised by where it lies: a step's arrays do not change.
class StepArrays {
 public:
  void begin_step();
  void end_step();

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
  bool in_step_ = false;
};

}  // namespace weft::cuda
