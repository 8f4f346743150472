#include "tools/bench/some_ids.h"

#include <cstddef>

namespace weft::tools {

std::vector<int32_t> some_ids(uint64_t seed, int64_t count, int32_t n_vocab) {
  std::vector<int32_t> ids(static_cast<std::size_t>(count));
  uint64_t state = seed * 0x9e3779b97f4a7c15;
  for (int32_t& id : ids) {
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    id = static_cast<int32_t>((z ^ (z >> 31)) % static_cast<uint64_t>(n_vocab));
  }
  return ids;
}

}  // namespace weft::tools
