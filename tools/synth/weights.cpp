#include "tools/synth/weights.h"

#include <cmath>

#include "core/philox.h"

namespace weft::synth {
namespace {

// The last word of the counter: what this use of the generator is for, so that its numbers are
// not those that a sampler draws from the same seed.
constexpr uint32_t kWeights = 0x73796e74;  // "synt"
constexpr uint32_t kSigns = 0x7369676e;    // "sign"

// Four bytes of 0 … 255 have a mean of 510 together and a variance of 4 · (256² − 1) / 12.
constexpr int32_t kByteSumMean = 510;
constexpr double kByteSumVariance = 4.0 * 65535.0 / 12.0;

int32_t byte_sum(uint32_t word) {
  const uint32_t pairs = (word & 0x00ff00ff) + ((word >> 8) & 0x00ff00ff);
  return static_cast<int32_t>((pairs & 0xffff) + (pairs >> 16));
}

// The four words for elements 4 · block … 4 · block + 3.
std::array<uint32_t, 4> words(uint64_t seed, uint32_t tensor, uint64_t block, uint32_t use) {
  return Philox4x32::keyed(
             seed, {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), tensor, use})
      .draw();
}

}  // namespace

void random_weights(uint64_t seed, uint32_t tensor, const WeightLaw& law, uint64_t first,
                    std::span<float> out) {
  const float step = law.deviation / static_cast<float>(std::sqrt(kByteSumVariance));
  size_t i = 0;
  while (i < out.size()) {
    const uint64_t block = (first + i) / 4;
    const std::array<uint32_t, 4> drawn = words(seed, tensor, block, kWeights);
    const std::array<uint32_t, 4> signs =
        law.random_sign ? words(seed, tensor, block, kSigns) : std::array<uint32_t, 4>{};
    for (size_t lane = (first + i) % 4; lane < 4 && i < out.size(); ++lane, ++i) {
      const float value =
          law.mean + step * static_cast<float>(byte_sum(drawn[lane]) - kByteSumMean);
      out[i] = (signs[lane] & 1) != 0 ? -value : value;
    }
  }
}

}  // namespace weft::synth
