// Completion: a callback of the caller's that tells how asynchronous work ended, called exactly
// once: by its answer, or by whoever drops the work unanswered.
#pragma once

#include <new>
#include <string>
#include <utility>

#include "api/c/boundary.h"

namespace weft::c {

// The error for a completion: what the exception being handled stands for.
Error error_of_exception();

template <class... Args>
class Completion {
 public:
  using Function = void (*)(void*, const weft_error*, Args...);

  Completion(Function function, void* user_data) : function_(function), user_data_(user_data) {}
  Completion(Completion&& other) noexcept
      : function_(std::exchange(other.function_, nullptr)), user_data_(other.user_data_) {}
  Completion& operator=(Completion&&) = delete;
  ~Completion() {
    if (function_ != nullptr) call(dropped(), Args()...);
  }

  void succeed(Args... args) noexcept { call(nullptr, args...); }
  void fail(Error error) noexcept {
    const weft_error told{status_of(error.code), std::move(error.message)};
    call(&told, Args()...);
  }

 private:
  void call(const weft_error* error, Args... args) noexcept {
    call_out(std::exchange(function_, nullptr), user_data_, error, args...);
  }
  static const weft_error* dropped() noexcept {
    static const weft_error error{WEFT_SHUT_DOWN, "the runtime was shut down"};
    return &error;
  }

  Function function_;  // null once called
  void* user_data_;
};

// A handler of the C++ interface for a callback: `give(completion, value)` tells the success.
template <class T, class Give, class... Args>
auto answer(void (*function)(void*, const weft_error*, Args...), void* user_data, Give give) {
  return [done = Completion<Args...>(function, user_data), give](Result<T> result) mutable {
    if (!result) return done.fail(std::move(result.error()));
    try {
      give(done, *result);
    } catch (...) {
      done.fail(error_of_exception());
    }
  };
}

inline auto answer_done(weft_on_done function, void* user_data) {
  return [done = Completion<>(function, user_data)](Result<void> result) mutable {
    if (!result) return done.fail(std::move(result.error()));
    done.succeed();
  };
}

inline auto answer_text(weft_on_text function, void* user_data) {
  return answer<std::string>(function, user_data, [](auto& done, const std::string& text) {
    done.succeed(text.c_str(), text.size());
  });
}

// With a new handle over the value.
template <class T, class Handle>
auto answer_handle(void (*function)(void*, const weft_error*, Handle*), void* user_data) {
  return answer<T>(function, user_data, [](auto& done, T& value) {
    Handle* handle = nullptr;
    hand_out(&handle, std::move(value));
    done.succeed(handle);
  });
}

}  // namespace weft::c
