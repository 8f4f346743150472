// Pooling: how the final hidden states of a text's tokens become its one embedding. Knows numbers
// only; where the states come from, and whether the result is normalised, is the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace weft {

// How the states of a text's tokens become one.
enum class Pooling : uint8_t {
  kLast,   // the last token's state: it alone has seen the whole text
  kMean,   // the mean over all tokens
  kFirst,  // the first token's
  kMax,    // the largest over all tokens, of each element
};

// "last", "mean", "first", "max".
std::string_view pooling_name(Pooling pooling);
// Of such a name; nothing for any other.
std::optional<Pooling> find_pooling(std::string_view name);

// Takes the states of a text's tokens as they are computed, each once and in ascending order, and
// pools them. Sums are kept in double precision, in the order of the tokens, so that the result has
// the same bits however the text was cut into steps. Owned by one thread at a time.
class Pooler {
 public:
  // For a text of `num_tokens` ≥ 1.
  Pooler(Pooling pooling, int64_t num_tokens) : pooling_(pooling), num_tokens_(num_tokens) {}

  // The first token whose state is needed: tokens before it may be left out.
  int64_t first_needed() const { return pooling_ == Pooling::kLast ? num_tokens_ - 1 : 0; }

  // The state of the token at `position`.
  void add(int64_t position, std::span<const float> state);

  // The embedding, once the last token's state was added. The pooler is empty afterwards.
  std::vector<float> take();

 private:
  Pooling pooling_;
  int64_t num_tokens_;
  std::vector<float> pooled_;  // what is kept or the largest so far
  std::vector<double> sums_;   // mean only
};

// Divides by the Euclidean length, which is computed in double precision; a vector of zeros stays.
void normalize(std::span<float> vector);

}  // namespace weft
