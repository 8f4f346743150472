// The GPU that the kernels' tests run on: the emulator, or hardware, whichever is linked.
#pragma once

#include <cstddef>
#include <memory>

#include "kernels/cuda/gpu.h"

namespace weft::test {

// Device memory that the host reads and writes in place, after wait_for_device(). Its contents are
// a pattern that is NaN in every float format, so that what a kernel failed to write shows.
void* allocate_device(std::size_t size_bytes);
void free_device(void* p);
void wait_for_device();

// A GPU for a backend.
std::unique_ptr<cuda::Gpu> make_test_gpu();
// Whether it is the emulator, on which everything takes a thousand times as long.
bool test_gpu_is_emulated();

// Whether it runs what is compiled for sm_90a.
bool has_warpgroups();

// In which order the emulator's threads, warps and blocks take their turns. Results must not depend
// on it; hardware takes its own.
enum class TurnOrder { kAscending, kDescending };
void set_turn_order(TurnOrder order);

}  // namespace weft::test
