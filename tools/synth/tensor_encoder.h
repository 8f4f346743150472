// From a plan to bytes: draws the rows of every tensor and encodes them, in parallel, and hands
// the bytes over in file order. Holds a few MiB for each thread, however large the tensors are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/dtype.h"
#include "core/error.h"
#include "core/thread_pool.h"
#include "tools/synth/tensor_plan.h"

namespace weft::synth {

// A tensor with the type it is stored in.
struct TypedTensor {
  PlannedTensor plan;
  DType type;

  int64_t size_bytes() const { return plan.rows * row_bytes(type, plan.cols).value(); }
};

// Fails with kUnsupported, naming the type, if nothing here makes weights of it.
Result<std::vector<TypedTensor>> type_tensors(const Shape& shape, const FileType& type);

// Gets the next bytes: tensors one after another, nothing between them.
using ByteSink = std::function<Result<void>(std::span<const std::byte> bytes)>;

// Calls `sink` from the calling thread; stops at the first error it returns. What it gets depends
// on shape, types and seed, and not on the pool.
Result<void> encode_tensors(const Shape& shape, std::span<const TypedTensor> tensors, uint64_t seed,
                            ThreadPool& pool, const ByteSink& sink);

}  // namespace weft::synth
