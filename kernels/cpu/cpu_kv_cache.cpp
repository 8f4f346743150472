#include "kernels/cpu/cpu_kv_cache.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/check.h"
#include "core/platform/memory.h"
#include "core/quant/q8_0.h"
#include "kernels/cpu/cpu_memory.h"

namespace weft::cpu {
namespace {

int64_t padded_row(const KvCacheSpec& spec) {
  const int64_t unit = spec.type == DType::kQ8_0 ? BlockQ8_0::kElements : kLanes;
  return (spec.head_dim + unit - 1) / unit * unit;
}

std::size_t bytes_of_row(const KvCacheSpec& spec) {
  return static_cast<std::size_t>(*row_bytes(spec.type, padded_row(spec)));
}

std::size_t layer_bytes(const KvCacheSpec& spec) {
  return bytes_of_row(spec) * static_cast<std::size_t>(spec.n_kv_heads) *
         static_cast<std::size_t>(spec.block_size) * static_cast<std::size_t>(spec.num_blocks);
}

// One token's row of n elements among the `group` tokens of keys that lie side by side.
template <class T>
void spread(const std::byte* row, int64_t n, std::byte* keys, int32_t group) {
  for (int64_t i = 0; i < n; ++i) {
    std::memcpy(keys + i * group * int64_t{sizeof(T)}, row + i * int64_t{sizeof(T)}, sizeof(T));
  }
}

// The same of blocks: the scale among the scales, the bytes among the bytes.
void spread_q8_0(const std::byte* row, int64_t n, std::byte* keys, int32_t group, int32_t token) {
  for (int64_t block = 0; block < n / BlockQ8_0::kElements; ++block) {
    std::memcpy(keys + token * int64_t{sizeof(uint16_t)}, row, sizeof(uint16_t));
    spread<int8_t>(row + sizeof(uint16_t), BlockQ8_0::kElements,
                   keys + group * int64_t{sizeof(uint16_t)} + token, group);
    row += sizeof(BlockQ8_0);
    keys += group * int64_t{sizeof(BlockQ8_0)};
  }
}

}  // namespace

CpuKvCache::CpuKvCache(const KvCacheSpec& spec)
    : KvCache(spec),
      group_(std::min(spec.block_size, kKeyGroup)),
      row_elements_(static_cast<int32_t>(padded_row(spec))),
      row_bytes_(bytes_of_row(spec)) {}

std::size_t CpuKvCache::size_bytes(const KvCacheSpec& spec) {
  return 2 * static_cast<std::size_t>(spec.n_layers) * layer_bytes(spec);
}

Result<std::unique_ptr<KvCache>> CpuKvCache::create(const KvCacheSpec& spec) {
  if (spec.type != DType::kF32 && spec.type != DType::kF16 && spec.type != DType::kBF16 &&
      spec.type != DType::kQ8_0) {
    return fail(ErrorCode::kUnsupported, "KV cache type " + std::string(dtype_name(spec.type)) +
                                             ", expected F32, F16, BF16, Q8_0");
  }
  WEFT_CHECK(spec.block_size > 0 && kAttentionSplit % spec.block_size == 0,
             "KV block of " + std::to_string(spec.block_size) + " tokens");
  std::unique_ptr<CpuKvCache> cache(new CpuKvCache(spec));
  for (Buffer* buffer : {&cache->k_, &cache->v_}) {
    WEFT_TRY_ASSIGN(*buffer, allocate_zeroed(size_bytes(spec) / 2));
    platform::prefer_large_pages(buffer->as<std::byte>(), buffer->size_bytes());
  }
  return cache;
}

std::size_t CpuKvCache::block_bytes() const {
  return layer_bytes(spec()) / static_cast<std::size_t>(std::max(spec().num_blocks, 1));
}

std::string CpuKvCache::layout() const {
  const KvCacheSpec& s = spec();
  // Counted up when what is written changes: the bits a kernel gives, or the order in a group.
  constexpr int kVersion = 1;
  return std::string(dtype_name(s.type)) + " " + std::to_string(s.n_layers) + " x " +
         std::to_string(s.n_kv_heads) + " x " + std::to_string(s.head_dim) + ", blocks of " +
         std::to_string(s.block_size) + ", groups of " + std::to_string(group_) + ", rows of " +
         std::to_string(row_bytes_) + " bytes, version " + std::to_string(kVersion);
}

void CpuKvCache::export_block(int32_t block, std::byte* to) const {
  const std::size_t size = block_bytes();
  const std::size_t offset = static_cast<std::size_t>(block) * size;
  for (int32_t layer = 0; layer < spec().n_layers; ++layer) {
    for (const std::byte* blocks : {k(layer), v(layer)}) {
      std::memcpy(to, blocks + offset, size);
      to += size;
    }
  }
}

void CpuKvCache::import_block(int32_t block, const std::byte* from) const {
  const std::size_t size = block_bytes();
  const std::size_t offset = static_cast<std::size_t>(block) * size;
  for (int32_t layer = 0; layer < spec().n_layers; ++layer) {
    for (std::byte* blocks : {k(layer), v(layer)}) {
      std::memcpy(blocks + offset, from, size);
      from += size;
    }
  }
}

std::byte* CpuKvCache::k(int32_t layer) const {
  return k_.as<std::byte>() + static_cast<std::size_t>(layer) * layer_bytes(spec());
}

std::byte* CpuKvCache::v(int32_t layer) const {
  return v_.as<std::byte>() + static_cast<std::size_t>(layer) * layer_bytes(spec());
}

std::size_t CpuKvCache::group_offset(int64_t slot, int32_t kv_head) const {
  const int64_t block = slot / spec().block_size;
  const int64_t first = slot % spec().block_size / group_ * group_;
  const int64_t rows = (block * spec().n_kv_heads + kv_head) * spec().block_size + first;
  return static_cast<std::size_t>(rows) * row_bytes_;
}

void CpuKvCache::store(const KernelTable& table, int32_t layer, int64_t slot, int32_t kv_head,
                       const float* key, const float* value, std::byte* row) const {
  const std::size_t offset = group_offset(slot, kv_head);
  const auto token = static_cast<int32_t>(slot % spec().block_size % group_);
  const int32_t n = spec().head_dim;
  table.store(spec().type, value, v(layer) + offset + static_cast<std::size_t>(token) * row_bytes_,
              n);
  table.store(spec().type, key, row, n);
  std::byte* keys = k(layer) + offset;
  switch (spec().type) {
    case DType::kF32:
      return spread<float>(row, n, keys + token * int64_t{sizeof(float)}, group_);
    case DType::kQ8_0:
      return spread_q8_0(row, row_elements_, keys, group_, token);
    default:
      return spread<uint16_t>(row, n, keys + token * int64_t{sizeof(uint16_t)}, group_);
  }
}

}  // namespace weft::cpu
