// WEFT_CHECK: for what only a bug in weft can break; never for input. Always on: it prints the
// condition and a message (the operation and its shapes) and ends the process, because going on
// would mean wrong bits or memory errors.
#pragma once

#include <string>

namespace weft {

[[noreturn]] void check_failed(const char* condition, const char* file, int line,
                               const std::string& message);

}  // namespace weft

// WEFT_CHECK(condition, message): message is any expression convertible to std::string and is
// evaluated only on failure.
#define WEFT_CHECK(condition, message)                                 \
  do {                                                                 \
    if (!(condition)) [[unlikely]] {                                   \
      ::weft::check_failed(#condition, __FILE__, __LINE__, (message)); \
    }                                                                  \
  } while (false)
