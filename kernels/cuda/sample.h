// Draws ids from rows of logits on the device, as RowDraws say: what is uploaded for it, the
// launches, and what comes back. Owned by one backend.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
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
  // Backend::sample_later() and collect(). Nothing where there is no page-locked memory for it.
  // Without device memory for it, `error` says so, and what is collected is that.
  std::optional<DrawTicket> sample_later(Gpu& gpu, Mat logits, std::span<const RowDraw> draws,
                                         std::size_t first, std::size_t total, Result<void>& error);
  Result<void> collect(DrawTicket ticket, std::span<DrawnRow> drawn);
  // Puts ids of the last draws into a step's, on the device (take_drawn_ids).
  void take_drawn(Stream& stream, int32_t* ids, int count) const;
  // The last draws, which a step may take ids from.
  std::size_t num_drawn() const { return num_drawn_; }

 private:
  // Draws that are under way, or were.
  struct Later {
    std::unique_ptr<Landing> landing;
    uint64_t call = 0;   // of the ticket; 0: collected
    Result<void> error;  // of all up to there
  };
  // Queues the draws, which are `first` … of `total`; where all of those are going to be, or null:
  // there was no memory.
  const DrawnRow* queue(Gpu& gpu, Mat logits, std::span<const RowDraw> draws, std::size_t first,
                        std::size_t total, Result<void>& error);
  bool make_landings(Gpu& gpu, std::size_t num_draws);

  GrowingBuffer memory_;
  GrowingBuffer drawn_;  // [num_drawn_ DrawnRow], where a step that is recorded finds them again
  std::size_t num_drawn_ = 0;
  std::array<Later, 2> later_;    // used in turns
  std::size_t landing_rows_ = 0;  // of each
  bool refused_ = false;          // page-locked memory was
  uint64_t calls_ = 0;
  std::vector<std::byte> uploaded_;  // kept between calls so that a step allocates nothing
};

}  // namespace weft::cuda
