#include "kernels/cpu/packed/weight_arena.h"

#include <algorithm>

#include "core/platform/memory.h"

namespace weft::cpu {
namespace {

constexpr std::size_t kAlignment = 64;
// What is left of a mapping when the next weight does not fit is never touched, so it costs
// addresses and no memory.
constexpr std::size_t kMapping = std::size_t{64} << 20;

}  // namespace

Result<WeightArena::Piece> WeightArena::take(std::size_t size_bytes) {
  if (mapping_ == nullptr || size_bytes > mapping_->size_bytes() - used_) {
    WEFT_TRY_ASSIGN(auto mapping, platform::map_large_pages(std::max(size_bytes, kMapping)));
    mapping_ = std::make_shared<const Buffer>(std::move(mapping));
    used_ = 0;
  }
  Piece piece{mapping_, mapping_->as<std::byte>() + used_, size_bytes};
  const std::size_t left = mapping_->size_bytes() - used_;
  used_ += std::min(left, (size_bytes + kAlignment - 1) / kAlignment * kAlignment);
  return piece;
}

}  // namespace weft::cpu
