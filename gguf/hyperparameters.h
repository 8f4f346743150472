// A model's sizes and constants from its file's keys ("llama.block_count", ...), each checked
// against what makes sense, into core's ModelConfig. Knows no tensors.
#pragma once

#include <cstdint>

#include "core/error.h"
#include "core/model/config.h"
#include "gguf/architecture.h"
#include "gguf/metadata.h"

namespace weft::gguf {

// All but the vocabulary's size, which load_model() sets from the vocabulary. Fails with
//   kGgufMissingKey, kGgufWrongKeyType   a key the architecture needs
//   kGgufBadValue                        zero, absurd, or values that do not go together
//   kUnsupported                         sound, but nothing this engine can run: experts, layers
//                                        of different sizes, another kind of rope scaling
Result<ModelConfig> load_hyperparameters(const Metadata& metadata,
                                         const Architecture& architecture);

}  // namespace weft::gguf
