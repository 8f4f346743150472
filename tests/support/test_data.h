// Where the test data that is not part of the project lies: WEFT_TEST_DATA, or ../shared/data
// beside the project.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/support/source_root.h"

namespace weft::test {

inline std::filesystem::path test_data_folder() {
  if (const char* given = std::getenv("WEFT_TEST_DATA")) return given;
  return source_root() / "../shared/data";
}

}  // namespace weft::test

// Skips the test, naming the path, where the test data lacks it.
#define WEFT_NEED_TEST_DATA(path)                                                            \
  do {                                                                                       \
    if (!std::filesystem::exists(::weft::test::test_data_folder() / path))                   \
      GTEST_SKIP() << (::weft::test::test_data_folder() / path).string() << " is not there"; \
  } while (false)
