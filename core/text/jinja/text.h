// Text: a string that remembers which of its bytes came from a message and not from the template.
// Special tokens are recognised in what a template wrote, never in what a user did; so the mark
// has to survive being joined, cut and replaced. Also characters of UTF-8 as Python counts them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/text_range.h"

namespace weft::jinja {

// A string with marks; see above.
struct Text {
  std::string bytes;  // UTF-8, or what was given for it
  // Which of them are a message's: sorted, apart from each other, none empty.
  std::vector<TextRange> given;

  Text() = default;
  // All of it the template's.
  explicit Text(std::string text) : bytes(std::move(text)) {}
  // All of it from a message, or none.
  Text(std::string text, bool all_given);

  // Whether a message wrote any of it.
  bool any_given() const { return !given.empty(); }
  // In bytes.
  size_t size() const { return bytes.size(); }
  // What a template wrote.
  void append(std::string_view of_template) { bytes += of_template; }
  void append(const Text& piece);  // With its marks.
  // piece's bytes [begin, end).
  void append(const Text& piece, size_t begin, size_t end);
  // Memory it takes.
  size_t footprint() const { return bytes.size() + given.size() * sizeof(TextRange); }

 private:
  void mark(size_t begin, size_t end);
};

// text's bytes [begin, end), marks included.
Text slice(const Text& text, size_t begin, size_t end);

// The end of the character that starts at `at`. Bytes that are no UTF-8 are characters too.
size_t char_end(std::string_view text, size_t at);
size_t count_chars(std::string_view text);  // How many characters.
// Where each character starts, and the end: count_chars() + 1 places.
std::vector<size_t> char_starts(std::string_view text);
bool is_ascii(std::string_view text);  // Whether all bytes are below 128.

// The code point of a character; U+FFFD for what is none.
uint32_t code_point(std::string_view character);
// What Python's str.isspace() and strip() take for white space.
bool is_space(uint32_t code_point);

// The places of text without white space at its ends.
struct Trimmed {
  size_t begin;  // of the first byte that is kept
  size_t end;    // behind the last
};
// Cut at either end, or both.
Trimmed trim_spaces(std::string_view text, bool left, bool right);

// Where `needle` is in `text` from `from` on, or npos. Linear time, whatever the two are.
size_t find(std::string_view text, std::string_view needle, size_t from = 0);

}  // namespace weft::jinja
