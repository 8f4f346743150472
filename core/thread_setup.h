// ThreadSetup: how a ThreadPool's threads are made and share their work. Plain data, passed down
// from whoever makes an engine.
#pragma once

#include <cstddef>
#include <vector>

namespace weft {

// The same for every pool that is made with it.
struct ThreadSetup {
  std::size_t stack_bytes = 0;  // of each thread; 0: the system's default
  // Processors that thread t may run on: worker_cpus[t % size]. Empty: all. Thread 0 is the
  // caller's, who sees to that one itself.
  std::vector<std::vector<int>> worker_cpus;
  // true: who is done takes what is left. false: thread t has the t-th share of every loop, and
  // nobody else's.
  bool work_stealing = true;

  // Those of one thread.
  std::vector<int> cpus_of(int worker) const {
    if (worker_cpus.empty()) return {};
    return worker_cpus[static_cast<std::size_t>(worker) % worker_cpus.size()];
  }
};

}  // namespace weft
