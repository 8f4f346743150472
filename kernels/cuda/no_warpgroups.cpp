// What a build without code for sm_90a has of it. Nobody calls it: no Gpu has_warpgroups() there.
#include "core/check.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/peaks_kernels.h"
#include "kernels/cuda/warpgroup_probe.h"

namespace weft::cuda {

void linear_by_warpgroups(Stream&, DType, const PreparedRows&, std::span<const LinearTarget>) {
  WEFT_CHECK(false, "kernels for sm_90a were not compiled");
}

int64_t probe_warpgroups(Stream&, bool, const uint16_t*, int32_t*) {
  WEFT_CHECK(false, "kernels for sm_90a were not compiled");
}

void multiply_by_warpgroups(Stream&, int, int, const uint16_t*, float*) {
  WEFT_CHECK(false, "kernels for sm_90a were not compiled");
}

}  // namespace weft::cuda
