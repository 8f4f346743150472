// Which kernel table runs: the best one that the processor supports, or the one asked for.
#pragma once

#include <span>
#include <string_view>

#include "core/cpu_features.h"
#include "core/error.h"
#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// All tables of this build, the plainest first.
std::span<const KernelTable* const> all_tables();

// The table named `isa`; if that is empty, the one the environment variable WEFT_ISA names; if
// that is unset or empty too, the best that `features` support. Fails with kInvalidArgument for a
// name that is no table of this build, with kUnsupported for one the processor cannot run.
Result<const KernelTable*> choose_table(std::string_view isa, const CpuFeatures& features);

}  // namespace weft::cpu
