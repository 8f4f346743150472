// The kernel behind warpgroup_check.h.
#pragma once

#include <cstdint>

#include "kernels/cuda/stream.h"

namespace weft::cuda {

// Each chain is of this many products of 16, by left operands [step][thread of a warpgroup][4
// words] and right ones [unit of four steps][256 columns][64 of K], both as their registers and
// swizzled shared memory hold them.
inline constexpr int kProbeChains = 5;
inline constexpr int kProbeSteps = 8;
inline constexpr int kProbeColumns = 256;
inline constexpr int kProbeLeftElements = kProbeSteps * 128 * 8;
inline constexpr int kProbeRightElements = kProbeSteps * 16 * kProbeColumns;
inline constexpr int kProbeChainElements = kProbeLeftElements + kProbeRightElements;
inline constexpr int kProbeElements = kProbeChains * kProbeChainElements;

// Adds to *different how many results of the chains in `operands` differ between both kinds of
// products, in any width; returns how many are compared. Defined where kernels for sm_90a are.
int64_t probe_warpgroups(Stream& stream, bool bfloat, const uint16_t* operands, int32_t* different);

}  // namespace weft::cuda
