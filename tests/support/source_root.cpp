#include "tests/support/source_root.h"

namespace weft::test {

std::filesystem::path source_root() { return WEFT_SOURCE_DIR; }

}  // namespace weft::test
