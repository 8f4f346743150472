// Where a model runs: what was asked for, and what it comes to here. Knows no device itself.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/error.h"

namespace weft {

// What a caller asks for; the fields of ModelOptions.
struct DeviceRequest {
  std::string device = "auto";        // auto, cpu, cuda
  std::optional<int32_t> gpu_layers;  // none: as many as the model has
  std::string isa;
  std::string activations = "auto";
};

struct DeviceChoice {
  std::string device;      // cpu, cuda
  int32_t gpu_layers = 0;  // 0 … all that the model has; cpu: 0
};

// Says why no GPU can be used, if none can.
using FindGpu = std::function<Result<void>()>;

// auto takes a GPU that can be used; else the CPU, and `note` is told in one line why, unless no
// GPU was to be expected: a build without CUDA (`find_gpu` is empty) that was asked for no GPU
// layers. What only the CPU has, a kernel set or its ways to hold activations, chooses it too.
// `note` may be empty.
//
// Fails with kInvalidArgument for an unknown device, a negative number of layers, or GPU layers
// with the device cpu. Whether the GPU that `cuda` stands for is there, create_backend() says.
Result<DeviceChoice> choose_device(const DeviceRequest& request, int32_t n_layers,
                                   const FindGpu& find_gpu,
                                   const std::function<void(const std::string&)>& note);

}  // namespace weft
