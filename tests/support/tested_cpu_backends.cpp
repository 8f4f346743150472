#include "core/split_backend.h"
#include "tests/support/cpu_isas.h"
#include "tests/support/tested_backends.h"

namespace weft::test {

std::vector<TestedBackend> tested_backends(bool slow) {
  std::vector<TestedBackend> all;
  if (slow) return all;
  for (const CpuKernels& kernels : cpu_kernels()) {
    all.push_back({.name = kernels_name(kernels),
                   .weight_type = kernels.weight_type(),
                   .kv_types = {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0},
                   .make = [kernels](int threads) { return make_cpu_backend(kernels, threads); }});
  }
  all.push_back({.name = "split",
                 .weight_type = DType::kQ8_0,
                 .kv_types = {DType::kF16, DType::kQ8_0},
                 .make = [](int threads) {
                   return create_split_backend(make_cpu_backend("scalar", 1), 1,
                                               make_cpu_backend("", threads));
                 }});
  return all;
}

}  // namespace weft::test
