#include "tools/batch/output_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft::tools {
namespace {

tl::unexpected<Error> system_error(const std::string& name, int number) {
  const ErrorCode code = number == ENOENT                      ? ErrorCode::kNotFound
                         : number == EACCES || number == EROFS ? ErrorCode::kPermissionDenied
                         : number == EISDIR                    ? ErrorCode::kNotAFile
                         : number == ENOSPC                    ? ErrorCode::kNoSpace
                                                               : ErrorCode::kIoError;
  return fail(code, name + ": " + std::strerror(number));
}

}  // namespace

Result<OutputFile> OutputFile::open(const std::string& path, Existing existing,
                                    const LineReader& input) {
  OutputFile out;
  if (path == "-") {
    out.name_ = "standard output";
    out.file_ = platform::FileHandle(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!out.file_.is_open()) return system_error(out.name_, errno);
    return out;
  }
  out.name_ = path;
  // A pipe or a terminal can only be written.
  struct stat status;
  const bool special = ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
  const int access = special ? O_WRONLY : O_RDWR;
  out.file_ = platform::FileHandle(::open(path.c_str(), access | O_CREAT | O_CLOEXEC, 0666));
  if (!out.file_.is_open()) return system_error(path, errno);
  if (::fstat(out.file_.descriptor(), &status) != 0) return system_error(path, errno);
  out.regular_ = S_ISREG(status.st_mode);
  if (!out.regular_) return out;

  struct stat of_input;
  if (::fstat(input.descriptor(), &of_input) == 0 && of_input.st_dev == status.st_dev &&
      of_input.st_ino == status.st_ino) {
    return fail(ErrorCode::kInvalidArgument, path + ": is the input, expected another file");
  }
  if (::flock(out.file_.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_error(path, errno);
    return fail(ErrorCode::kInvalidArgument, path + ": another process is writing it");
  }
  if (existing == Existing::kRefuse && status.st_size > 0) {
    return fail(ErrorCode::kInvalidArgument,
                path + ": is there already; --resume goes on with it, --overwrite replaces it");
  }
  out.resumed_ = existing == Existing::kResume;
  if (!out.resumed_) WEFT_TRY(out.keep(0));
  return out;
}

LineReader OutputFile::existing_lines() const {
  if (resumed_) return {file_.descriptor(), name_};
  return {-1, name_};
}

Result<void> OutputFile::keep(uint64_t offset) {
  if (!regular_) return {};
  const auto end = static_cast<off_t>(offset);
  if (::ftruncate(file_.descriptor(), end) != 0) return system_error(name_, errno);
  if (::lseek(file_.descriptor(), end, SEEK_SET) < 0) return system_error(name_, errno);
  return {};
}

Result<void> OutputFile::write(std::string_view text) {
  return platform::write_all(file_, name_, std::as_bytes(std::span(text)));
}

Result<void> OutputFile::sync() {
  if (!regular_) return {};
  return platform::sync(file_, name_);
}

}  // namespace weft::tools
