// Processor time of the calling thread: what a test of running time compares with its limit, so
// that a busy machine does not fail it.
#pragma once

#include <ctime>

namespace weft::test {

inline double thread_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace weft::test
