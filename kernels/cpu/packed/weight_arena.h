// WeightArena: room for packed weights, side by side in a few large mappings. Alone, a weight of a
// megabyte or two would have no large page of its own, and its reads would miss the address cache
// (measured: three quarters of the rate).
#pragma once

#include <cstddef>
#include <memory>

#include "core/buffer.h"
#include "core/error.h"

namespace weft::cpu {

class WeightArena {
 public:
  // A piece of a mapping, which lives as long as one of its pieces.
  struct Piece {
    std::shared_ptr<const Buffer> mapping;
    std::byte* data = nullptr;
    std::size_t size_bytes = 0;
  };

  // Zeroed and aligned to 64 bytes; pages are touched on first use. Fails with kOutOfMemory.
  Result<Piece> take(std::size_t size_bytes);

 private:
  std::shared_ptr<const Buffer> mapping_;
  std::size_t used_ = 0;
};

}  // namespace weft::cpu
