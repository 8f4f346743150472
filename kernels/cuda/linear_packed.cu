// The kernels of linear_kernels.h for every format; types of one format share them.
#include "core/check.h"
#include "kernels/cuda/linear_kernels.h"
#include "kernels/cuda/packed_types.h"

namespace weft::cuda {

void linear_packed(Stream& stream, DType type, const PreparedRows& x,
                   std::span<const LinearTarget> targets) {
  WEFT_CHECK(x.staged_rows == 0, "rows of x are staged, which only warpgroups read");
  const LinearArguments args = linear_arguments(type, x, targets);
  visit_packed_type(
      type, [&](auto tag) { launch_linear<weight_format(decltype(tag)::kType)>(stream, args); });
}

}  // namespace weft::cuda
