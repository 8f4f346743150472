// The folder of the project's sources, for tests that read files of it.
#pragma once

#include <filesystem>

namespace weft::test {

std::filesystem::path source_root();

}  // namespace weft::test
