#include "core/text/unicode.h"

#include <array>
#include <vector>

namespace weft {
namespace {

constexpr uint32_t kEntries[] = {
#include "core/text/unicode_table.inc"
};

// Two levels: pages of 256 code points; equal pages are stored once.
class ClassTable {
 public:
  ClassTable() {
    std::array<CharClass, 256> page;
    size_t entry = 0;
    for (uint32_t code = 0; code < 0x110000; ++code) {
      while (entry + 1 < std::size(kEntries) && kEntries[entry + 1] >> 4 <= code) ++entry;
      page[code & 0xff] = static_cast<CharClass>(kEntries[entry] & 0xf);
      if ((code & 0xff) == 0xff) page_of_[code >> 8] = store(page);
    }
  }

  CharClass operator[](uint32_t code) const { return pages_[page_of_[code >> 8]][code & 0xff]; }

 private:
  uint16_t store(const std::array<CharClass, 256>& page) {
    for (size_t i = 0; i < pages_.size(); ++i) {
      if (pages_[i] == page) return static_cast<uint16_t>(i);
    }
    pages_.push_back(page);
    return static_cast<uint16_t>(pages_.size() - 1);
  }

  std::array<uint16_t, 0x1100> page_of_{};
  std::vector<std::array<CharClass, 256>> pages_;
};

}  // namespace

CharClass char_class(uint32_t code_point) {
  static const ClassTable table;
  return code_point < 0x110000 ? table[code_point] : CharClass::kOther;
}

uint32_t decode_lax(std::string_view text, size_t& at) {
  constexpr uint32_t kReplacement = 0xfffd;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[at + i]); };
  const uint8_t lead = byte(0);
  const size_t size = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (size == 1) {
    ++at;
    return lead;
  }
  bool good = size != 0 && lead < 0xf8 && size <= text.size() - at;
  uint32_t code = lead & (0xff >> (size + 1));
  for (size_t i = 1; good && i < size; ++i) {
    good = (byte(i) & 0xc0) == 0x80;
    code = code << 6 | (byte(i) & 0x3f);
  }
  good = good && code <= 0x10ffff;
  at += good ? size : 1;
  return good ? code : kReplacement;
}

void append_utf8(uint32_t code, std::string& out) {
  const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xe0 | code >> 12);
    } else {
      put(0xf0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3f));
    }
    put(0x80 | (code >> 6 & 0x3f));
  }
  put(0x80 | (code & 0x3f));
}

std::string normalise_lax(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t at = 0; at < text.size();) append_utf8(decode_lax(text, at), result);
  return result;
}

}  // namespace weft
