// The fixture of tests that run on every kernel table, alone or together with a case.
#pragma once

#include <algorithm>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "tests/support/cpu_isas.h"

namespace weft::test {

class IsaTest : public testing::TestWithParam<std::string> {
 protected:
  std::string isa() const { return GetParam(); }
};

// The same with each way to hold activations.
class KernelsTest : public testing::TestWithParam<CpuKernels> {};

// A Case has a `std::string name`.
template <class Case>
class IsaCaseTest : public testing::TestWithParam<std::tuple<std::string, Case>> {
 protected:
  std::string isa() const { return std::get<0>(this->GetParam()); }
  const Case& test_case() const { return std::get<1>(this->GetParam()); }
};

// A test's name may have letters, digits and underscores alone.
inline std::string as_test_name(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// "grouped_queries"
template <class Case>
std::string case_name(const testing::TestParamInfo<Case>& info) {
  return as_test_name(info.param.name);
}

// "avx2_grouped_queries"
template <class Case>
std::string isa_case_name(const testing::TestParamInfo<std::tuple<std::string, Case>>& info) {
  return as_test_name(std::get<0>(info.param) + "_" + std::get<1>(info.param).name);
}

// "avx2_i16"
inline std::string kernels_param_name(const testing::TestParamInfo<CpuKernels>& info) {
  return as_test_name(kernels_name(info.param));
}

inline std::string isa_name(const testing::TestParamInfo<std::string>& info) { return info.param; }

}  // namespace weft::test
