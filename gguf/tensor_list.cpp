#include "gguf/tensor_list.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "gguf/printable.h"

namespace weft::gguf {

Result<TensorList> TensorList::create(std::vector<HostTensor> tensors) {
  TensorList made;
  made.tensors_ = std::move(tensors);
  made.by_name_.resize(made.tensors_.size());
  std::iota(made.by_name_.begin(), made.by_name_.end(), 0u);
  const auto name_of = [&](uint32_t i) -> std::string_view { return made.tensors_[i].name; };
  std::sort(made.by_name_.begin(), made.by_name_.end(),
            [&](uint32_t a, uint32_t b) { return name_of(a) < name_of(b); });
  const auto twice =
      std::adjacent_find(made.by_name_.begin(), made.by_name_.end(),
                         [&](uint32_t a, uint32_t b) { return name_of(a) == name_of(b); });
  if (twice != made.by_name_.end()) {
    return fail(ErrorCode::kGgufDuplicateTensor,
                printable(name_of(*twice)) + ": the tensor is there twice");
  }
  return made;
}

const HostTensor* TensorList::find(std::string_view name) const {
  const auto at = std::lower_bound(
      by_name_.begin(), by_name_.end(), name,
      [&](uint32_t i, std::string_view wanted) { return tensors_[i].name < wanted; });
  if (at == by_name_.end() || tensors_[*at].name != name) return nullptr;
  return &tensors_[*at];
}

}  // namespace weft::gguf
