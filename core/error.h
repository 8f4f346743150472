// Errors as values. What the outside world can cause (files, requests, limits, devices) comes
// back as Result<T>; what only a bug in weft can cause is a WEFT_CHECK (core/check.h).
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace weft {

// Every kind of failure a caller can tell apart. The names are stable: error_code_name() is what
// `infer check --json`, the C ABI and the servers print, so rows are added and never renamed.
enum class ErrorCode {
  // Arguments and requests
  kInvalidArgument,   // a value outside its range
  kNotFound,          // no such file, model, tensor or name
  kUnsupported,       // well-formed, but nothing this build can run
  kContextOverflow,   // prompt + max_tokens do not fit the context
  kTokenOutOfRange,   // a token id that is not in the vocabulary
  kInvalidUtf8,       // text that must be UTF-8 and is not
  kLimitExceeded,     // a documented size or count limit
  kMaxTokensReached,  // a state was advanced past its max_tokens
  // Running
  kCancelled,
  kTimedOut,
  kQueueFull,
  kShutDown,         // the engine was stopped before the request was done
  kNonFiniteLogits,  // the model produced NaN or infinity for a row
  kOutOfMemory,      // host or device memory, or the KV pool
  kDeviceError,      // a device is absent, busy or failed
  kGenerationFailed,
  // Chat templates (core/text/jinja/)
  kTemplateSyntax,  // a template that cannot be parsed
  kTemplateError,   // one that failed while it was rendered
  kTemplateRaised,  // one that refused its messages; the message is the template's own
  // Files and the operating system
  kIoError,
  kPermissionDenied,
  kNotAFile,     // a folder or a device where a file is wanted
  kFileChanged,  // the file shrank or was replaced while in use
  kNoSpace,
  // GGUF (see gguf/reader.h)
  kGgufBadMagic,
  kGgufVersion,  // version 1, a later one, or big-endian
  kGgufTruncated,
  kGgufBadCount,  // a count or length that the file cannot hold
  kGgufBadKey,    // empty, too long or not text
  kGgufDuplicateKey,
  kGgufBadValueType,  // unknown metadata value type, or an array of arrays
  kGgufMissingKey,
  kGgufWrongKeyType,  // a key whose value has another type than the one wanted
  kGgufBadValue,      // a metadata value outside what the model allows
  kGgufBadAlignment,
  kGgufBadTensorName,
  kGgufDuplicateTensor,
  kGgufBadDimensions,  // more than 4, zero, or a product that overflows
  kGgufBadTensorType,  // an unknown or removed tensor type
  kGgufRowNotBlocks,   // a row that is no multiple of its type's block
  kGgufBadOffset,      // misaligned, overlapping or past the end
  kGgufMissingTensor,
  kGgufWrongShape,
  kGgufMissingSplit,
  kGgufBadSplit,
  kGgufBadVocabulary,    // tokens, scores, types, merges or special ids that do not fit together
  kGgufNonFiniteWeight,  // found by a deep check
  kUnknownArchitecture,
  kUnknownTokenizer,
  kUnknownPreTokenizer,
};

// "gguf_bad_magic" for ErrorCode::kGgufBadMagic, and so on.
std::string_view error_code_name(ErrorCode code);

// What went wrong, for programs and for people.
struct Error {
  ErrorCode code = ErrorCode::kGenerationFailed;  // for programs
  // Names the thing, what was found and what was wanted:
  // "blk.3.attn_q.weight: shape [4096, 4000], expected [4096, 4096]".
  std::string message;
};

// A T, or the Error for which there is none; std::expected's interface.
template <class T>
using Result = tl::expected<T, Error>;

// An error to be returned where a Result is.
inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

}  // namespace weft

#define WEFT_CONCAT_(a, b) a##b
#define WEFT_CONCAT(a, b) WEFT_CONCAT_(a, b)

// WEFT_TRY(expr): returns the error of a Result<void> (or any Result whose value is not wanted).
#define WEFT_TRY(expr)                                             \
  do {                                                             \
    auto weft_try_result = (expr);                                 \
    if (!weft_try_result) {                                        \
      return ::tl::unexpected(std::move(weft_try_result).error()); \
    }                                                              \
  } while (false)

// WEFT_TRY_ASSIGN(auto x, expr): x becomes the value, or the error is returned.
#define WEFT_TRY_ASSIGN(declaration, expr) \
  WEFT_TRY_ASSIGN_(WEFT_CONCAT(weft_try_, __LINE__), declaration, expr)
#define WEFT_TRY_ASSIGN_(tmp, declaration, expr)     \
  auto tmp = (expr);                                 \
  if (!tmp) {                                        \
    return ::tl::unexpected(std::move(tmp).error()); \
  }                                                  \
  declaration = std::move(*tmp)
