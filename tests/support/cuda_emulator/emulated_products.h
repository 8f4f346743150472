// A library of plain products for the emulated GPU (emulated_gpu.h says what it is).
#pragma once

#include <memory>

#include "core/error.h"
#include "kernels/cuda/plain_products.h"

namespace weft::test {

// kUnsupported unless it is installed.
Result<std::unique_ptr<cuda::PlainProducts>> make_emulated_products();

}  // namespace weft::test
