// Structs of weft.h as those of the C++ interface and back, where several files need them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/async/model.h"
#include "api/async/runtime.h"
#include "api/c/boundary.h"
#include "api/chat.h"
#include "api/engine.h"
#include "api/model.h"

namespace weft::c {

// What gpu_layers is where nobody set it.
inline constexpr int32_t kAllGpuLayers = -1;
inline std::optional<int32_t> gpu_layers_of(int32_t gpu_layers) {
  return gpu_layers == kAllGpuLayers ? std::nullopt : std::optional(gpu_layers);
}

// engine.cpp
Result<EngineConfig> engine_config_of(const weft_engine_config* config, const char* name);
Result<std::optional<Pooling>> pooling_of(weft_pooling pooling);
Result<Priority> priority_of(weft_priority priority);

// Its texts are those of `info`.
weft_model_info info_of(const ModelInfo& info);

inline Result<std::span<const int32_t>> ids_of(const int32_t* ids, size_t count, const char* name) {
  if (count > 0) WEFT_TRY(given({{ids, name}}));
  return std::span(ids, count);
}

// chat.cpp
Result<std::vector<ChatMessage>> messages_of(const weft_chat_message* messages, size_t count);
Result<ChatOptions> chat_options_of(const weft_chat_options* options);

// context.cpp
Result<ContextParams> context_params_of(const weft_context_params* params);

// runtime.cpp
// That of the caller's, or where there is none a new one with one worker.
Result<std::shared_ptr<async::Runtime>> runtime_of(const weft_runtime* runtime);
weft_runtime_metrics metrics_of(const async::RuntimeMetrics& metrics);

// async_model.cpp
Result<async::AsyncConfig> async_config_of(const char* path, const weft_async_config* config);
Result<async::StreamConfig> stream_config_of(const weft_stream_config* config);
// Back again, without the stop sequences, which the caller has to hold.
weft_stream_config c_config_of(const async::StreamConfig& config);
weft_engine_stats stats_of(const EngineStats& stats);
// None for NULL.
async::CancellationToken token_of(const weft_cancel* cancel);

}  // namespace weft::c
