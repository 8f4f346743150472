// Layers may be another backend's (Backend::layer_backend): how a null pointer is read.
#pragma once

#include "core/backend.h"

namespace weft {

inline Backend& elsewhere_or(Backend* elsewhere, Backend& here) {
  return elsewhere != nullptr ? *elsewhere : here;
}
inline const Backend& elsewhere_or(const Backend* elsewhere, const Backend& here) {
  return elsewhere != nullptr ? *elsewhere : here;
}

}  // namespace weft
