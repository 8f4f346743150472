// The CPU backend's paged KV cache: where each token's key and value lie, and how they get there.
// Owned by the step thread; kernels read it from all threads.
//
// A *group* is kKeyGroup neighbouring tokens of a block (the whole block where it is smaller).
// Attention reads groups whole, so one head's keys and values of a group are one piece of memory:
//   keys    [layer][block][kv head][group][element][token]   side by side, a lane a position
//   values  [layer][block][kv head][group][token][element]
// Rows are padded by zeros: to 8 elements, and to whole blocks of Q8_0. In Q8_0 a group's keys are,
// for every 32 elements, the tokens' scales [token] (half), then [32][token] bytes; its values are
// rows of BlockQ8_0. So a scale belongs to one token and one head.
#pragma once

#include <memory>
#include <string>

#include "core/backend.h"
#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

class CpuKvCache final : public KvCache {
 public:
  // F32, F16, BF16 or Q8_0; kUnsupported for another type.
  static Result<std::unique_ptr<KvCache>> create(const KvCacheSpec& spec);
  static std::size_t size_bytes(const KvCacheSpec& spec);  // K and V together

  // Names all that decides where a number lies in a block, and how it is written.
  std::string layout() const;
  // One block of all layers, as it lies: keys then values, layer after layer.
  void export_block(int32_t block, std::byte* to) const;
  void import_block(int32_t block, const std::byte* from) const;

  int32_t group() const { return group_; }                // tokens
  int32_t row_elements() const { return row_elements_; }  // head_dim, padded
  std::size_t block_bytes() const;                        // of a block's K or V in one layer
  std::byte* k(int32_t layer) const;
  std::byte* v(int32_t layer) const;
  // Where the group of a token lies in k() and v(), in bytes. slot: block × block size + offset.
  std::size_t group_offset(int64_t slot, int32_t kv_head) const;

  int64_t group_bytes() const { return int64_t{group_} * static_cast<int64_t>(row_bytes_); }
  // From a group of one KV head to the same tokens' of the next.
  int64_t head_bytes() const { return spec().block_size * static_cast<int64_t>(row_bytes_); }

  // Writes one token's key and value of one head: [head_dim]. `row` is row_bytes() of scratch.
  void store(const KernelTable& table, int32_t layer, int64_t slot, int32_t kv_head,
             const float* key, const float* value, std::byte* row) const;
  std::size_t row_bytes() const { return row_bytes_; }  // of one token's K or V of one head

 private:
  explicit CpuKvCache(const KvCacheSpec& spec);

  int32_t group_, row_elements_;
  std::size_t row_bytes_;
  Buffer k_, v_;
};

}  // namespace weft::cpu
