#include "kernels/cuda/weight_upload.h"

#include <algorithm>

#include "core/platform/cpus.h"

namespace weft::cuda {
namespace {

constexpr std::size_t kStagings = 2;
// Slices of a piece for each thread, so that one which was put aside delays little.
constexpr int64_t kSlicesPerThread = 4;

}  // namespace

Result<std::unique_ptr<WeightUploader>> WeightUploader::create(Gpu& gpu,
                                                               const WeightUploadOptions& options) {
  const int threads = options.threads != 0
                          ? options.threads
                          : std::min(platform::usable_cpus(), ThreadPool::kMaxThreads);
  WEFT_TRY_ASSIGN(auto pool, ThreadPool::create(threads));
  return std::unique_ptr<WeightUploader>(
      new WeightUploader(gpu, std::move(pool), options.piece_bytes));
}

// Both stagings, or pageable memory, of at least this size.
void WeightUploader::hold(std::size_t size_bytes) {
  if (held_bytes_ >= size_bytes) return;
  held_bytes_ = size_bytes;
  staging_.clear();
  while (staging_.size() < kStagings) {
    auto made = gpu_.create_staging(size_bytes);
    if (!made) {
      staging_.clear();
      pageable_.resize(size_bytes);
      return;
    }
    staging_.push_back(std::move(*made));
  }
}

void WeightUploader::convert_piece(int64_t first, int64_t last, int64_t item_bytes,
                                   const Convert& convert, std::byte* out) {
  const int64_t grain =
      std::max<int64_t>(1, (last - first) / (kSlicesPerThread * threads_->size()));
  threads_->parallel_for(last - first, grain, [&](int64_t begin, int64_t end, int) {
    convert(first + begin, first + end, out + begin * item_bytes);
  });
}

Result<Buffer> WeightUploader::upload(int64_t items, int64_t item_bytes, const Convert& convert) {
  WEFT_TRY_ASSIGN(Buffer memory, gpu_.allocate(static_cast<std::size_t>(items * item_bytes)));
  const int64_t at_once =
      std::clamp<int64_t>(static_cast<int64_t>(piece_bytes_) / item_bytes, 1, items);
  hold(std::max(piece_bytes_, static_cast<std::size_t>(at_once * item_bytes)));
  for (int64_t first = 0; first < items; first += at_once) {
    const int64_t last = std::min(first + at_once, items);
    std::byte* const device = memory.as<std::byte>() + first * item_bytes;
    const auto size_bytes = static_cast<std::size_t>((last - first) * item_bytes);
    if (staging_.empty()) {
      convert_piece(first, last, item_bytes, convert, pageable_.data());
      gpu_.upload(device, pageable_.data(), size_bytes);
    } else {
      Staging& staging = *staging_[next_];
      next_ = (next_ + 1) % staging_.size();
      convert_piece(first, last, item_bytes, convert, staging.writable());
      staging.upload(device, size_bytes);
    }
    // Packing the rest of a model for a device that is gone would take minutes.
    if (gpu_.stream().error != 0) WEFT_TRY(gpu_.synchronize());
  }
  return memory;
}

}  // namespace weft::cuda
