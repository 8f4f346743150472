// A GPU as CudaBackend needs it: memory, copies, a stream. One implementation is the CUDA runtime
// (cuda_gpu.cpp); the tests have another, over the emulator of tests/support/cuda_emulator/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/buffer.h"
#include "core/error.h"
#include "kernels/cuda/plain_products.h"
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

// Launches that were recorded, to be queued together as often as wanted. Of the Gpu that recorded
// them, which outlives it; its end waits for what was queued.
class Graph {
 public:
  virtual ~Graph() = default;
};

// Host memory that the device copies to while the host goes on. Of the thread that owns the Gpu,
// which outlives it; its end waits for its copy.
class Landing {
 public:
  virtual ~Landing() = default;
  // Queues a copy to its beginning, of at most as many bytes as it was made for.
  virtual void download(const void* device, std::size_t size_bytes) = 0;
  // Waits for the last download, and for nothing that was queued after it: what came, valid until
  // the next. kDeviceError if the copy or anything before it failed.
  virtual Result<const std::byte*> wait() = 0;
};

// Owned by one step thread. After a fault everything queued is dropped, downloads give zeros, and
// synchronize() says what happened.
class Gpu {
 public:
  virtual ~Gpu() = default;

  // "NVIDIA H200, sm_90, 139.8 GiB".
  virtual std::string description() const = 0;
  // Whether it runs what is compiled for sm_90a, and this build holds such code.
  virtual bool has_warpgroups() const { return false; }
  struct Memory {
    std::size_t free_bytes = 0;
    std::size_t total_bytes = 0;
  };
  // Now; zeros where the device does not say.
  virtual Memory memory() const = 0;
  // Zeroed, aligned to 256 bytes. Fails with kOutOfMemory, naming what was wanted and what is free.
  Result<Buffer> allocate(std::size_t size_bytes);
  // How often it was asked for memory: what was recorded before may hold addresses that are others'
  // now.
  int64_t allocations() const { return allocations_; }
  // Queued on the stream; the host's memory may be reused when they return, and is filled then.
  virtual void upload(void* device, const void* host, std::size_t size_bytes) = 0;
  virtual void download(void* host, const void* device, std::size_t size_bytes) = 0;
  // Page-locked memory to upload from. kOutOfMemory where the system grants none: upload() does the
  // same from any memory, more slowly.
  virtual Result<std::unique_ptr<Staging>> create_staging(std::size_t size_bytes) = 0;
  // Page-locked memory to download to; fails as create_staging().
  virtual Result<std::unique_ptr<Landing>> create_landing(std::size_t size_bytes) = 0;
  // Between them launches are recorded instead of queued. Whatever else is asked for is not done
  // and spoils the recording: end_capture() then gives null, as it does where the device refuses.
  // False: it refuses to begin.
  bool begin_capture();
  std::unique_ptr<Graph> end_capture();
  bool capturing() const { return capturing_; }
  // Queues what was recorded.
  void launch(Graph& graph);
  // How often that was done: what looks the same from outside is seen to be replayed.
  int64_t graph_launches() const { return graph_launches_; }
  // A library's products of plain matrices; it must end before this. kUnsupported, naming the
  // library, where it is not installed.
  virtual Result<std::unique_ptr<PlainProducts>> create_plain_products() = 0;
  // Waits for all that was queued; kDeviceError if any of it failed, now or before.
  virtual Result<void> synchronize() = 0;

  Stream& stream() { return stream_; }

 protected:
  virtual Result<Buffer> allocate_memory(std::size_t size_bytes) = 0;
  virtual bool begin_recording() = 0;
  virtual std::unique_ptr<Graph> end_recording() = 0;
  virtual void launch_graph(Graph& graph) = 0;
  // Whether launches are recorded, of which what asks is none.
  bool spoils_capture() {
    spoiled_ = spoiled_ || capturing_;
    return capturing_;
  }

  Stream stream_;

 private:
  int64_t allocations_ = 0;
  int64_t graph_launches_ = 0;
  bool capturing_ = false;
  bool spoiled_ = false;
};

inline Result<Buffer> Gpu::allocate(std::size_t size_bytes) {
  ++allocations_;
  if (spoils_capture()) {
    return fail(ErrorCode::kDeviceError, "device cuda: memory wanted while a step is recorded");
  }
  return allocate_memory(size_bytes);
}

inline bool Gpu::begin_capture() {
  spoiled_ = false;
  capturing_ = begin_recording();
  return capturing_;
}

inline std::unique_ptr<Graph> Gpu::end_capture() {
  capturing_ = false;
  std::unique_ptr<Graph> graph = end_recording();
  return spoiled_ ? nullptr : std::move(graph);
}

inline void Gpu::launch(Graph& graph) {
  ++graph_launches_;
  launch_graph(graph);
}

}  // namespace weft::cuda
