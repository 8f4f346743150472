// The tensors of a model, in file order and by name. Knows neither files nor architectures.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/tensor.h"

namespace weft::gguf {

// Immutable: any number of threads may read. Valid as long as the bytes of the tensors.
class TensorList {
 public:
  TensorList() = default;
  // kGgufDuplicateTensor if a name is there twice.
  static Result<TensorList> create(std::vector<HostTensor> tensors);

  std::span<const HostTensor> all() const { return tensors_; }
  auto begin() const { return tensors_.begin(); }
  auto end() const { return tensors_.end(); }
  size_t size() const { return tensors_.size(); }

  // nullptr if there is no tensor of this name. Logarithmic.
  const HostTensor* find(std::string_view name) const;

 private:
  std::vector<HostTensor> tensors_;
  std::vector<uint32_t> by_name_;  // positions in tensors_, sorted by name
};

}  // namespace weft::gguf
