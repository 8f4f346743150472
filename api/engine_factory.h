// The one place that names concrete backends and the file loader. Everything above works with
// Backend and Decoder alone.
#pragma once

#include <memory>
#include <string>

#include "core/backend.h"
#include "core/error.h"

namespace weft {

struct BackendOptions {
  std::string device = "auto";  // auto, cpu, cuda
  int threads = 0;              // worker threads; 0: the cores this process may use
  std::string isa;              // force a CPU kernel set ("scalar", "avx2"); empty: the best
};

// Fails with kDeviceError for a device that is not there, kUnsupported or kInvalidArgument for a
// kernel set or thread count that cannot be.
Result<std::shared_ptr<Backend>> create_backend(const BackendOptions& options);

}  // namespace weft
