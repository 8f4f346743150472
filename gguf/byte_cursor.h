// A bounds-checked walk over a file's bytes. Every step that would pass the end is an error that
// names what was being read and where; nothing is ever read beyond the span.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"

namespace weft::gguf {

// Borrows the bytes. Owned by one thread.
class ByteCursor {
 public:
  explicit ByteCursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint64_t offset() const { return offset_; }
  uint64_t remaining() const { return bytes_.size() - offset_; }

  // A little-endian number. kGgufTruncated at the end of the file.
  template <class T>
  Result<T> read(std::string_view what) {
    static_assert(std::is_arithmetic_v<T>);
    if (remaining() < sizeof(T)) return ends_inside(what, sizeof(T));
    T value;
    std::memcpy(&value, bytes_.data() + offset_, sizeof(T));
    offset_ += sizeof(T);
    return value;
  }

  // The next `size` bytes. A size that the rest of the file cannot hold is kGgufBadCount.
  Result<std::span<const std::byte>> take(uint64_t size, std::string_view what) {
    if (size > remaining()) return cannot_hold(what, size);
    const auto taken = bytes_.subspan(offset_, size);
    offset_ += size;
    return taken;
  }

  // A length, u64, and that many bytes.
  Result<std::string_view> read_string(std::string_view what) {
    WEFT_TRY_ASSIGN(const uint64_t size, read<uint64_t>(what));
    WEFT_TRY_ASSIGN(const auto taken, take(size, what));
    return std::string_view(reinterpret_cast<const char*>(taken.data()), taken.size());
  }

 private:
  tl::unexpected<Error> ends_inside(std::string_view what, uint64_t size) const;
  tl::unexpected<Error> cannot_hold(std::string_view what, uint64_t size) const;

  std::span<const std::byte> bytes_;
  uint64_t offset_ = 0;
};

}  // namespace weft::gguf
