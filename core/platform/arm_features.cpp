#include "core/platform/arm_features.h"

#if defined(__linux__) && defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace weft::platform {

ArmFeatures arm_features() {
  ArmFeatures features;
#if defined(__linux__) && defined(__aarch64__)
  const unsigned long first = getauxval(AT_HWCAP);
  const unsigned long second = getauxval(AT_HWCAP2);
  features.dotprod = (first & HWCAP_ASIMDDP) != 0;
  features.sve = (first & HWCAP_SVE) != 0;
  features.i8mm = (second & HWCAP2_I8MM) != 0;
  features.bf16 = (second & HWCAP2_BF16) != 0;
#endif
  return features;
}

}  // namespace weft::platform
