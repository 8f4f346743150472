// How types appear in the names and messages of parametrised tests.
#pragma once

#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "core/dtype.h"

namespace weft {

inline void PrintTo(const DTypeInfo& info, std::ostream* out) { *out << info.name; }

namespace test {

inline std::string name_of_type(const testing::TestParamInfo<DTypeInfo>& param) {
  return std::string(param.param.name);
}

}  // namespace test
}  // namespace weft
