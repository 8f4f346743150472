// Fiber: a stack on which a function runs until it gives way, and goes on later. The sanitizers are
// told of every switch. One system thread only.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <functional>
#include <ucontext.h>

namespace weft::test {

class Fiber {
 public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // From now on resume() runs `body` from its start. What ran before is forgotten where it stopped,
  // so it must own nothing then. `body` must not throw.
  void start(std::function<void()> body);
  // Runs until the body gives way or returns.
  void resume();
  // Called by the body: back to whoever resumed it.
  void give_way();
  bool done() const { return done_; }

 private:
  static void enter(unsigned low, unsigned high);
  void run();

  std::byte* memory_;  // a guard page, then the stack
  std::byte* stack_;
  std::function<void()> body_;
  bool done_ = true;
  bool parked_ = false;   // the stack waits in run() for another body
  bool entered_ = false;  // own_jump_ says where to go on
  ucontext_t own_{}, caller_{};
  // Switching by these takes no system call, unlike by contexts.
  std::jmp_buf own_jump_, caller_jump_;
  // AddressSanitizer's.
  void* own_fake_ = nullptr;
  void* caller_fake_ = nullptr;
  const void* caller_stack_ = nullptr;
  std::size_t caller_stack_bytes_ = 0;
};

}  // namespace weft::test
