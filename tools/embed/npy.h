// The header of a .npy file (NumPy's format version 1.0): what comes before the numbers.
#pragma once

#include <cstdint>
#include <string>

namespace weft::tools {

// Of float32 [rows, cols], row-major, little-endian. Its length is a multiple of 64.
std::string npy_header(int64_t rows, int64_t cols);

}  // namespace weft::tools
