// Which of this build's code the current device runs.
#pragma once

namespace weft::cuda {

// The architecture that its kernels were compiled for, 80 or 90 or …, if need be as an older one's
// PTX that the driver compiles on; 0 where it runs none of them.
int compiled_architecture();

}  // namespace weft::cuda
