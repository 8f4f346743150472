#include "api/device_choice.h"

#include <algorithm>

namespace weft {
namespace {

const DeviceChoice kCpu{.device = "cpu"};

// What of the request no GPU has; "" if nothing.
std::string only_on_cpu(const DeviceRequest& request) {
  if (!request.isa.empty()) return "kernel set " + request.isa;
  if (request.activations != "auto" && request.activations != "f16") {
    return "activations " + request.activations;
  }
  return "";
}

}  // namespace

Result<DeviceChoice> choose_device(const DeviceRequest& request, int32_t n_layers,
                                   const FindGpu& find_gpu,
                                   const std::function<void(const std::string&)>& note) {
  const std::string& device = request.device;
  if (device != "auto" && device != "cpu" && device != "cuda") {
    return fail(ErrorCode::kInvalidArgument,
                "device: \"" + device + "\", expected auto, cpu or cuda");
  }
  const bool layers_wanted = request.gpu_layers.has_value();
  const std::string wanted = "gpu_layers: " + std::to_string(request.gpu_layers.value_or(0));
  if (layers_wanted && *request.gpu_layers < 0) {
    return fail(ErrorCode::kInvalidArgument, wanted + ", expected at least 0");
  }
  if (device == "cpu" && request.gpu_layers.value_or(0) > 0) {
    return fail(ErrorCode::kInvalidArgument,
                wanted + " with the device cpu, expected 0, or the device auto or cuda");
  }
  if (device == "cpu" || request.gpu_layers == 0) return kCpu;

  const DeviceChoice gpu{.device = "cuda",
                         .gpu_layers = std::min(request.gpu_layers.value_or(n_layers), n_layers)};
  if (device == "cuda") return gpu;

  const auto tell = [&](const std::string& line) {
    if (note) note(line);
    return kCpu;
  };
  const std::string asked = layers_wanted ? wanted : "device auto";
  if (!find_gpu) {
    if (!layers_wanted) return kCpu;
    return tell(asked + ": the model runs on the CPU, this build of weft has no CUDA backend");
  }
  if (const std::string what = only_on_cpu(request); !layers_wanted && !what.empty()) {
    return tell(asked + ": the model runs on the CPU, which alone has " + what);
  }
  if (const auto found = find_gpu(); !found) {
    return tell(asked + ": the model runs on the CPU; " + found.error().message);
  }
  return gpu;
}

}  // namespace weft
