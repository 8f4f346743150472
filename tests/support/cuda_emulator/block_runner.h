// Runs one block of a kernel: its threads as fibers, until all have returned.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/cuda_emulator/async_memory.h"
#include "tests/support/cuda_emulator/emulator.h"
#include "tests/support/cuda_emulator/fiber.h"
#include "tests/support/cuda_emulator/global_memory.h"
#include "tests/support/cuda_emulator/shared_memory.h"
#include "tests/support/cuda_emulator/warp_operations.h"

namespace weft::test {

struct Launch {
  std::string name;
  cuda::Dim3 grid;
  int threads = 0;
  std::size_t shared_bytes = 0;
  const std::function<void(void*)>* body = nullptr;
  TurnOrder order = TurnOrder::kAscending;
};

class BlockRunner {
 public:
  explicit BlockRunner(GlobalMemory& global) : global_(global) {}

  // Throws KernelFault.
  void run(const Launch& launch, cuda::Dim3 block);

  // What a thread asks for, while it runs.
  int thread() const { return now_; }
  cuda::Dim3 block() const { return block_; }
  cuda::Dim3 grid() const { return launch_->grid; }
  void wait_for_block();
  void wait_for_warp(WarpCall& call);
  void touch_global(const void* p, std::size_t bytes, std::size_t alignment,
                    cuda::host::Access access);
  void touch_shared(const void* p, std::size_t bytes, std::size_t alignment,
                    cuda::host::Access access);
  void start_copy(void* to, const void* from, int valid_bytes);
  void commit_copies();
  void wait_for_copies(int open);
  void init_barrier(const void* barrier, int arrivals);
  void fence_barriers();
  void arrive(const void* barrier, int bytes);
  void wait_for_phase(const void* barrier, int parity);
  void start_bulk_copy(void* to, const void* from, int bytes, const void* barrier);
  uint32_t shared_offset(const void* p) const;
  [[noreturn]] void fault(const std::string& what) const;

 private:
  enum class State { kReady, kAtBlockBarrier, kAtPhase, kAtWarp, kDone };
  struct Copy {
    void* to;
    const void* from;
    int valid_bytes;
  };
  struct Thread {
    Fiber fiber;
    State state = State::kDone;
    WarpCall* call = nullptr;
    std::vector<Copy> copies;                   // not committed yet
    std::deque<std::vector<Copy>> copy_groups;  // oldest first
  };

  Thread& at(int thread) const { return *threads_[static_cast<std::size_t>(thread)]; }
  Thread& current() const { return at(now_); }
  Moment moment() const;
  void run_thread(int thread);
  // Runs a warp's lanes as far as each can go by itself, and serves what they then wait for
  // together. Whether lanes can go on after that.
  bool advance_warp(int warp);
  void release_block_barrier();
  // Lets those try again who wait for a phase of a barrier in shared memory, if anything changed.
  bool release_phases();
  // A warp's part of what a warpgroup does. What is wrong with it.
  std::string serve_warpgroup(int warp, const WarpCalls& calls);
  std::string where(int thread) const;
  // What a thread is doing, for a message.
  std::string doing(int thread) const;
  std::vector<int> turns(int count) const;

  GlobalMemory& global_;
  SharedMemory shared_;
  AsyncMemory async_{shared_};
  int64_t changes_ = 0;  // of async_, when threads that wait for one last tried
  std::vector<std::unique_ptr<Thread>> threads_;
  const Launch* launch_ = nullptr;
  cuda::Dim3 block_;
  uint32_t block_number_ = 0;  // in its launch
  int now_ = -1;
  uint32_t barriers_ = 0;
  std::vector<uint32_t> warp_barriers_;
  std::string fault_;
};

}  // namespace weft::test
