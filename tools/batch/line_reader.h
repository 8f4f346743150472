// LineReader: a file or a pipe, line by line, in bounded memory and without blocking where nothing
// has come yet. Knows nothing of what a line holds. Owned by one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/platform/file_io.h"

namespace weft::tools {

// A longer line is not kept, only said to be too long.
inline constexpr size_t kLongestLine = size_t{64} << 20;

class LineReader {
 public:
  // Opens `path` for reading; "-" is standard input. Fails as open(2) says, naming the path.
  static Result<LineReader> open(const std::string& path);
  // Reads from an open descriptor, which it does not close; -1 is an empty input.
  LineReader(int descriptor, std::string name)
      : descriptor_(descriptor), name_(std::move(name)), at_end_(descriptor < 0) {}

  enum class State {
    kLine,    // line() is the next one
    kNotYet,  // nothing within the time
    kEnd
  };
  // Waits at most `timeout_ms` for the next line. Fails with kIoError.
  Result<State> next(int timeout_ms);

  // The line without its newline; valid until next(). "" for one that is too long.
  std::string_view line() const { return line_; }
  bool too_long() const { return too_long_; }
  bool blank() const;  // nothing but white space
  bool ended_by_newline() const { return newline_; }
  int64_t number() const { return number_; }   // of the line, from 1
  uint64_t offset() const { return offset_; }  // bytes up to and with the line's newline

  // Bytes of the whole input; 0 where it is not a regular file.
  uint64_t total_bytes() const;
  int descriptor() const { return descriptor_; }

 private:
  bool take_line();

  platform::FileHandle own_;
  int descriptor_ = -1;
  std::string name_;
  std::string buffer_;
  size_t begin_ = 0;    // of what was not given yet, in buffer_
  size_t scanned_ = 0;  // up to here buffer_ holds no newline
  bool skipping_ = false;
  bool at_end_ = false;
  std::string_view line_;
  bool too_long_ = false, newline_ = false;
  int64_t number_ = 0;
  uint64_t offset_ = 0;
  uint64_t skipped_ = 0;  // bytes dropped of the long line under way
};

}  // namespace weft::tools
