#include "core/tensor.h"

namespace weft {

std::string shape_string(const std::array<int64_t, 4>& shape) {
  int dims = 4;
  while (dims > 1 && shape[dims - 1] == 1) --dims;
  std::string text = "[";
  for (int i = 0; i < dims; ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

}  // namespace weft
