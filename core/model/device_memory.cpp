#include "core/model/device_memory.h"

#include <algorithm>
#include <limits>

#include "core/model/elsewhere.h"
#include "core/model/layer_roles.h"

namespace weft {
namespace {

std::string mib(size_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

std::string found(const DeviceMemory::Amount& memory) {
  return std::to_string(memory.free_bytes >> 20) + " of " + mib(memory.total_bytes) + " free";
}

// A device's part of a model.
struct Share {
  const Backend* backend;
  const DeviceMemory* device;
  size_t outside_layers = 0;
  std::vector<size_t> layers;
};

Share& share_of(std::vector<Share>& shares, const Backend& backend) {
  const auto known = std::ranges::find(shares, &backend, &Share::backend);
  if (known != shares.end()) return *known;
  return shares.emplace_back(Share{.backend = &backend, .device = device_memory_of(backend)});
}

size_t bytes_of(const HostTensor& tensor, const Share& share) {
  return tensor.present() && share.device != nullptr ? share.device->weight_bytes(tensor) : 0;
}

Result<void> check_share(const Share& share) {
  const DeviceMemory::Amount memory = share.device->device_memory();
  if (memory.total_bytes == 0) return {};
  const size_t scratch = share.device->scratch_bytes({});
  size_t layers_bytes = 0, fitting = 0;
  for (const size_t layer : share.layers) {
    layers_bytes += layer;
    // Layers alone: where they are fewer than all, embedding and head stay with the host.
    if (layers_bytes + scratch <= memory.free_bytes) ++fitting;
  }
  const size_t weights = share.outside_layers + layers_bytes;
  if (weights + scratch <= memory.free_bytes) return {};
  return fail(ErrorCode::kOutOfMemory,
              share.backend->description() + ": weights " + mib(weights) + " + " + mib(scratch) +
                  " for steps wanted, " + found(memory) + "; of its " +
                  std::to_string(share.layers.size()) + " layers " + std::to_string(fitting) +
                  " would fit (gpu_layers), fewer beside keys and values");
}

size_t kv_bytes(const StateNeed& need, const Backend& backend, DType type, int32_t num_blocks) {
  size_t bytes = 0;
  for (KvCacheSpec spec : need.caches) {
    spec.type = type;
    spec.num_blocks = num_blocks;
    bytes += backend.kv_cache_bytes(spec);
  }
  return bytes;
}

// What is free for keys and values.
size_t free_for_kv(const StateNeed& need, const DeviceMemory& device) {
  const size_t beside = need.workspace_bytes + device.scratch_bytes(need.steps);
  const size_t free_bytes = device.device_memory().free_bytes;
  return free_bytes - std::min(free_bytes, beside);
}

// ", which holds 4096 tokens; kv_type q8_0 would fit".
std::string what_would_fit(const StateNeed& need, const Backend& backend, size_t for_kv) {
  const KvCacheSpec& spec = need.caches.front();
  const size_t block = kv_bytes(need, backend, spec.type, 1);
  std::string text =
      "; a context of " +
      std::to_string(blocks_that_fit(need, backend) * static_cast<uint64_t>(spec.block_size)) +
      " tokens in all would fit";
  for (const auto& [type, name] : {std::pair{DType::kF16, "f16"}, {DType::kQ8_0, "q8_0"}}) {
    const bool smaller = kv_bytes(need, backend, type, 1) < block;
    if (smaller && kv_bytes(need, backend, type, spec.num_blocks) <= for_kv) {
      return text + ", or this one with kv_type " + name;
    }
  }
  return text;
}

}  // namespace

const DeviceMemory* device_memory_of(const Backend& backend) {
  return dynamic_cast<const DeviceMemory*>(&backend);
}

Result<void> check_weights_fit(const ModelTensors& tensors, const Backend& backend) {
  std::vector<Share> shares;
  Share& outside = share_of(shares, backend);
  for (const HostTensor* tensor :
       {&tensors.token_embedding, &tensors.output_norm, &tensors.output}) {
    outside.outside_layers += bytes_of(*tensor, outside);
  }
  for (size_t i = 0; i < tensors.layers.size(); ++i) {
    Share& share = share_of(
        shares,
        elsewhere_or(static_cast<const Backend*>(backend.layer_backend(static_cast<int32_t>(i))),
                     backend));
    size_t bytes = 0;
    for (const LayerRolePair& role : kLayerRoles) {
      bytes += bytes_of(tensors.layers[i].*role.first, share);
    }
    share.layers.push_back(bytes);
  }
  for (const Share& share : shares) {
    if (share.device != nullptr) WEFT_TRY(check_share(share));
  }
  return {};
}

Result<void> check_state_fits(const StateNeed& need, const Backend& backend) {
  const DeviceMemory* const device = device_memory_of(backend);
  if (device == nullptr) return {};
  const DeviceMemory::Amount memory = device->device_memory();
  if (memory.total_bytes == 0) return {};
  size_t kv = 0;
  for (const KvCacheSpec& spec : need.caches) kv += backend.kv_cache_bytes(spec);
  const size_t scratch = device->scratch_bytes(need.steps);
  if (kv + need.workspace_bytes + scratch <= memory.free_bytes) return {};
  std::string message = backend.description() + ": KV cache " + mib(kv) + " + workspace " +
                        mib(need.workspace_bytes) + " + " + mib(scratch) +
                        " for steps wanted beside the weights, " + found(memory);
  const size_t for_kv = free_for_kv(need, *device);
  if (!need.caches.empty() && for_kv > 0) {
    message += what_would_fit(need, backend, for_kv);
  } else {
    message += "; fewer layers on the GPU (gpu_layers) would leave more";
  }
  return fail(ErrorCode::kOutOfMemory, message);
}

uint64_t blocks_that_fit(const StateNeed& need, const Backend& backend) {
  const DeviceMemory* const device = device_memory_of(backend);
  const bool known = device != nullptr && device->device_memory().total_bytes > 0;
  if (!known || need.caches.empty()) return std::numeric_limits<uint64_t>::max();
  const size_t block = kv_bytes(need, backend, need.caches.front().type, 1);
  return free_for_kv(need, *device) / std::max<size_t>(1, block);
}

}  // namespace weft
