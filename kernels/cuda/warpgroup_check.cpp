#include "kernels/cuda/warpgroup_check.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/half.h"
#include "kernels/cuda/warpgroup_probe.h"

namespace weft::cuda {
namespace {

// Numbers for operands, one sort to a chain: sums whose terms are alike; that cancel; of magnitudes
// far apart; of subnormals and zeros of either sign; near the largest.
class Numbers {
 public:
  uint32_t random() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state_ >> 33);
  }
  // For a chain of this sort; `left`: of the left operand.
  float next(int sort, bool left) {
    const float mantissa = 1.0f + static_cast<float>(random() % 1024) / 1024.0f;
    const float sign = random() % 2 == 0 ? 1.0f : -1.0f;
    switch (sort) {
      case 0:
        return sign * mantissa;
      case 1:
        return left ? mantissa : sign * std::ldexp(mantissa, static_cast<int>(random() % 3));
      case 2:
        return sign * std::ldexp(mantissa, static_cast<int>(random() % 24) - 14);
      case 3:
        return sign * std::ldexp(static_cast<float>(random() % 4), -24);
      default:
        // What unpacked weights are, against the largest halves.
        return left ? std::floor(mantissa * 1023.0f) * sign : sign * std::ldexp(mantissa, 14);
    }
  }
  static constexpr int kSorts = 5;

 private:
  uint64_t state_ = 1;
};

}  // namespace

WarpgroupCheck check_warpgroups(Gpu& gpu) {
  std::vector<uint16_t> host(static_cast<std::size_t>(kProbeElements));
  WarpgroupCheck check;
  auto operands = gpu.allocate(host.size() * sizeof(uint16_t));
  auto counts = gpu.allocate(sizeof(int32_t));
  if (!operands || !counts) return check;
  Numbers numbers;
  for (const bool bfloat : {false, true}) {
    for (int chain = 0; chain < kProbeChains; ++chain) {
      uint16_t* const of_chain = host.data() + int64_t{chain} * kProbeChainElements;
      for (int i = 0; i < kProbeChainElements; ++i) {
        const float value = numbers.next(chain % Numbers::kSorts, i < kProbeLeftElements);
        of_chain[i] = bfloat ? bf16_from_float(value) : half_from_float(value);
      }
    }
    gpu.upload(operands->as<uint16_t>(), host.data(), host.size() * sizeof(uint16_t));
    check.results += probe_warpgroups(gpu.stream(), bfloat, operands->as<const uint16_t>(),
                                      counts->as<int32_t>());
  }
  int32_t different = -1;
  gpu.download(&different, counts->as<int32_t>(), sizeof(different));
  if (gpu.stream().error == 0) check.different = different;
  return check;
}

PromptProducts choose_prompt_products(Gpu& gpu, bool other_bits_allowed) {
  if (!gpu.has_warpgroups()) return {};
  const WarpgroupCheck check = check_warpgroups(gpu);
  if (check.different < 0) return {.note = ", prompts by mma.sync: wgmma could not be tried"};
  if (check.same_bits()) return {.by_warpgroups = true, .note = ", prompts by wgmma"};
  const std::string differs = "wgmma differs in " + std::to_string(check.different) + " of " +
                              std::to_string(check.results) + " results";
  if (!other_bits_allowed) return {.note = ", prompts by mma.sync: " + differs};
  return {.by_warpgroups = true, .note = ", prompts by wgmma: " + differs};
}

}  // namespace weft::cuda
