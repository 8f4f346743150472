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

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  std::error_code ignored;
  if (path.empty() || std::filesystem::is_directory(path, ignored)) {
    return fail(ErrorCode::kNotAFile, "'" + path + "': is a folder, expected a file to write");
  }
  AtomicFile made;
  made.path_ = path;
  const std::string stem = path + ".tmp-" + std::to_string(platform::process_id()) + "-";
  for (int i = 0; i < kMostNames; ++i) {
    const std::string name = stem + std::to_string(i);
    if (std::filesystem::exists(name, ignored)) continue;
    WEFT_TRY_ASSIGN(made.file_, platform::create_for_writing(name));
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
  return platform::write_all(file_, temporary_path_, bytes);
}

Result<void> AtomicFile::flush() {
  WEFT_TRY(platform::write_all(file_, temporary_path_, buffer_));
  buffer_.clear();
  return {};
}

Result<void> AtomicFile::commit() {
  WEFT_TRY(flush());
  WEFT_TRY(platform::sync(file_, temporary_path_));
  WEFT_TRY(platform::rename_file(temporary_path_, path_));
  file_.close();
  temporary_path_.clear();
  return {};
}

}  // namespace weft
