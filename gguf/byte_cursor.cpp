#include "gguf/byte_cursor.h"

#include <bit>

namespace weft::gguf {

static_assert(std::endian::native == std::endian::little,
              "values are read and written as they lie in memory");

tl::unexpected<Error> ByteCursor::ends_inside(std::string_view what, uint64_t size) const {
  return fail(ErrorCode::kGgufTruncated, "the file ends at byte " + std::to_string(bytes_.size()) +
                                             " inside " + std::string(what) + " (" +
                                             std::to_string(size) + " bytes at " +
                                             std::to_string(offset_) + "): it is cut short");
}

tl::unexpected<Error> ByteCursor::cannot_hold(std::string_view what, uint64_t size) const {
  return fail(ErrorCode::kGgufBadCount, std::string(what) + " at byte " + std::to_string(offset_) +
                                            ": a length of " + std::to_string(size) +
                                            " bytes, but only " + std::to_string(remaining()) +
                                            " are left in the file");
}

}  // namespace weft::gguf
