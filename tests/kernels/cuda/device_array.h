// An array in device memory, which the host sees once what was launched is over.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "tests/kernels/cuda/test_gpu.h"

namespace weft::test {

template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t n)
      : size_(n), data_(static_cast<T*>(allocate_device(n * sizeof(T)))) {}
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    std::copy(values.begin(), values.end(), data_);
  }
  ~DeviceArray() { free_device(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() const { return data_; }
  T& operator[](std::size_t i) const {
    wait_for_device();
    return data_[i];
  }
  std::size_t size() const { return size_; }
  std::vector<T> values() const {
    wait_for_device();
    return {data_, data_ + size_};
  }

 private:
  std::size_t size_;
  T* data_;
};

}  // namespace weft::test
