// Seeded random weights, quickly: every value is a pure function of (seed, tensor, position), so
// a file does not depend on how its rows were shared among threads.
#pragma once

#include <cstdint>
#include <span>

#include "tools/synth/tensor_plan.h"

namespace weft::synth {

// Writes elements [first, first + out.size()) of tensor number `tensor`. Their distribution is the
// sum of four uniform bytes, scaled: close to normal, cut at 3.45 deviations. Thread-safe.
void random_weights(uint64_t seed, uint32_t tensor, const WeightLaw& law, uint64_t first,
                    std::span<float> out);

}  // namespace weft::synth
