// Buffer: owns a block of a backend's memory (host or device). Move-only.
#pragma once

#include <cstddef>
#include <utility>

namespace weft {

class Buffer {
 public:
  using Free = void (*)(void* data, std::size_t size_bytes);

  Buffer() = default;
  Buffer(void* data, std::size_t size_bytes, Free free)
      : data_(data), size_bytes_(size_bytes), free_(free) {}
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_bytes_, other.size_bytes_);
    std::swap(free_, other.free_);
    return *this;
  }
  ~Buffer() {
    if (data_ != nullptr) free_(data_, size_bytes_);
  }

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  std::size_t size_bytes() const { return size_bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t size_bytes_ = 0;
  Free free_ = nullptr;
};

}  // namespace weft
