<<<<<<< HEAD
// Where the test data that is not part of the project lies: WEFT_TEST_DATA, or ../shared/data
// beside the project.
#pragma once

#include <cstdlib>
=======
// Where test data is found: the project's own fixtures, and larger data that lies beside the
// project or where WEFT_TEST_DATA says, and may be absent.
#pragma once

>>>>>>> 1b01062 (Double-precision oracle, random models in memory, a driver for steps by hand)
#include <filesystem>
#include <string>

namespace weft::test {

<<<<<<< HEAD
inline std::filesystem::path test_data_folder() {
  if (const char* given = std::getenv("WEFT_TEST_DATA")) return given;
  return std::filesystem::path(__FILE__).parent_path() / "../../../shared/data";
}

}  // namespace weft::test

// Skips the test, naming the path, where the test data lacks it.
#define WEFT_NEED_TEST_DATA(path)                                                            \
  do {                                                                                       \
    if (!std::filesystem::exists(::weft::test::test_data_folder() / path))                   \
      GTEST_SKIP() << (::weft::test::test_data_folder() / path).string() << " is not there"; \
=======
// tests/fixtures/NAME, which is part of the project.
std::filesystem::path fixture_path(const std::string& name);

// $WEFT_TEST_DATA/NAME, or ../shared/data/NAME beside the project's root.
std::filesystem::path test_data_path(const std::string& name);

// Whole file as bytes; throws std::runtime_error naming the path.
std::string read_file(const std::filesystem::path& path);

}  // namespace weft::test

// Leaves the test, as skipped, where `path` does not exist, saying so.
#define WEFT_SKIP_WITHOUT(path)                                                          \
  do {                                                                                   \
    if (!std::filesystem::exists(path)) GTEST_SKIP() << (path).string() << " is absent"; \
>>>>>>> 1b01062 (Double-precision oracle, random models in memory, a driver for steps by hand)
  } while (false)
