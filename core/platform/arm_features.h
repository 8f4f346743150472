// What 64-bit Arm processors may have beyond the base architecture: only the system can tell.
#pragma once

namespace weft::platform {

struct ArmFeatures {
  bool dotprod = false;
  bool i8mm = false;
  bool bf16 = false;
  bool sve = false;
};

// All false on other processors and where the system does not tell.
ArmFeatures arm_features();

}  // namespace weft::platform
