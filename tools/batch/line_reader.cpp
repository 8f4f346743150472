#include "tools/batch/line_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft::tools {
namespace {

constexpr size_t kReadBytes = 1 << 16;

tl::unexpected<Error> system_error(const std::string& name, int number) {
  const ErrorCode code = number == ENOENT   ? ErrorCode::kNotFound
                         : number == EACCES ? ErrorCode::kPermissionDenied
                         : number == EISDIR ? ErrorCode::kNotAFile
                                            : ErrorCode::kIoError;
  return fail(code, name + ": " + std::strerror(number));
}

}  // namespace

Result<LineReader> LineReader::open(const std::string& path) {
  if (path == "-") return LineReader(STDIN_FILENO, "standard input");
  platform::FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return system_error(path, errno);
  struct stat status;
  if (::fstat(file.descriptor(), &status) != 0) return system_error(path, errno);
  if (S_ISDIR(status.st_mode)) return system_error(path, EISDIR);
  LineReader reader(file.descriptor(), path);
  reader.own_ = std::move(file);
  return reader;
}

Result<LineReader::State> LineReader::next(int timeout_ms) {
  line_ = {};
  while (!take_line()) {
    if (at_end_) return State::kEnd;
    pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, timeout_ms);
    if (ready == 0 || (ready < 0 && errno == EINTR)) return State::kNotYet;
    if (ready < 0) return system_error(name_, errno);
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
    const size_t size = buffer_.size();
    buffer_.resize(size + kReadBytes);
    const ssize_t n = ::read(descriptor_, buffer_.data() + size, kReadBytes);
    buffer_.resize(size + static_cast<size_t>(std::max<ssize_t>(n, 0)));
    if (n < 0 && errno != EINTR && errno != EAGAIN) return system_error(name_, errno);
    at_end_ = n == 0;
  }
  return State::kLine;
}

// The next line from the buffer, if it is there whole.
bool LineReader::take_line() {
  const size_t newline = buffer_.find('\n', scanned_);
  const bool found = newline != std::string::npos;
  const size_t end = found ? newline : buffer_.size();
  if (!found && !at_end_) {
    scanned_ = end;
    if (end - begin_ > kLongestLine) skipping_ = true;
    if (skipping_) {
      skipped_ += end - begin_;
      begin_ = end;
    }
    return false;
  }
  if (!found && end == begin_ && !skipping_) return false;  // the end
  too_long_ = skipping_ || end - begin_ > kLongestLine;
  line_ = too_long_ ? std::string_view() : std::string_view(buffer_).substr(begin_, end - begin_);
  newline_ = found;
  offset_ += skipped_ + (end - begin_) + (found ? 1 : 0);
  begin_ = scanned_ = end + (found ? 1 : 0);
  skipping_ = false;
  skipped_ = 0;
  ++number_;
  return true;
}

bool LineReader::blank() const {
  return !too_long_ && line_.find_first_not_of(" \t\r") == std::string_view::npos;
}

uint64_t LineReader::total_bytes() const {
  struct stat status;
  if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  return static_cast<uint64_t>(status.st_size);
}

}  // namespace weft::tools
