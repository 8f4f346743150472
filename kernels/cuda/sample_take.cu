// A step begins with ids that the one before it has drawn, of which the host knows nothing yet.
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/sample_kernels.h"

namespace weft::cuda {
namespace {

struct TakeDrawnIds {
  static constexpr const char* kName = "take_drawn_ids";
  static constexpr int kThreads = 64;
  using Shared = NoShared;

  const DrawnRow* drawn;
  int32_t* ids;
  int count;

  WEFT_DEVICE void operator()(Shared&) const {
    const int i = block_index().x * kThreads + thread_index();
    if (i >= count) return;
    const int32_t id = load(ids + i);
    if (id >= 0) return;
    const int32_t taken = load(&drawn[-1 - id].id);
    store(ids + i, taken < 0 ? 0 : taken);
  }
};

}  // namespace

void take_drawn_ids(Stream& stream, const DrawnRow* drawn, int32_t* ids, int count) {
  constexpr int kThreads = TakeDrawnIds::kThreads;
  launch(stream, {.x = (count + kThreads - 1) / kThreads},
         TakeDrawnIds{.drawn = drawn, .ids = ids, .count = count});
}

}  // namespace weft::cuda
