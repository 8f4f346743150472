// Where `infer embed` puts its vectors: JSON lines on standard output or in a file, or a .npy file.
// Files appear whole or not at all. Owned by one thread.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/error.h"

namespace weft::tools {

class EmbeddingOutput {
 public:
  // "-": standard output; a name that ends with .npy: float32 [texts, n_embd]; else JSON lines.
  // Fails as files do, before anything is computed.
  static Result<std::unique_ptr<EmbeddingOutput>> create(const std::string& path);
  virtual ~EmbeddingOutput() = default;

  // The next text's vector; all have one length.
  virtual Result<void> add(std::span<const float> vector) = 0;
  // After the last.
  virtual Result<void> finish() = 0;
};

// {"index":0,"embedding":[…]} and a newline. Numbers are the shortest that read back as the same
// float32.
std::string embedding_line(int64_t index, std::span<const float> vector);

}  // namespace weft::tools
