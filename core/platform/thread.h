// Thread: std::thread with what that leaves out: a stack size, the processors it is bound to, and a
// name that debuggers and `top` show. Also what a process can say about its threads.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"

namespace weft::platform {

struct ThreadOptions {
  std::string name;        // the system shows the first 15 bytes; empty: the starter's
  size_t stack_bytes = 0;  // rounded up to whole pages; 0: the system's default
  std::vector<int> cpus;   // processors it is bound to; empty: those of its starter
};

// Owned by one thread at a time. Joined or detached before it is destroyed.
class Thread {
 public:
  // Fails with kInvalidArgument for a stack smaller than the system allows or a processor that the
  // calling thread may not use, kLimitExceeded where the system refuses a thread. A bound thread
  // reads back where it may run: if that is not as asked for, `main` is not run, and this fails.
  // `main` must not throw.
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
