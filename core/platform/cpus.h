// The processors this process may use, and how they lie in the machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weft::platform {

// Processors in the affinity mask, bounded by the container's CPU quota (rounded up). At least 1.
int usable_cpus();

// Processors' worth of time that the process's control group (version 1 or 2) and the groups above
// it grant, the least of them; 0: unlimited or unknown. The paths are those of Linux.
double cgroup_cpus(const std::string& membership = "/proc/self/cgroup",
                   const std::string& root = "/sys/fs/cgroup");

// Bytes of the largest cache level that the system names. 0: unknown.
int64_t last_level_cache_bytes();

// The numbers of the processors that the calling thread may run on, ascending. Empty: unknown.
std::vector<int> allowed_cpus();

// The processors of each NUMA node that has any, ascending, as `folder` describes them. Empty:
// unknown.
std::vector<std::vector<int>> numa_nodes(const std::string& folder = "/sys/devices/system/node");

}  // namespace weft::platform
