#include "tests/support/test_data.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace weft::test {

std::filesystem::path fixture_path(const std::string& name) {
  return std::filesystem::path(WEFT_PROJECT_ROOT) / "tests" / "fixtures" / name;
}

std::filesystem::path test_data_path(const std::string& name) {
  const char* root = std::getenv("WEFT_TEST_DATA");
  if (root != nullptr && *root != '\0') return std::filesystem::path(root) / name;
  return std::filesystem::path(WEFT_PROJECT_ROOT).parent_path() / "shared" / "data" / name;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path.string() + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace weft::test
