// MemoryLedger: what a model, ready to run, takes of memory. Plain data.
#pragma once

#include <cstddef>

namespace weft {

// Exact, and known before anything is allocated.
struct MemoryLedger {
  size_t weight_bytes = 0;     // of the weights as they are held: mapped, packed or copied
  size_t kv_bytes = 0;         // of the KV pool, all layers together
  size_t workspace_bytes = 0;  // of the largest step
  size_t device_bytes = 0;     // of KV and workspace, what is not in the host's memory

  // All of them together.
  size_t total_bytes() const { return weight_bytes + kv_bytes + workspace_bytes; }
};

}  // namespace weft
