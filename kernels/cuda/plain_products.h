// Products of 16-bit float matrices by a library of somebody else's, for prompts of callers who
// gave up that bits do not depend on the batch (ModelOptions::math).
#pragma once

#include <cstdint>
#include <string>

#include "kernels/cuda/stream.h"

namespace weft::cuda {

// out [rows, columns] = x [rows, depth] · weight [columns, depth]^T, all row by row without gaps,
// in device memory; sums are float32.
struct PlainProduct {
  bool bfloat = false;  // x and weight are; else half
  int rows = 0;
  int columns = 0;
  int depth = 0;  // a multiple of 64
  const uint16_t* x = nullptr;
  const uint16_t* weight = nullptr;
  float* out = nullptr;
};

// Owned by one step thread, as the Gpu that made it; ends before it.
class PlainProducts {
 public:
  virtual ~PlainProducts() = default;
  // "cuBLASLt 13.0.2".
  virtual std::string name() const = 0;
  // Queues it; false: it has no way to compute this one, and nothing was queued. A fault is told by
  // the stream.
  virtual bool multiply(Stream& stream, const PlainProduct& product) = 0;
};

// y [rows, columns] = y × inverse_scales[row] (+ bias[column]): what a row of half floats was
// multiplied by before, and what is added after.
void finish_plain_product(Stream& stream, float* y, int rows, int columns,
                          const float* inverse_scales, const float* bias);

}  // namespace weft::cuda
