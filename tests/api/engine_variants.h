// What the engine's equality suite runs on: in each program it is linked into, what that is for.
// One test body serves the CPU's kernel sets (cpu_engine_variants.cpp) and a GPU, emulated or not
// (tests/kernels/cuda/cuda_engine_variants.cpp).
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "api/model.h"

namespace weft::test {

struct EngineVariant {
  std::string name;       // as part of a test's name
  std::string fixture;    // of tests/fixtures
  ModelOptions options;   // that it is loaded with
  bool emulated = false;  // a thousand times slower: few requests, few tokens
};

std::vector<EngineVariant> engine_variants();

inline void PrintTo(const EngineVariant& variant, std::ostream* out) { *out << variant.name; }

}  // namespace weft::test
