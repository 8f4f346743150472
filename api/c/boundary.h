// The border between C and C++: what every function of weft.h does before and after the one call it
// is there for. Nothing throws across it, and whatever was thrown becomes an error.
#pragma once

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/c/weft.h"
#include "core/error.h"

struct weft_error {
  weft_status status = WEFT_INTERNAL_ERROR;
  std::string message;
};

namespace weft::c {

weft_status status_of(ErrorCode code);
// kGenerationFailed for what is no ErrorCode.
ErrorCode code_of(weft_status status);

// Hands `error` out where it is wanted, and returns its status.
weft_status report(weft_error** out, const Error& error) noexcept;
// The same of the exception being handled.
weft_status report_exception(weft_error** out) noexcept;

// Runs `body`, which returns a Result<void>.
template <class Body>
weft_status guarded(weft_error** error, Body&& body) noexcept {
  try {
    const Result<void> done = body();
    return done ? WEFT_OK : report(error, done.error());
  } catch (...) {
    return report_exception(error);
  }
}

// Calls a function of the caller's. What it throws has no way back: the process ends.
template <class... Params, class Returned, class... Args>
Returned call_out(Returned (*function)(Params...), Args... args) noexcept {
  return function(args...);
}

// What a callback of the caller's came to. Takes its error over.
Result<void> outcome_of(weft_status status, weft_error* error);

// ------------------------------------------------------------------ what came in

struct Wanted {
  template <class T>
  Wanted(T* pointer, const char* its_name) : missing(pointer == nullptr), name(its_name) {}
  bool missing;
  const char* name;
};
// kInvalidArgument for the first that is NULL.
Result<void> given(std::initializer_list<Wanted> all);

Result<std::string_view> text_of(const char* data, size_t size, const char* name);
Result<std::vector<std::string>> texts_of(const weft_string* texts, size_t count, const char* name);

// A text among options: what NULL stands for is the default.
inline std::string text_or(const char* text, const std::string& otherwise) {
  return text != nullptr ? text : otherwise;
}

// kInvalidArgument unless i < count.
Result<void> in_range(size_t i, size_t count);

Error wrong_size(const char* name, size_t found, size_t wanted);

// A version that puts fields behind these takes the smaller sizes too, and their defaults for what
// is missing.
template <class T>
Result<void> check_size(const T& structure, const char* name) {
  if (structure.struct_size == sizeof(T)) return {};
  return tl::unexpected(wrong_size(name, structure.struct_size, sizeof(T)));
}

// Options as given, or as `init` makes them where there are none.
template <class T>
Result<T> options_of(const T* options, void (*init)(T*, size_t), const char* name) {
  T result;
  init(&result, sizeof result);
  if (options == nullptr) return result;
  WEFT_TRY(check_size(*options, name));
  return *options;
}

// ------------------------------------------------------------------ what goes out

// The defaults, into a struct of the caller's size.
template <class T>
void init_struct(T* out, size_t size, T defaults) noexcept {
  if (out == nullptr || size < sizeof(size_t)) return;
  defaults.struct_size = size;
  std::memset(static_cast<void*>(out), 0, size);
  std::memcpy(static_cast<void*>(out), &defaults, std::min(size, sizeof defaults));
}

template <class T>
Result<void> fill(T* out, T values, const char* name) {
  WEFT_TRY(given({{out, name}}));
  WEFT_TRY(check_size(*out, name));
  values.struct_size = sizeof values;
  *out = values;
  return {};
}

// A handle's owner is on the other side: here alone it is a bare pointer.
template <class Handle, class... Args>
void hand_out(Handle** out, Args&&... args) {
  *out = new Handle{std::forward<Args>(args)...};
}

template <class Handle>
void free_handle(Handle* handle) noexcept {
  delete handle;
}

template <class T>
const T* data_of(const std::vector<T>& values, size_t* count) noexcept {
  if (count != nullptr) *count = values.size();
  return values.data();
}
inline const char* data_of(const std::string& text, size_t* size) noexcept {
  if (size != nullptr) *size = text.size();
  return text.c_str();
}

}  // namespace weft::c
