#include "core/split_backend.h"
#include "kernels/cuda/cuda_backend.h"
#include "tests/kernels/cuda/test_gpu.h"
#include "tests/support/cpu_isas.h"
#include "tests/support/tested_backends.h"

namespace weft::test {
namespace {

TestedBackend on_gpu(std::string name, DType weights, std::vector<DType> kv_types) {
  return {.name = std::move(name),
          .weight_type = weights,
          .kv_types = std::move(kv_types),
          .emulated = test_gpu_is_emulated(),
          .make = [](int) { return create_cuda_backend(make_test_gpu()); }};
}

// The first layer on the GPU, the others on the CPU.
TestedBackend split() {
  TestedBackend made = on_gpu("split", DType::kQ8_0, {DType::kF16});
  made.make = [](int threads) {
    return create_split_backend(create_cuda_backend(make_test_gpu()), 1,
                                make_cpu_backend("", threads));
  };
  return made;
}

}  // namespace

std::vector<TestedBackend> tested_backends(bool slow) {
  if (!slow) return {on_gpu("cuda_q8_0", DType::kQ8_0, {DType::kF16}), split()};
  const std::vector<DType> kv_types = {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0,
                                       DType::kF8_E4M3};
  return {on_gpu("cuda_f32", DType::kF32, {DType::kF32}),
          on_gpu("cuda_bf16", DType::kBF16, kv_types), on_gpu("cuda_q4_1", DType::kQ4_1, kv_types)};
}

}  // namespace weft::test
