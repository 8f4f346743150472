#include "core/platform/cpus.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <system_error>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#include <unistd.h>
#endif

namespace weft::platform {
namespace {

int affinity_cpus() {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
#endif
  return static_cast<int>(std::thread::hardware_concurrency());
}

// Processors' worth of time that the control group grants, as seen from inside a container; 0 if
// unlimited or unknown.
int quota_cpus() {
  double quota = 0;
  double period = 0;
  std::string first;
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2 >> first >> period) {
    if (first == "max") return 0;
    quota = std::strtod(first.c_str(), nullptr);
  } else {
    std::ifstream v1_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    std::ifstream v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    if (!(v1_quota >> quota) || !(v1_period >> period)) return 0;
  }
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<int>(std::ceil(std::min(quota / period, 1e6)));
}

// "0-3,8,10-11" as the kernel writes it. What is no such list ends it.
std::vector<int> read_cpu_list(std::istream& in) {
  constexpr int kMost = 1 << 16;
  std::vector<int> cpus;
  for (int first = 0; in >> first;) {
    int last = first;
    if (in.peek() == '-') in.ignore() >> last;
    if (!in || first < 0 || last < first || last >= kMost) break;
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    if (in.peek() != ',') break;
    in.ignore();
  }
  return cpus;
}

}  // namespace

int usable_cpus() {
  const int cpus = std::max(affinity_cpus(), 1);
  const int quota = quota_cpus();
  return quota > 0 ? std::min(cpus, quota) : cpus;
}

int64_t last_level_cache_bytes() {
  int64_t largest = 0;
#if defined(__linux__)
  for (const int level : {_SC_LEVEL4_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE, _SC_LEVEL2_CACHE_SIZE}) {
    largest = std::max<int64_t>(largest, sysconf(level));
  }
#endif
  return largest;
}

std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
  }
#endif
  return cpus;
}

std::vector<std::vector<int>> numa_nodes(const std::string& folder) {
  namespace fs = std::filesystem;
  std::map<int, std::vector<int>> nodes;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with("node") || name.size() == 4 ||
        name.find_first_not_of("0123456789", 4) != std::string::npos || name.size() > 12) {
      continue;
    }
    std::ifstream file(it->path() / "cpulist");
    std::vector<int> cpus = read_cpu_list(file);
    if (!cpus.empty()) nodes[std::stoi(name.substr(4))] = std::move(cpus);
  }
  std::vector<std::vector<int>> result;
  for (auto& [number, cpus] : nodes) result.push_back(std::move(cpus));
  return result;
}

}  // namespace weft::platform
