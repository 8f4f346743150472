// Where launches are queued, one after the other. Plain data; owned by one thread.
#pragma once

namespace weft::cuda {

struct Stream {
  void* handle = nullptr;  // a cudaStream_t
  // The first launch that failed: a cudaError_t and the kernel's name. Later ones are not tried.
  int error = 0;
  const char* failed_kernel = "";
};

}  // namespace weft::cuda
