#include "gguf/names.h"

#include <algorithm>
#include <string>

#include "core/text/utf8.h"
#include "gguf/format.h"
#include "gguf/printable.h"

namespace weft::gguf {
namespace {

Result<void> check_length(std::string_view text, size_t longest, ErrorCode code, const char* what) {
  if (text.empty()) return fail(code, std::string("an empty ") + what);
  if (text.size() > longest) {
    return fail(code, std::string(what) + " of " + std::to_string(text.size()) +
                          " bytes, expected at most " + std::to_string(longest) + ": " +
                          printable(text, 80));
  }
  return {};
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

Result<void> check_key(std::string_view key) {
  WEFT_TRY(check_length(key, kLongestKey, ErrorCode::kGgufBadKey, "key"));
  const bool is_ascii = std::all_of(key.begin(), key.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x80 && !is_control(c);
  });
  if (is_ascii) return {};
  return fail(ErrorCode::kGgufBadKey, printable(key) + ": a key that is not plain ASCII");
}

Result<void> check_tensor_name(std::string_view name) {
  WEFT_TRY(check_length(name, kLongestTensorName, ErrorCode::kGgufBadTensorName, "tensor name"));
  if (utf8_valid(name) && std::none_of(name.begin(), name.end(), is_control)) return {};
  return fail(ErrorCode::kGgufBadTensorName, printable(name) + ": a tensor name that is not text");
}

}  // namespace weft::gguf
