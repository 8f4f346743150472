// How many processors this process may use.
#pragma once

namespace weft::platform {

// Processors in the affinity mask, bounded by the container's CPU quota (rounded up). At least 1.
int usable_cpus();

}  // namespace weft::platform
