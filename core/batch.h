// StepBatch: everything the forward pass is told about one step, as flat arrays. A step advances
// any number of sequences, each by any number of tokens; nothing in it says whether a token is
// prompt or generated.
#pragma once

#include <cstdint>
#include <span>

namespace weft {

struct StepBatch {
  // [tokens], sequence after sequence. Below 0: from_draw(k), the id that draw k of the last
  // Backend::sample_later() gives, which the host need not know yet.
  std::span<const int32_t> token_ids;
  std::span<const int32_t> positions;  // [tokens]; ascending by one within a sequence
  // [tokens] where each token's K and V go: physical block × block size + offset in the block
  std::span<const int32_t> slots;
  std::span<const int32_t> seq_starts;    // [sequences + 1]: first token of each
  std::span<const int32_t> block_tables;  // the sequences' physical block ids, one after another
  std::span<const int32_t> block_table_starts;  // [sequences + 1]: first block of each
  std::span<const int32_t> logit_rows;          // ascending token rows whose logits are wanted
  std::span<const int32_t> hidden_rows;  // ascending token rows whose final states are wanted

  static constexpr int32_t from_draw(int32_t k) { return -1 - k; }

  int32_t num_tokens() const { return static_cast<int32_t>(token_ids.size()); }
  int32_t num_sequences() const { return static_cast<int32_t>(seq_starts.size()) - 1; }
};

// A block of a KV cache whose content is to be copied to another one.
struct BlockCopy {
  int32_t from = 0;
  int32_t to = 0;  // not `from`

  bool operator==(const BlockCopy&) const = default;
};

}  // namespace weft
