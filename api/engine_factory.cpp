#include "api/engine_factory.h"

#include "kernels/cpu/cpu_backend.h"

namespace weft {

Result<std::shared_ptr<Backend>> create_backend(const BackendOptions& options) {
  if (options.device == "cuda") {
    return fail(ErrorCode::kDeviceError, "device cuda: this build of weft has no CUDA backend");
  }
  if (options.device != "auto" && options.device != "cpu") {
    return fail(ErrorCode::kInvalidArgument,
                "device: \"" + options.device + "\", expected auto, cpu or cuda");
  }
  WEFT_TRY_ASSIGN(auto backend,
                  create_cpu_backend({.threads = options.threads, .isa = options.isa}));
  return std::shared_ptr<Backend>(std::move(backend));
}

}  // namespace weft
