// What a build without cuBLASLt's header (a package of its own of the CUDA toolkit) has of it.
#include "kernels/cuda/cublaslt.h"

namespace weft::cuda {

Result<std::unique_ptr<PlainProducts>> load_cublaslt(Gpu&) {
  return fail(
      ErrorCode::kUnsupported,
      "math fastest: cuBLASLt is wanted, and this build of weft was made without cublasLt.h");
}

}  // namespace weft::cuda
