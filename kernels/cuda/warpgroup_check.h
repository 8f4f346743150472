// Whether products of warpgroups (wgmma) have the bits of mma.sync on this device, which no
// document says: chains of products of 16, ordinary and extreme numbers, in every width of a
// warpgroup's product that is a power of two from 8 columns on or is used. Operands go the way that
// they go in linear_warpgroups.h, by bulk copies, barriers and descriptors, so a mistake in those
// is an answer of no as well.
#pragma once

#include <string>

#include "kernels/cuda/gpu.h"

namespace weft::cuda {

struct WarpgroupCheck {
  // Results that differ, of so many; negative where it could not run: `gpu` then says why when it
  // is synchronised, unless there was no memory.
  int64_t different = -1;
  int64_t results = 0;

  bool same_bits() const { return different == 0; }
};

// For a device that has them. Some milliseconds.
WarpgroupCheck check_warpgroups(Gpu& gpu);

// By which products prompts are computed on a device, once for a backend. `other_bits_allowed`: the
// user gave up that they have those of single tokens.
struct PromptProducts {
  bool by_warpgroups = false;
  std::string note;  // for the backend's description; "" where there is no choice
};
PromptProducts choose_prompt_products(Gpu& gpu, bool other_bits_allowed);

}  // namespace weft::cuda
