// The kernel tables a test runs on: every one of this build that this machine runs. Those it does
// not are named by KernelSets.RunHere, once each.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/backend.h"

namespace weft::test {

// Names of the kernel tables that run here, "scalar" first.
std::vector<std::string> cpu_isas();

// Why this machine cannot run them; empty if it can.
std::string cpu_isa_missing(const std::string& isa);

// Throws std::runtime_error with the error's message.
std::unique_ptr<Backend> make_cpu_backend(const std::string& isa, int threads = 2);

}  // namespace weft::test

// Leaves the test, as skipped, where this machine cannot run `isa`.
#define WEFT_SKIP_WITHOUT_ISA(isa)                                       \
  do {                                                                   \
    const std::string weft_missing = ::weft::test::cpu_isa_missing(isa); \
    if (!weft_missing.empty()) GTEST_SKIP() << weft_missing;             \
  } while (false)
