// Where launches are queued, one after the other. Plain data; owned by one thread.
#pragma once

namespace weft::cuda {

struct Stream {
  void* handle = nullptr;  // a cudaStream_t
  // Whether a kernel may be put on the GPU while the one before it ends (launch.h).
  bool dependent_launch = false;
  // The first launch that failed: a cudaError_t and the kernel's name. Later ones are not tried.
  int error = 0;
  const char* failed_kernel = "";
};

}  // namespace weft::cuda
