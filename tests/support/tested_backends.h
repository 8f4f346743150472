// The backends that a suite runs on: those of whichever program it is linked into. One test body
// serves the CPU's kernel sets (tested_cpu_backends.cpp) and the GPU, emulated or not
// (tests/kernels/cuda/tested_cuda_backends.cpp).
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/backend.h"

namespace weft::test {

struct TestedBackend {
  std::string name;   // "avx2_i16", as part of a test's name
  DType weight_type;  // of matrices that its linear layers are for
  std::vector<DType> kv_types;
  bool emulated = false;  // a thousand times slower: few sequences, few tokens
  std::function<std::unique_ptr<Backend>(int threads)> make;
};

// slow: those that take too long for every day.
std::vector<TestedBackend> tested_backends(bool slow);

inline void PrintTo(const TestedBackend& backend, std::ostream* out) { *out << backend.name; }
inline std::string tested_backend_name(const testing::TestParamInfo<TestedBackend>& info) {
  return info.param.name;
}

}  // namespace weft::test
