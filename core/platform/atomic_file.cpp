#include "core/platform/atomic_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace weft::platform {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 20;  // few calls, even for many small writes

ErrorCode code_of(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ErrorCode::kNoSpace;
    case ENOENT:
      return ErrorCode::kNotFound;
    case EISDIR:
    case ENOTDIR:
      return ErrorCode::kNotAFile;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kPermissionDenied;
    default:
      return ErrorCode::kIoError;
  }
}

}  // namespace

AtomicFile::AtomicFile(std::string path, std::string temporary, int fd)
    : path_(std::move(path)),
      temporary_(std::move(temporary)),
      fd_(fd),
      buffer_(new std::byte[kBufferBytes]) {}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

tl::unexpected<Error> AtomicFile::failed(const char* what, int error) const {
  return fail(code_of(error), path_ + ": " + what + ": " + std::strerror(error));
}

Result<std::unique_ptr<AtomicFile>> AtomicFile::create(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return fail(ErrorCode::kNotAFile, path + ": is a folder, expected a file to write");
  }
  std::string temporary = path + ".tmp-XXXXXX";
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) {
    return fail(code_of(errno), path + ": cannot be written: " + std::strerror(errno));
  }
  // mkostemp makes a private file; the finished one has the rights a new file would have.
  const mode_t mask = umask(0);
  umask(mask);
  fchmod(fd, 0666 & ~mask);
  return std::unique_ptr<AtomicFile>(new AtomicFile(path, std::move(temporary), fd));
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
  size_bytes_ += bytes.size();
  if (buffered_ + bytes.size() > kBufferBytes) WEFT_TRY(flush());
  if (bytes.size() >= kBufferBytes) return write_through(bytes);
  std::copy(bytes.begin(), bytes.end(), buffer_.get() + buffered_);
  buffered_ += bytes.size();
  return {};
}

Result<void> AtomicFile::flush() {
  WEFT_TRY(write_through({buffer_.get(), buffered_}));
  buffered_ = 0;
  return {};
}

Result<void> AtomicFile::write_through(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("write", errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

Result<void> AtomicFile::commit() {
  WEFT_TRY(flush());
  if (fsync(fd_) != 0) return failed("fsync", errno);
  const int fd = std::exchange(fd_, -1);
  if (close(fd) != 0) return failed("close", errno);
  if (rename(temporary_.c_str(), path_.c_str()) != 0) return failed("rename", errno);
  temporary_.clear();
  return {};
}

}  // namespace weft::platform
