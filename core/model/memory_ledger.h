// MemoryLedger: what a model, ready to run, takes of memory. Plain data.
#pragma once

#include <cstddef>

namespace weft {

// Exact but for the scratch, and known before anything is allocated.
struct MemoryLedger {
  size_t weight_bytes = 0;     // of the weights as they are held: mapped, packed or copied
  size_t kv_bytes = 0;         // of the KV pool, all layers together
  size_t workspace_bytes = 0;  // of the largest step
  // What a GPU's operations take beside those, at most: prepared activations, partial results of
  // attention, drawing.
  size_t scratch_bytes = 0;
  size_t device_bytes = 0;  // of KV, workspace and scratch, what is not in the host's memory

  // All of them together.
  size_t total_bytes() const { return weight_bytes + kv_bytes + workspace_bytes + scratch_bytes; }
};

}  // namespace weft
