#include "api/engine_factory.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "core/split_backend.h"
#include "gguf/chat_templates.h"
#include "gguf/file.h"
#include "gguf/fingerprint.h"
#include "gguf/model_loader.h"
#include "kernels/cpu/cpu_backend.h"
#if defined(WEFT_ENGINE_CUDA)
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/cuda_gpu.h"
#endif

namespace weft {

namespace {

#if defined(WEFT_ENGINE_CUDA)
Result<std::unique_ptr<Backend>> create_gpu_backend(const BackendOptions& options) {
  WEFT_TRY_ASSIGN(std::unique_ptr<cuda::Gpu> gpu, cuda::open_cuda_gpu());
  CudaOptions cuda_options{.threads = options.threads};
  if (options.math == "fastest") {
    WEFT_TRY_ASSIGN(cuda_options.plain_products, gpu->create_plain_products());
  }
  return create_cuda_backend(std::move(gpu), cuda_options);
}
#else
Result<std::unique_ptr<Backend>> create_gpu_backend(const BackendOptions&) {
  return fail(ErrorCode::kDeviceError,
              "device cuda: this build of weft has no CUDA backend; it takes nvcc and "
              "-DWEFT_CUDA=ON");
}
#endif

Result<std::unique_ptr<Backend>> create_cpu_backend(const BackendOptions& options) {
  WEFT_TRY_ASSIGN(const Activations activations, parse_activations(options.activations));
  return create_cpu_backend(CpuOptions{.threads = options.threads,
                                       .isa = options.isa,
                                       .activations = activations,
                                       .thread_setup = options.thread_setup,
                                       .weight_cache = options.weight_cache});
}

}  // namespace

FindGpu gpu_finder() {
#if defined(WEFT_ENGINE_CUDA)
  return []() -> Result<void> {
    WEFT_TRY(cuda::open_cuda_gpu());
    return {};
  };
#else
  return {};
#endif
}

Result<std::shared_ptr<Backend>> create_backend(const BackendOptions& options) {
  if (options.math != "exact" && options.math != "fastest") {
    return fail(ErrorCode::kInvalidArgument,
                "math: \"" + options.math + "\", expected exact or fastest");
  }
  if (options.device == "cpu") return create_cpu_backend(options);
  if (options.device != "cuda") {
    return fail(ErrorCode::kInvalidArgument,
                "device: \"" + options.device + "\", expected cpu or cuda");
  }
  const bool split = options.gpu_layers < options.n_layers;
  if (!split && options.activations != "auto" && options.activations != "f16") {
    return fail(ErrorCode::kInvalidArgument,
                "activations: \"" + options.activations + "\", device cuda has auto and f16");
  }
  WEFT_TRY_ASSIGN(std::unique_ptr<Backend> gpu, create_gpu_backend(options));
  if (!split) return gpu;
  WEFT_TRY_ASSIGN(std::unique_ptr<Backend> cpu, create_cpu_backend(options));
  return create_split_backend(std::move(gpu), options.gpu_layers, std::move(cpu));
}

Result<ModelParts> open_model(const std::string& path, const MapOptions& options) {
  WEFT_TRY_ASSIGN(const gguf::File file, gguf::File::open(path, options));
  WEFT_TRY_ASSIGN(gguf::LoadedModel loaded, gguf::load_model(file));
  WEFT_TRY_ASSIGN(ChatTemplateSources chat_templates, gguf::load_chat_templates(file.metadata()));
  ModelParts parts{.config = std::move(loaded.config),
                   .tensors = std::move(loaded.tensors),
                   .vocab = std::move(loaded.vocab),
                   .chat_templates = std::move(chat_templates),
                   .warnings = std::move(loaded.warnings)};
  for (const HostTensor& tensor : file.tensors()) parts.n_params += tensor.elements();
  WEFT_TRY_ASSIGN(parts.fingerprint, gguf::fingerprint(file));
  parts.identity = "model " + std::to_string(parts.fingerprint);
  for (const auto& part : file.mappings()) {
    std::error_code error;
    const auto time = std::filesystem::last_write_time(part->path(), error);
    parts.identity += ", " + std::to_string(part->bytes().size()) + " bytes changed at " +
                      std::to_string(time.time_since_epoch().count());
  }
  return parts;
}

std::shared_ptr<WeightCache> open_weight_cache(const std::string& path, const ModelParts& parts,
                                               const std::string& folder, int32_t gpu_layers,
                                               WeightCache::Note note) {
  const std::string which = gpu_layers > 0 ? ".from-" + std::to_string(gpu_layers) : "";
  const std::string name = std::filesystem::path(path).filename().string() + which + ".packed";
  return std::make_shared<WeightCache>((std::filesystem::path(folder) / name).string(),
                                       parts.identity + "; " + cpu_weight_layout(),
                                       std::move(note));
}

}  // namespace weft
