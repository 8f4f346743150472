#include "tests/api/engine_variants.h"
#include "tests/kernels/cuda/test_gpu.h"

namespace weft::test {

std::vector<EngineVariant> engine_variants() {
  const std::string fixture = "weft-mini-qwen3-Q8_0";
  return {{.name = "cuda",
           .fixture = fixture,
           .options = {.device = "cuda"},
           .emulated = test_gpu_is_emulated()},
          {.name = "cuda_and_cpu",
           .fixture = fixture,
           .options = {.device = "cuda", .gpu_layers = 1, .threads = 2},
           .emulated = test_gpu_is_emulated()}};
}

}  // namespace weft::test
