#include "kernels/cpu/generic/attention.h"

#include "kernels/cpu/avx512/table.h"
#include "kernels/cpu/avx512/wide.h"

namespace weft::cpu {

void avx512_attend(const AttentionTile& tile, float* partials, float* scratch) {
  using namespace avx512;
  attend<Wide, avx2::F32x8, Half, BFloat, Byte>(tile, partials, scratch);
}

}  // namespace weft::cpu
