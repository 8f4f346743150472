// Weights on their way to device memory, in pieces: several threads write one into page-locked
// memory while the piece before is copied, so that a model is never twice in the host's memory and
// loading takes as long as the slower of packing and the bus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/buffer.h"
#include "core/thread_pool.h"
#include "kernels/cuda/gpu.h"

namespace weft::cuda {

struct WeightUploadOptions {
  int threads = 0;                                 // that pack; 0: the usable cores
  std::size_t piece_bytes = std::size_t{8} << 20;  // copied at once, and held twice
};

// Made for a load and ended after it. Owned by the thread that loads.
class WeightUploader {
 public:
  // Writes items [first, last) to `out`. Called by several threads at a time.
  using Convert = std::function<void(int64_t first, int64_t last, std::byte* out)>;

  // `gpu` outlives it. kLimitExceeded if the system refuses a thread.
  static Result<std::unique_ptr<WeightUploader>> create(Gpu& gpu,
                                                        const WeightUploadOptions& options = {});

  // Device memory of `items` × `item_bytes` as `convert` writes them; what is queued on the stream
  // afterwards finds them there. Fails as allocate() does, or with the device's fault; then nothing
  // is left. Without page-locked memory it copies from any, and waits for each piece.
  Result<Buffer> upload(int64_t items, int64_t item_bytes, const Convert& convert);

 private:
  WeightUploader(Gpu& gpu, std::unique_ptr<ThreadPool> threads, std::size_t piece_bytes)
      : gpu_(gpu), threads_(std::move(threads)), piece_bytes_(piece_bytes) {}
  void hold(std::size_t size_bytes);
  void convert_piece(int64_t first, int64_t last, int64_t item_bytes, const Convert& convert,
                     std::byte* out);

  Gpu& gpu_;
  std::unique_ptr<ThreadPool> threads_;
  const std::size_t piece_bytes_;
  // Used in turns. Two are enough: packing decodes each number and takes longer than its copy.
  std::vector<std::unique_ptr<Staging>> staging_;
  std::size_t next_ = 0;
  std::vector<std::byte> pageable_;  // instead of them
  std::size_t held_bytes_ = 0;       // of each
};

}  // namespace weft::cuda
