// ThreadPoolConfig: the threads of a ParallelProcessor, as its callers ask for them.
#pragma once

#include <cstddef>
#include <vector>

#include "core/error.h"
#include "core/thread_setup.h"

namespace weft::parallel {

// As many threads, of such a kind.
struct ThreadPoolConfig {
  int num_threads = 0;                            // 0: the cores this process may use
  std::size_t stack_size = std::size_t{2} << 20;  // bytes, of each thread
  // Thread t runs on the processors of one NUMA node, the nodes sharing the threads evenly. Nothing
  // changes on a machine of one node, or where cpu_affinity says more.
  bool numa_aware = false;
  // true: a thread that is done takes over work of others. false: a static split of every loop.
  bool work_stealing = true;
  // Thread t runs on processor cpu_affinity[t % size]. Empty: wherever the system puts it.
  std::vector<int> cpu_affinity;
};

// The same for ThreadPool and Engine. `nodes` are the processors of each NUMA node, `allowed` those
// that this process may use.
ThreadSetup thread_setup(const ThreadPoolConfig& config, int num_threads,
                         const std::vector<std::vector<int>>& nodes,
                         const std::vector<int>& allowed);

}  // namespace weft::parallel
