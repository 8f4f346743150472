// linear_warpgroups.h for every format.
#include "core/check.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/linear_warpgroups.h"
#include "kernels/cuda/packed_types.h"

namespace weft::cuda {

void linear_by_warpgroups(Stream& stream, DType type, const PreparedRows& x,
                          std::span<const LinearTarget> targets) {
  WEFT_CHECK(x.staged_rows == staged_rows(x.rows), "rows of x must be staged for warpgroups");
  const LinearArguments args = linear_arguments(type, x, targets);
  visit_packed_type(type, [&](auto tag) {
    using Kernel = LinearWarpgroups<weight_format(decltype(tag)::kType)>;
    launch(stream, {.x = x.staged_rows / Kernel::kRows, .y = grid_blocks(args, Kernel::kTiles)},
           Kernel{args});
  });
}

}  // namespace weft::cuda
