// Memory of a GPU's own, planned before any of it is asked for: what will not fit is refused in one
// error that says what is wanted, what is free and what would fit, instead of by the allocation
// that happens to be the last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/backend.h"
#include "core/model/tensors.h"

namespace weft {

// How large steps are, as far as it is known.
struct StepExtent {
  int64_t max_tokens = 0;
  int64_t widest_row = 0;  // columns of the widest activations that a weight multiplies
};

// What a backend whose memory is not the host's says of it: such a backend is one of these as well.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;

  struct Amount {
    size_t free_bytes = 0;
    size_t total_bytes = 0;
  };
  // Now. All zeros where it cannot be known: nothing is planned then.
  virtual Amount device_memory() const = 0;
  // What load_weight() takes of it for the tensor.
  virtual size_t weight_bytes(const HostTensor& tensor) const = 0;
  // What operations take of it beside weights, KV and workspace, at most.
  virtual size_t scratch_bytes(const StepExtent& steps) const = 0;
};

// null: the backend computes in the host's memory.
const DeviceMemory* device_memory_of(const Backend& backend);

// kOutOfMemory unless each device holds the weights that `backend` puts there.
Result<void> check_weights_fit(const ModelTensors& tensors, const Backend& backend);

// What a state puts on one backend.
struct StateNeed {
  size_t workspace_bytes = 0;
  StepExtent steps;
  std::vector<KvCacheSpec> caches;
};

// kOutOfMemory if it is a device which does not hold them beside what it holds already.
Result<void> check_state_fits(const StateNeed& need, const Backend& backend);

// How many blocks each of the caches may have, whatever their specifications say, so that it holds
// them; the largest number there is if it is no device.
uint64_t blocks_that_fit(const StateNeed& need, const Backend& backend);

}  // namespace weft
