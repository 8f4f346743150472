// The kernels of linear_kernels.h for every format; types of one format share them.
#include "core/check.h"
#include "kernels/cuda/linear_kernels.h"
#include "kernels/cuda/packed_types.h"

namespace weft::cuda {

void linear_packed(Stream& stream, DType type, const PreparedRows& x,
                   std::span<const LinearTarget> targets) {
  WEFT_CHECK(!targets.empty() && targets.size() <= kMaxTargets,
             std::to_string(targets.size()) + " outputs of one linear()");
  LinearArguments args;
  args.num_targets = static_cast<int>(targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    args.targets[i] = targets[i];
    WEFT_CHECK(targets[i].weight.units == x.units, "units of a weight and its input");
  }
  args.x = x;
  args.layout = tile_layout(weight_format(type), x.units);
  args.segment_units = segment_units(x.units);
  visit_packed_type(
      type, [&](auto tag) { launch_linear<weight_format(decltype(tag)::kType)>(stream, args); });
}

}  // namespace weft::cuda
