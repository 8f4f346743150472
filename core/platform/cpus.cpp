#include "core/platform/cpus.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
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

double quota_of(const std::string& quota, double period) {
  const double microseconds = std::strtod(quota.c_str(), nullptr);  // "max" is none
  return microseconds > 0 && period > 0 ? microseconds / period : 0;
}

// Version 2: one file with both numbers.
double quota_in_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  return file >> quota >> period ? quota_of(quota, period) : 0;
}

double quota_in_v1(const std::string& folder) {
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us");
  std::ifstream period_file(folder + "/cpu.cfs_period_us");
  std::string quota;
  double period = 0;
  return quota_file >> quota && period_file >> period ? quota_of(quota, period) : 0;
}

// The least of the quotas of `path` below `root` and of all folders between them; 0: none.
double least_quota(const std::string& root, std::string path,
                   double (*quota_in)(const std::string& folder)) {
  double least = 0;
  for (;;) {
    while (path.ends_with('/')) path.pop_back();
    const double quota = quota_in(root + path);
    if (quota > 0) least = least > 0 ? std::min(least, quota) : quota;
    if (path.empty()) return least;
    const std::size_t slash = path.rfind('/');
    path.resize(slash == std::string::npos ? 0 : slash);
  }
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
  const double quota = cgroup_cpus();
  return quota > 0 && quota < cpus ? static_cast<int>(std::ceil(quota)) : cpus;
}

double cgroup_cpus(const std::string& membership, const std::string& root) {
  // Lines of "number:controllers:path"; version 2 has the number 0 and no controllers. The path is
  // the group's as the system sees it, of which a container may see the last part only: then the
  // folders that are not there say nothing, and the root's quota is the container's.
  std::ifstream groups(membership);
  double least = least_quota(root, "", quota_in_v2);
  if (least == 0) least = least_quota(root + "/cpu", "", quota_in_v1);
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    double quota = 0;
    if (controllers == ",,") quota = least_quota(root, path, quota_in_v2);
    if (controllers.find(",cpu,") != std::string::npos) {
      quota = least_quota(root + "/cpu", path, quota_in_v1);
    }
    if (quota > 0) least = least > 0 ? std::min(least, quota) : quota;
  }
  return least;
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
