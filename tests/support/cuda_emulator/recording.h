// Launches that an emulated GPU keeps for later instead of running them: what a Stream's handle
// points to in the emulator.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "kernels/cuda/device/types.h"

namespace weft::test {

struct RecordedLaunch {
  const char* name;
  cuda::Dim3 grid;
  int threads;
  std::size_t shared_bytes;
  std::function<void(void*)> body;
};

struct Recording {
  bool active = false;
  std::vector<RecordedLaunch> launches;
};

}  // namespace weft::test
