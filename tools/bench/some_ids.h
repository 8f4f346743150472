// Token ids for benchmarks: they look random, and are the same for equal arguments (splitmix64).
#pragma once

#include <cstdint>
#include <vector>

namespace weft::tools {

std::vector<int32_t> some_ids(uint64_t seed, int64_t count, int32_t n_vocab);

}  // namespace weft::tools
