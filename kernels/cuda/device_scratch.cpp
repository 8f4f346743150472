#include "kernels/cuda/device_scratch.h"

#include <algorithm>
#include <bit>

namespace weft::cuda {
namespace {

constexpr std::size_t kAlignment = 256;
constexpr std::size_t kFirstChunk = 64 * 1024;

std::size_t padded_bytes(std::size_t size_bytes) {
  return (size_bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// Up to the next quarter of a power of two.
std::size_t rounded_up(std::size_t size_bytes) {
  const std::size_t quarter = std::max(kAlignment, std::bit_floor(size_bytes) / 4);
  return (size_bytes + quarter - 1) / quarter * quarter;
}

}  // namespace

std::byte* GrowingBuffer::at_least(Gpu& gpu, int64_t size_bytes, Result<void>& error) {
  const auto wanted = static_cast<std::size_t>(size_bytes);
  if (buffer_.size_bytes() < wanted) {
    // Freeing waits for what was queued on it. While that is recorded there is no memory anyway.
    if (!gpu.capturing()) buffer_ = Buffer();
    auto memory = gpu.allocate(rounded_up(wanted));
    if (!memory) {
      if (error) error = tl::unexpected(memory.error());
      return nullptr;
    }
    buffer_ = std::move(*memory);
  }
  return buffer_.as<std::byte>();
}

std::size_t GrowingBuffer::most_bytes(int64_t size_bytes) {
  return rounded_up(static_cast<std::size_t>(size_bytes));
}

void StepArrays::begin_step() {
  in_step_ = true;
  known_.clear();
  // One chunk that had held all of the last step's will hold this one's.
  if (chunks_.size() > 1) chunks_.erase(chunks_.begin(), chunks_.end() - 1);
  used_ = 0;
}

bool StepArrays::upload_together(Gpu& gpu, std::span<const std::span<const std::byte>> arrays,
                                 Result<void>& error) {
  std::size_t total = 0;
  for (const auto& array : arrays) total += padded_bytes(array.size());
  std::byte* const device = together_.at_least(gpu, static_cast<int64_t>(total), error);
  if (device == nullptr) return false;
  image_.resize(total);
  std::size_t at = 0;
  for (const auto& array : arrays) {
    std::ranges::copy(array, image_.begin() + static_cast<std::ptrdiff_t>(at));
    known_.push_back({array.data(), array.size(), device + at});
    at += padded_bytes(array.size());
  }
  gpu.upload(device, image_.data(), image_.size());
  return true;
}

void StepArrays::end_step() { in_step_ = false; }

const void* StepArrays::upload(Gpu& gpu, const void* host, std::size_t size_bytes,
                               Result<void>& error) {
  if (in_step_) {
    for (const Known& known : known_) {
      if (known.host == host && known.size_bytes == size_bytes) return known.device;
    }
  }
  const std::size_t padded = padded_bytes(size_bytes);
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

const double* KeptArrays::on_device(Gpu& gpu, std::span<const double> values, Result<void>& error) {
  for (const Kept& known : kept_) {
    if (std::ranges::equal(known.values, values)) return known.memory.as<const double>();
  }
  auto memory = gpu.allocate(values.size_bytes());
  if (!memory) {
    if (error) error = tl::unexpected(memory.error());
    return nullptr;
  }
  gpu.upload(memory->as<double>(), values.data(), values.size_bytes());
  kept_.push_back({{values.begin(), values.end()}, std::move(*memory)});
  return kept_.back().memory.as<const double>();
}

}  // namespace weft::cuda
