#include "tests/api/engine_variants.h"
#include "tests/support/cpu_isas.h"

namespace weft::test {

std::vector<EngineVariant> engine_variants() {
  std::vector<EngineVariant> all;
  for (const CpuKernels& kernels : cpu_kernels()) {
    const bool floats = kernels.weight_type() != DType::kQ8_0;
    all.push_back({.name = kernels_name(kernels),
                   .fixture = floats ? "weft-mini-qwen2-BF16" : "weft-mini-qwen3-Q8_0",
                   .options = {.device = "cpu",
                               .threads = 2,
                               .isa = kernels.isa,
                               .activations = kernels.activations}});
  }
  return all;
}

}  // namespace weft::test
