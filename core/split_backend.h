// Partial offload: one backend, mostly a GPU's, computes the first layers of a model and holds
// their weights, keys and values; another, the CPU's, has the rest, the embedding and the head. So
// the activations of a step go over once and come back once, and the vocabulary's matrices, of
// which each token reads one row or which the last layer's side multiplies by, take none of the
// memory that is short.
#pragma once

#include <memory>

#include "core/backend.h"

namespace weft {

// `first` computes layers 0 … num_first − 1. Where a model has no more than those, it has all
// layers, but still not the head.
std::unique_ptr<Backend> create_split_backend(std::unique_ptr<Backend> first, int32_t num_first,
                                              std::unique_ptr<Backend> rest);

}  // namespace weft
