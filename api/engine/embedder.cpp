#include "api/engine/embedder.h"

#include <cmath>
#include <string>
#include <utility>

namespace weft::engine {

void Embedder::add(int64_t position, std::span<const float> state) {
  dim_ = static_cast<int32_t>(state.size());
  if (tokens_) {
    rows_.insert(rows_.end(), state.begin(), state.end());
  } else {
    pooler_.add(position, state);
  }
}

Result<std::vector<float>> Embedder::take() {
  std::vector<float> values = tokens_ ? std::exchange(rows_, {}) : pooler_.take();
  const auto dim = static_cast<size_t>(dim_);
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    const std::string where = tokens_ ? "token " + std::to_string(i / dim) + ", " : "";
    return fail(ErrorCode::kNonFiniteLogits, "embedding: " + where + "element " +
                                                 std::to_string(i % dim) + " is " +
                                                 std::to_string(values[i]));
  }
  if (normalize_) {
    for (size_t i = 0; i < values.size(); i += dim) {
      weft::normalize(std::span(values).subspan(i, dim));
    }
  }
  return values;
}

}  // namespace weft::engine
