// What there is to tell about a model file: what it holds, and what it would take to run it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/model/decoder.h"
#include "gguf/file.h"

namespace weft::tools {

struct StopToken {
  int32_t id = 0;
  std::string text;
};

struct TypeTotal {
  DType type = DType::kF32;
  int64_t tensors = 0;
  int64_t elements = 0;
  uint64_t bytes = 0;
};

struct Inspection {
  gguf::File file;
  int64_t n_params = 0;  // elements of all tensors
  uint64_t tensor_bytes = 0;
  std::vector<TypeTotal> types;  // most bytes first
  // What ends a generation; nothing where the vocabulary cannot be used, and then why.
  std::optional<std::vector<StopToken>> stop_tokens;
  std::string vocabulary_problem;
  // Of one context; nothing where the model cannot be loaded, and then why.
  int32_t ctx_size = 0;
  std::optional<MemoryLedger> memory;
  std::string model_problem;
};

// Opens the file and looks at it from all sides. Only a file that is no sound GGUF is an error:
// one whose model this build cannot run is described as far as it goes.
Result<Inspection> inspect(const std::string& path, int32_t ctx_size);

}  // namespace weft::tools
