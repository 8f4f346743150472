// Draws ids from rows of logits on the device, as RowDraws say: what is uploaded for it, the
// launches, and what comes back. Owned by one backend.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/backend.h"
#include "core/row_draw.h"
#include "kernels/cuda/device_scratch.h"
#include "kernels/cuda/gpu.h"

namespace weft::cuda {

class RowSampler {
 public:
  // Backend::sample(). Without memory for it, `error` says so and the rows are given as drawn from
  // bad logits.
  void sample(Gpu& gpu, Mat logits, std::span<const RowDraw> draws, std::span<DrawnRow> drawn,
              Result<void>& error);

 private:
  GrowingBuffer memory_;
  std::vector<std::byte> uploaded_;  // kept between calls so that a step allocates nothing
};

}  // namespace weft::cuda
