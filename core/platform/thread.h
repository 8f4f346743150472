// Thread: std::thread with what that leaves out: a stack size, and a name that debuggers and `top`
// show. Also what a process can say about its threads.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "core/error.h"

namespace weft::platform {

struct ThreadOptions {
  std::string name;        // the system shows the first 15 bytes; empty: the starter's
  size_t stack_bytes = 0;  // rounded up to whole pages; 0: the system's default
};

// Owned by one thread at a time. Joined or detached before it is destroyed.
class Thread {
 public:
  // Fails with kInvalidArgument for a stack smaller than the system allows, kLimitExceeded where
  // the system refuses a thread. `main` must not throw.
  static Result<Thread> start(const ThreadOptions& options, std::function<void()> main);

  Thread();
  Thread(Thread&& other) noexcept;
  Thread& operator=(Thread&& other) noexcept;
  ~Thread();

  bool joinable() const { return handle_ != nullptr; }
  bool is_current() const;
  void join();
  void detach();

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

std::string current_thread_name();
// 0 where the system does not tell.
size_t current_thread_stack_bytes();
// Threads of this process; 0 where the system does not tell.
int num_threads();

}  // namespace weft::platform
