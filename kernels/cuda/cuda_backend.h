// The backend on an NVIDIA GPU. Which operations there are, and their contracts, is core/backend.h.
//
// Linear layers take half-float activations with a power of two for each row, and bfloat16 where
// the weight is; float32 weights take float32. Everything between layers is float32.
#pragma once

#include <memory>

#include "core/backend.h"
#include "kernels/cuda/gpu.h"

namespace weft {

struct CudaOptions {
  int threads = 0;     // that pack weights while they are loaded; 0: the usable cores
  bool graphs = true;  // steps of one token a sequence are recorded once and replayed
  // Not null: bits may depend on the batch. Prompts over F16 and BF16 weights, of which a plain
  // copy is kept, go through it (the Gpu's create_plain_products()), and others by whatever
  // products are fastest here.
  std::shared_ptr<cuda::PlainProducts> plain_products;
};

// Over a GPU that is open: the orchestration knows no CUDA runtime, so that tests can run it on an
// emulated one.
std::unique_ptr<Backend> create_cuda_backend(std::unique_ptr<cuda::Gpu> gpu,
                                             const CudaOptions& options = {});

}  // namespace weft
