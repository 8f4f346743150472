// The one place that names concrete backends and the file loader. Everything above works with
// Backend and Decoder alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/device_choice.h"
#include "core/backend.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "core/model/config.h"
#include "core/model/tensors.h"
#include "core/text/chat_template_sources.h"
#include "core/text/vocab.h"
#include "core/thread_setup.h"
#include "core/weight_cache.h"

namespace weft {

struct BackendOptions {
  std::string device = "cpu";  // cpu, cuda: what choose_device() gave, as the next
  int32_t gpu_layers = 0;      // with cuda: layers before this one are the GPU's; …
  int32_t n_layers =
      0;            // … where they are fewer than these, the rest, embedding and head the CPU's
  int threads = 0;  // worker threads; 0: the cores this process may use
  std::string isa;  // force a CPU kernel set ("scalar", "avx2", "avx512"); empty: the best
  std::string activations =
      "auto";                  // how linear layers hold their inputs: auto, f32, i16, bf16, int8
  std::string math = "exact";  // exact, fastest: ModelOptions::math
  ThreadSetup thread_setup;
  std::shared_ptr<WeightCache> weight_cache;  // of the model whose weights it will load; or null
};

// How choose_device() looks for a GPU; empty in a build without CUDA.
FindGpu gpu_finder();

// Fails with kDeviceError for a device that is not there, kUnsupported or kInvalidArgument for a
// kernel set or thread count that cannot be; kUnsupported where `math` is fastest on a GPU and
// cuBLASLt, which that takes, is not installed.
Result<std::shared_ptr<Backend>> create_backend(const BackendOptions& options);

// What a model's file holds, as core's own structures.
struct ModelParts {
  ModelConfig config;
  ModelTensors tensors;
  Vocab vocab;
  ChatTemplateSources chat_templates;
  int64_t n_params = 0;
  uint64_t fingerprint = 0;  // gguf/fingerprint.h
  std::string identity;  // the fingerprint, sizes and times of change: for what is kept of weights
  std::vector<std::string> warnings;  // what was there and is not used, one line each
};

// Opens and checks a GGUF file (or the first of its splits). Weights stay mapped from it or are
// read into memory, as `options` say. Fails with the codes of gguf/file.h and
// gguf/model_loader.h.
Result<ModelParts> open_model(const std::string& path, const MapOptions& options);

// Where the weights of the model at `path` are kept in the CPU's layout: folder/NAME.packed, or
// folder/NAME.from-N.packed where layers before N are the GPU's.
std::shared_ptr<WeightCache> open_weight_cache(const std::string& path, const ModelParts& parts,
                                               const std::string& folder, int32_t gpu_layers,
                                               WeightCache::Note note);

}  // namespace weft
