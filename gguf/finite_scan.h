// Looks for weights that are no finite numbers.
#pragma once

#include <cstdint>
#include <functional>

#include "core/error.h"
#include "core/thread_pool.h"
#include "gguf/tensor_list.h"

namespace weft::gguf {

// Bytes looked at so far, and in all.
using ScanProgress = std::function<void(uint64_t done, uint64_t total)>;

// Decodes every element of every tensor. Fails with kGgufNonFiniteWeight, naming the first tensor
// that holds a NaN or infinity and the first such element of it. `progress` may be empty; it is
// called on this thread, about every 64 MiB.
Result<void> check_all_finite(const TensorList& tensors, ThreadPool& pool,
                              const ScanProgress& progress);

}  // namespace weft::gguf
