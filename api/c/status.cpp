// The numbers of weft.h for the error codes of core/error.h. Those may stand in any order; these
// never change.
#include "api/c/boundary.h"

namespace weft::c {

weft_status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return WEFT_INVALID_ARGUMENT;
    case ErrorCode::kNotFound:
      return WEFT_NOT_FOUND;
    case ErrorCode::kUnsupported:
      return WEFT_UNSUPPORTED;
    case ErrorCode::kContextOverflow:
      return WEFT_CONTEXT_OVERFLOW;
    case ErrorCode::kTokenOutOfRange:
      return WEFT_TOKEN_OUT_OF_RANGE;
    case ErrorCode::kInvalidUtf8:
      return WEFT_INVALID_UTF8;
    case ErrorCode::kLimitExceeded:
      return WEFT_LIMIT_EXCEEDED;
    case ErrorCode::kMaxTokensReached:
      return WEFT_MAX_TOKENS_REACHED;
    case ErrorCode::kCancelled:
      return WEFT_CANCELLED;
    case ErrorCode::kTimedOut:
      return WEFT_TIMED_OUT;
    case ErrorCode::kQueueFull:
      return WEFT_QUEUE_FULL;
    case ErrorCode::kShutDown:
      return WEFT_SHUT_DOWN;
    case ErrorCode::kNonFiniteLogits:
      return WEFT_NON_FINITE_LOGITS;
    case ErrorCode::kOutOfMemory:
      return WEFT_OUT_OF_MEMORY;
    case ErrorCode::kDeviceError:
      return WEFT_DEVICE_ERROR;
    case ErrorCode::kGenerationFailed:
      return WEFT_GENERATION_FAILED;
    case ErrorCode::kTemplateSyntax:
      return WEFT_TEMPLATE_SYNTAX;
    case ErrorCode::kTemplateError:
      return WEFT_TEMPLATE_ERROR;
    case ErrorCode::kTemplateRaised:
      return WEFT_TEMPLATE_RAISED;
    case ErrorCode::kIoError:
      return WEFT_IO_ERROR;
    case ErrorCode::kPermissionDenied:
      return WEFT_PERMISSION_DENIED;
    case ErrorCode::kNotAFile:
      return WEFT_NOT_A_FILE;
    case ErrorCode::kFileChanged:
      return WEFT_FILE_CHANGED;
    case ErrorCode::kNoSpace:
      return WEFT_NO_SPACE;
    case ErrorCode::kGgufBadMagic:
      return WEFT_GGUF_BAD_MAGIC;
    case ErrorCode::kGgufVersion:
      return WEFT_GGUF_VERSION;
    case ErrorCode::kGgufTruncated:
      return WEFT_GGUF_TRUNCATED;
    case ErrorCode::kGgufBadCount:
      return WEFT_GGUF_BAD_COUNT;
    case ErrorCode::kGgufBadKey:
      return WEFT_GGUF_BAD_KEY;
    case ErrorCode::kGgufDuplicateKey:
      return WEFT_GGUF_DUPLICATE_KEY;
    case ErrorCode::kGgufBadValueType:
      return WEFT_GGUF_BAD_VALUE_TYPE;
    case ErrorCode::kGgufMissingKey:
      return WEFT_GGUF_MISSING_KEY;
    case ErrorCode::kGgufWrongKeyType:
      return WEFT_GGUF_WRONG_KEY_TYPE;
    case ErrorCode::kGgufBadValue:
      return WEFT_GGUF_BAD_VALUE;
    case ErrorCode::kGgufBadAlignment:
      return WEFT_GGUF_BAD_ALIGNMENT;
    case ErrorCode::kGgufBadTensorName:
      return WEFT_GGUF_BAD_TENSOR_NAME;
    case ErrorCode::kGgufDuplicateTensor:
      return WEFT_GGUF_DUPLICATE_TENSOR;
    case ErrorCode::kGgufBadDimensions:
      return WEFT_GGUF_BAD_DIMENSIONS;
    case ErrorCode::kGgufBadTensorType:
      return WEFT_GGUF_BAD_TENSOR_TYPE;
    case ErrorCode::kGgufRowNotBlocks:
      return WEFT_GGUF_ROW_NOT_BLOCKS;
    case ErrorCode::kGgufBadOffset:
      return WEFT_GGUF_BAD_OFFSET;
    case ErrorCode::kGgufMissingTensor:
      return WEFT_GGUF_MISSING_TENSOR;
    case ErrorCode::kGgufWrongShape:
      return WEFT_GGUF_WRONG_SHAPE;
    case ErrorCode::kGgufMissingSplit:
      return WEFT_GGUF_MISSING_SPLIT;
    case ErrorCode::kGgufBadSplit:
      return WEFT_GGUF_BAD_SPLIT;
    case ErrorCode::kGgufBadVocabulary:
      return WEFT_GGUF_BAD_VOCABULARY;
    case ErrorCode::kGgufNonFiniteWeight:
      return WEFT_GGUF_NON_FINITE_WEIGHT;
    case ErrorCode::kUnknownArchitecture:
      return WEFT_UNKNOWN_ARCHITECTURE;
    case ErrorCode::kUnknownTokenizer:
      return WEFT_UNKNOWN_TOKENIZER;
    case ErrorCode::kUnknownPreTokenizer:
      return WEFT_UNKNOWN_PRE_TOKENIZER;
  }
  return WEFT_INTERNAL_ERROR;
}

ErrorCode code_of(weft_status status) {
  constexpr int kLast = static_cast<int>(ErrorCode::kUnknownPreTokenizer);
  for (int i = 0; i <= kLast; ++i) {
    const auto code = static_cast<ErrorCode>(i);
    if (status_of(code) == status) return code;
  }
  return ErrorCode::kGenerationFailed;
}

}  // namespace weft::c

extern "C" {

const char* weft_status_name(weft_status status) {
  using namespace weft::c;
  if (status == WEFT_OK) return "ok";
  if (status == WEFT_INTERNAL_ERROR) return "internal_error";
  const weft::ErrorCode code = code_of(status);
  if (status_of(code) != status) return "unknown_error";
  return weft::error_code_name(code).data();  // a literal: it ends with NUL
}

}  // extern "C"
