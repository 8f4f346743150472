#include "api/parallel/thread_pool_config.h"

#include <algorithm>

namespace weft::parallel {

ThreadSetup thread_setup(const ThreadPoolConfig& config, int num_threads,
                         const std::vector<std::vector<int>>& nodes,
                         const std::vector<int>& allowed) {
  ThreadSetup setup{.stack_bytes = config.stack_size, .work_stealing = config.work_stealing};
  for (const int cpu : config.cpu_affinity) setup.worker_cpus.push_back({cpu});
  if (!config.numa_aware || !setup.worker_cpus.empty()) return setup;

  std::vector<std::vector<int>> usable;
  for (const std::vector<int>& node : nodes) {
    std::vector<int> cpus;
    std::ranges::set_intersection(node, allowed, std::back_inserter(cpus));
    if (!cpus.empty()) usable.push_back(std::move(cpus));
  }
  if (usable.size() < 2) return setup;
  const auto threads = static_cast<std::size_t>(num_threads);
  for (std::size_t thread = 0; thread < threads; ++thread) {
    setup.worker_cpus.push_back(usable[thread * usable.size() / threads]);
  }
  return setup;
}

}  // namespace weft::parallel
