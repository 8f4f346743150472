#include "core/atomic_file.h"

#include <filesystem>
#include <system_error>
#include <utility>

namespace weft {
namespace {

// Large enough that a call costs nothing beside the copy, small beside anything that is written.
constexpr size_t kBufferBytes = size_t{1} << 20;

// Names left behind by a process that was killed are stepped over.
constexpr int kMostNames = 1000;

// What commit() will replace: a file, or nothing yet. A link is followed, so that it stays a link.
// Anything else is refused: renaming over /dev/null would leave a file in its place.
Result<std::string> final_target(const std::string& path) {
  namespace fs = std::filesystem;
  if (path.empty()) return fail(ErrorCode::kInvalidArgument, "output: its path is empty");
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found || status.type() == fs::file_type::none) {
    return path;  // creating it beside will tell what is wrong, if anything is
  }
  if (fs::is_directory(status)) {
    return fail(ErrorCode::kNotAFile, path + ": is a folder, expected a file to write");
  }
  if (!fs::is_regular_file(status)) {
    return fail(ErrorCode::kNotAFile, path + ": is a device or a pipe, expected a file to write");
  }
  const fs::path target = fs::canonical(path, error);
  return error ? path : target.string();
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  WEFT_TRY_ASSIGN(const std::string target, final_target(path));
  AtomicFile made;
  made.path_ = target;
  const std::string stem = target + ".tmp-" + std::to_string(platform::process_id()) + "-";
  std::error_code ignored;
  for (int i = 0; i < kMostNames; ++i) {
    const std::string name = stem + std::to_string(i);
    if (std::filesystem::exists(name, ignored)) continue;
    WEFT_TRY_ASSIGN(made.file_, platform::create_for_writing(name, path));
    made.temporary_path_ = name;
    return made;
  }
  return fail(ErrorCode::kIoError, stem + "*: too many temporary files are left here");
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_path_(std::exchange(other.temporary_path_, {})),
      file_(std::move(other.file_)),
      buffer_(std::move(other.buffer_)),
      size_(other.size_) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this == &other) return *this;
  discard();
  path_ = std::move(other.path_);
  temporary_path_ = std::exchange(other.temporary_path_, {});
  file_ = std::move(other.file_);
  buffer_ = std::move(other.buffer_);
  size_ = other.size_;
  return *this;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() {
  file_.close();
  if (!temporary_path_.empty()) platform::remove_file(temporary_path_);
  temporary_path_.clear();
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
  size_ += bytes.size();
  if (buffer_.size() + bytes.size() <= kBufferBytes) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    return {};
  }
  WEFT_TRY(flush());
  return platform::write_all(file_, path_, bytes);
}

Result<void> AtomicFile::flush() {
  WEFT_TRY(platform::write_all(file_, path_, buffer_));
  buffer_.clear();
  return {};
}

Result<void> AtomicFile::commit() {
  WEFT_TRY(flush());
  WEFT_TRY(platform::sync(file_, path_));
  WEFT_TRY(platform::rename_file(temporary_path_, path_));
  file_.close();
  temporary_path_.clear();
  return {};
}

}  // namespace weft
