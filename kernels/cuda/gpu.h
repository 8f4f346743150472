// A GPU as CudaBackend needs it: memory, copies, a stream. One implementation is the CUDA runtime
// (cuda_gpu.cpp); the tests have another, over the emulator of tests/support/cuda_emulator/.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "core/buffer.h"
#include "core/error.h"
#include "kernels/cuda/stream.h"

namespace weft::cuda {

// Host memory to upload from without waiting: while what was written into one travels, the host
// fills another. Of the thread that owns the Gpu, which outlives it; its end waits for its copies.
class Staging {
 public:
  virtual ~Staging() = default;
  // [size_bytes given at creation], once what was uploaded from it before has been read.
  virtual std::byte* writable() = 0;
  // Queues a copy of its first `size_bytes` on the stream.
  virtual void upload(void* device, std::size_t size_bytes) = 0;
};

// Owned by one step thread. After a fault everything queued is dropped, downloads give zeros, and
// synchronize() says what happened.
class Gpu {
 public:
  virtual ~Gpu() = default;

  // "NVIDIA H200, sm_90, 139.8 GiB".
  virtual std::string description() const = 0;
  struct Memory {
    std::size_t free_bytes = 0;
    std::size_t total_bytes = 0;
  };
  // Now; zeros where the device does not say.
  virtual Memory memory() const = 0;
  // Zeroed, aligned to 256 bytes. Fails with kOutOfMemory, naming what was wanted and what is free.
  virtual Result<Buffer> allocate(std::size_t size_bytes) = 0;
  // Queued on the stream; the host's memory may be reused when they return, and is filled then.
  virtual void upload(void* device, const void* host, std::size_t size_bytes) = 0;
  virtual void download(void* host, const void* device, std::size_t size_bytes) = 0;
  // Page-locked memory to upload from. kOutOfMemory where the system grants none: upload() does the
  // same from any memory, more slowly.
  virtual Result<std::unique_ptr<Staging>> create_staging(std::size_t size_bytes) = 0;
  // Waits for all that was queued; kDeviceError if any of it failed, now or before.
  virtual Result<void> synchronize() = 0;

  Stream& stream() { return stream_; }

 protected:
  Stream stream_;
};

}  // namespace weft::cuda
