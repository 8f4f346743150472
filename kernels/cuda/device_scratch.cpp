#include "kernels/cuda/device_scratch.h"

#include <algorithm>

namespace weft::cuda {
namespace {

constexpr std::size_t kAlignment = 256;
constexpr std::size_t kFirstChunk = 64 * 1024;

}  // namespace

std::byte* GrowingBuffer::at_least(Gpu& gpu, int64_t size_bytes, Result<void>& error) {
  const auto wanted = static_cast<std::size_t>(size_bytes);
  if (buffer_.size_bytes() < wanted) {
    buffer_ = Buffer();  // freeing waits for what was queued on it
    auto memory = gpu.allocate(wanted);
    if (!memory) {
      if (error) error = tl::unexpected(memory.error());
      return nullptr;
    }
    buffer_ = std::move(*memory);
  }
  return buffer_.as<std::byte>();
}

void StepArrays::begin_step() {
  in_step_ = true;
  known_.clear();
  // One chunk that had held all of the last step's will hold this one's.
  if (chunks_.size() > 1) chunks_.erase(chunks_.begin(), chunks_.end() - 1);
  used_ = 0;
}

void StepArrays::end_step() { in_step_ = false; }

const void* StepArrays::upload(Gpu& gpu, const void* host, std::size_t size_bytes,
                               Result<void>& error) {
  if (in_step_) {
    for (const Known& known : known_) {
      if (known.host == host && known.size_bytes == size_bytes) return known.device;
    }
  }
  const std::size_t padded = (size_bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (chunks_.empty() || used_ + padded > chunks_.back().size_bytes()) {
    // Outside of a step nothing is kept: the chunk is begun again, in stream order.
    const bool fits = !in_step_ && !chunks_.empty() && padded <= chunks_.back().size_bytes();
    if (!fits) {
      const std::size_t last = chunks_.empty() ? kFirstChunk / 2 : chunks_.back().size_bytes();
      auto memory = gpu.allocate(std::max(2 * last, padded));
      if (!memory) {
        if (error) error = tl::unexpected(memory.error());
        return nullptr;
      }
      chunks_.push_back(std::move(*memory));
    }
    used_ = 0;
  }
  std::byte* const device = chunks_.back().as<std::byte>() + used_;
  used_ += padded;
  gpu.upload(device, host, size_bytes);
  if (in_step_) known_.push_back({host, size_bytes, device});
  return device;
}

}  // namespace weft::cuda
