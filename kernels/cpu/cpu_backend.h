// The Backend on this machine's processor: shares the work of each operation out over a thread
// pool, in slices that a kernel table works through. Weights stay where they are mapped.
#pragma once

#include <memory>
#include <string>

#include "core/backend.h"
#include "core/error.h"
#include "core/thread_setup.h"

namespace weft {

struct CpuOptions {
  int threads = 0;  // 1 … ThreadPool::kMaxThreads; 0: as many as there are usable processors
  std::string isa;  // kernel table, "scalar", "avx2"; empty: WEFT_ISA, else the best there is
  ThreadSetup thread_setup;
};

// Fails with kInvalidArgument for threads that cannot be had or a name out of range, kUnsupported
// for kernels that this processor cannot run.
Result<std::unique_ptr<Backend>> create_cpu_backend(const CpuOptions& options);

}  // namespace weft
