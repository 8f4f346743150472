#include "api/c/boundary.h"

#include <exception>
#include <new>

#include "api/c/completion.h"

namespace weft::c {
namespace {

// Where there is no memory for an error: one that is always there, and is never freed.
weft_error* no_memory() {
  static weft_error error{WEFT_OUT_OF_MEMORY, "no memory"};  // short enough to need none itself
  return &error;
}

weft_status report(weft_error** out, weft_status status, const char* message) noexcept {
  if (out == nullptr) return status;
  try {
    hand_out(out, status, message);
  } catch (...) {
    *out = no_memory();
  }
  return status;
}

}  // namespace

weft_status report(weft_error** out, const Error& error) noexcept {
  return report(out, status_of(error.code), error.message.c_str());
}

weft_status report_exception(weft_error** out) noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return report(out, WEFT_OUT_OF_MEMORY, "no memory");
  } catch (const std::exception& error) {
    return report(out, WEFT_INTERNAL_ERROR, error.what());
  } catch (...) {
    return report(out, WEFT_INTERNAL_ERROR, "an exception of an unknown type");
  }
}

Error error_of_exception() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return {ErrorCode::kOutOfMemory, "no memory"};
  } catch (const std::exception& error) {
    return {ErrorCode::kGenerationFailed, error.what()};
  } catch (...) {
    return {ErrorCode::kGenerationFailed, "an exception of an unknown type"};
  }
}

Result<void> outcome_of(weft_status status, weft_error* error) {
  const std::unique_ptr<weft_error, void (*)(weft_error*)> owned(error, weft_error_free);
  if (status == WEFT_OK) return {};
  return fail(code_of(status), error != nullptr ? error->message
                                                : std::string("the caller's function returned ") +
                                                      weft_status_name(status));
}

Result<void> given(std::initializer_list<Wanted> all) {
  for (const Wanted& each : all) {
    if (each.missing) {
      return fail(ErrorCode::kInvalidArgument, std::string(each.name) + ": NULL");
    }
  }
  return {};
}

Result<std::string_view> text_of(const char* data, size_t size, const char* name) {
  if (data == nullptr && size == 0) return std::string_view();
  WEFT_TRY(given({{data, name}}));
  return size == WEFT_NTS ? std::string_view(data) : std::string_view(data, size);
}

Result<std::vector<std::string>> texts_of(const weft_string* texts, size_t count,
                                          const char* name) {
  if (count > 0) WEFT_TRY(given({{texts, name}}));
  std::vector<std::string> result;
  result.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    WEFT_TRY_ASSIGN(const std::string_view text, text_of(texts[i].data, texts[i].size, name));
    result.emplace_back(text);
  }
  return result;
}

Result<void> in_range(size_t i, size_t count) {
  if (i < count) return {};
  return fail(ErrorCode::kInvalidArgument,
              "i: " + std::to_string(i) + ", there are " + std::to_string(count));
}

Error wrong_size(const char* name, size_t found, size_t wanted) {
  return {ErrorCode::kInvalidArgument, std::string(name) +
                                           ".struct_size: " + std::to_string(found) +
                                           ", expected " + std::to_string(wanted)};
}

}  // namespace weft::c

using namespace weft::c;

extern "C" {

weft_error* weft_error_new(weft_status status, const char* message) {
  weft_error* error = nullptr;
  report(&error, status, message != nullptr ? message : weft_status_name(status));
  return error;
}

weft_status weft_error_status(const weft_error* error) {
  return error != nullptr ? error->status : WEFT_OK;
}

const char* weft_error_message(const weft_error* error) {
  return error != nullptr ? error->message.c_str() : "";
}

void weft_error_free(weft_error* error) {
  if (error != no_memory()) free_handle(error);
}

}  // extern "C"
