// One batch of texts to embeddings on an engine.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "api/engine.h"
#include "api/parallel/parallel_processor.h"

namespace weft::parallel {

// `texts`: the ids of each, or why it has none. `results` [texts] are filled in when it returns.
void embed_batch(Engine& engine, const BatchEmbedConfig& config,
                 std::span<const Result<std::vector<int32_t>>> texts,
                 std::span<EmbeddingResult> results);

}  // namespace weft::parallel
