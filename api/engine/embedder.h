// Embedder: collects the hidden states of one text while its steps run, and makes the embedding of
// them. The step thread adds, the reader takes when the job has ended; never both at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "api/embedding.h"
#include "core/error.h"
#include "core/model/pooling.h"

namespace weft::engine {

class Embedder {
 public:
  Embedder(bool tokens, Pooling pooling, bool normalize, int64_t num_tokens)
      : tokens_(tokens), normalize_(normalize), pooler_(pooling, num_tokens) {}

  // The first position whose state is needed.
  int64_t first_needed() const { return tokens_ ? 0 : pooler_.first_needed(); }
  // States come once each, in ascending order of position.
  void add(int64_t position, std::span<const float> state);
  // [1, dim] or [tokens, dim]; once. Fails with kNonFiniteLogits, naming the element.
  Result<std::vector<float>> take();

  int32_t dim() const { return dim_; }

 private:
  bool tokens_, normalize_;
  int32_t dim_ = 0;
  Pooler pooler_;
  std::vector<float> rows_;  // of tokens
};

}  // namespace weft::engine
