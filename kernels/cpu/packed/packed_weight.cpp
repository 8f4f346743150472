#include "kernels/cpu/packed/packed_weight.h"

#include <algorithm>

#include "kernels/cpu/packed/pack.h"
#include "kernels/cpu/packed/unpack.h"

namespace weft::cpu {

Result<PackedWeight> PackedWeight::create(const HostTensor& tensor, const PackedFormat& format,
                                          ThreadPool& pool, WeightArena& arena,
                                          WeightCache* cache) {
  const int64_t k = tensor.cols();
  const int64_t columns = tensor.rows();
  const int64_t groups = (columns + kGroupColumns - 1) / kGroupColumns;
  const int64_t group_size = format.group_size(k);
  const int64_t row_size = *row_bytes(tensor.type, k);
  PackedWeight packed;
  packed.format_ = &format;
  packed.k_ = k;
  const auto size = static_cast<std::size_t>(groups * group_size);
  if (cache != nullptr) {
    if (const auto kept = cache->find(tensor.name, size)) {
      packed.holder_ = cache->holder();
      packed.bytes_ = *kept;
      return packed;
    }
  }
  WEFT_TRY_ASSIGN(const WeightArena::Piece piece, arena.take(size));
  packed.holder_ = piece.mapping;
  packed.bytes_ = {piece.data, size};
  std::byte* const to = piece.data;
  // Enough columns at a time that threads do not meet in one page of the file.
  pool.parallel_for(groups, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t g = begin; g < end; ++g) {
      const auto count =
          static_cast<int>(std::min<int64_t>(columns - g * kGroupColumns, kGroupColumns));
      pack_group(format, tensor.bytes.data() + g * kGroupColumns * row_size, row_size, count, k,
                 to + g * group_size);
    }
  });
  if (cache != nullptr) cache->add(tensor.name, packed.bytes_);
  return packed;
}

void PackedWeight::read_row(int64_t r, float* out) const {
  unpack_row(*format_, bytes_.data() + r / kGroupColumns * format_->group_size(k_),
             static_cast<int>(r % kGroupColumns), k_, out);
}

}  // namespace weft::cpu
