#include "tests/support/cuda_emulator/fiber.h"

#include <cstdint>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define WEFT_ASAN_FIBERS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_ASAN_FIBERS 1
#endif
#endif

#if defined(WEFT_ASAN_FIBERS)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace weft::test {
namespace {

// Pages that are not touched cost nothing; frames are several times as large under a sanitizer.
constexpr std::size_t kStackBytes = 256 * 1024;

[[maybe_unused]] void before_switch([[maybe_unused]] void** fake,
                                    [[maybe_unused]] const void* stack,
                                    [[maybe_unused]] std::size_t bytes) {
#if defined(WEFT_ASAN_FIBERS)
  __sanitizer_start_switch_fiber(fake, stack, bytes);
#endif
}

void after_switch([[maybe_unused]] void* fake, [[maybe_unused]] const void** from,
                  [[maybe_unused]] std::size_t* bytes) {
#if defined(WEFT_ASAN_FIBERS)
  __sanitizer_finish_switch_fiber(fake, from, bytes);
#endif
}

}  // namespace

Fiber::Fiber() {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* memory = mmap(nullptr, page + kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  mprotect(memory, page, PROT_NONE);
  memory_ = static_cast<std::byte*>(memory);
  stack_ = memory_ + page;
}

Fiber::~Fiber() {
#if defined(WEFT_ASAN_FIBERS)
  __asan_unpoison_memory_region(stack_, kStackBytes);
#endif
  munmap(memory_, static_cast<std::size_t>(stack_ - memory_) + kStackBytes);
}

void Fiber::start(std::function<void()> body) {
  body_ = std::move(body);
  done_ = false;
  if (parked_) return;
#if defined(WEFT_ASAN_FIBERS)
  __asan_unpoison_memory_region(stack_, kStackBytes);
#endif
  own_fake_ = nullptr;
  entered_ = false;
  getcontext(&own_);
  own_.uc_stack.ss_sp = stack_;
  own_.uc_stack.ss_size = kStackBytes;
  own_.uc_link = nullptr;
  // makecontext() passes integers only.
  const auto self = reinterpret_cast<std::uintptr_t>(this);
  makecontext(&own_, reinterpret_cast<void (*)()>(&Fiber::enter), 2, static_cast<unsigned>(self),
              static_cast<unsigned>(static_cast<std::uint64_t>(self) >> 32));
}

void Fiber::enter(unsigned low, unsigned high) {
  const std::uint64_t self = low | static_cast<std::uint64_t>(high) << 32;
  reinterpret_cast<Fiber*>(static_cast<std::uintptr_t>(self))->run();
}

void Fiber::run() {
  after_switch(nullptr, &caller_stack_, &caller_stack_bytes_);
  for (;;) {
    parked_ = false;
    body_();
    done_ = parked_ = true;
    give_way();
  }
}

#if defined(WEFT_ASAN_FIBERS)

// The sanitizer watches longjmp() and knows of contexts.
void Fiber::resume() {
  parked_ = false;
  before_switch(&caller_fake_, stack_, kStackBytes);
  swapcontext(&caller_, &own_);
  after_switch(caller_fake_, nullptr, nullptr);
}

void Fiber::give_way() {
  before_switch(&own_fake_, caller_stack_, caller_stack_bytes_);
  swapcontext(&own_, &caller_);
  after_switch(own_fake_, &caller_stack_, &caller_stack_bytes_);
}

#else

void Fiber::resume() {
  parked_ = false;
  if (_setjmp(caller_jump_) != 0) return;
  if (entered_) _longjmp(own_jump_, 1);
  entered_ = true;
  setcontext(&own_);
}

void Fiber::give_way() {
  if (_setjmp(own_jump_) == 0) _longjmp(caller_jump_, 1);
}

#endif

}  // namespace weft::test
