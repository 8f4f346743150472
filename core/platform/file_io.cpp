#include "core/platform/file_io.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace weft::platform {
namespace {

ErrorCode code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kPermissionDenied;
    case EISDIR:
      return ErrorCode::kNotAFile;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ErrorCode::kNoSpace;
    case ENOMEM:
      return ErrorCode::kOutOfMemory;
    default:
      return ErrorCode::kIoError;
  }
}

tl::unexpected<Error> system_error(const std::string& path, const char* doing, int number) {
  return fail(code_of(number),
              path + ": " + doing + ": " + std::generic_category().message(number));
}

// One read or write never asks for more: Linux moves at most 2^31 - 4096 bytes in a call.
constexpr size_t kLargestTransfer = size_t{1} << 30;

}  // namespace

FileHandle::FileHandle(FileHandle&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileHandle::~FileHandle() { close(); }

void FileHandle::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

MemoryMapping::MemoryMapping(MemoryMapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MemoryMapping& MemoryMapping::operator=(MemoryMapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MemoryMapping::~MemoryMapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

Result<FileHandle> open_for_reading(const std::string& path) {
  // O_NONBLOCK: opening a pipe that nobody writes to would otherwise wait for ever.
  FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) return system_error(path, "cannot open", errno);
  struct stat info;
  if (::fstat(file.descriptor(), &info) != 0) return system_error(path, "cannot stat", errno);
  if (S_ISDIR(info.st_mode)) {
    return fail(ErrorCode::kNotAFile, path + ": is a folder, expected a file");
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::kNotAFile, path + ": is a device or a pipe, expected a file");
  }
  return file;
}

Result<FileHandle> create_for_writing(const std::string& path, const std::string& shown_as) {
  FileHandle file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file.is_open()) return system_error(shown_as, "cannot create", errno);
  return file;
}

Result<uint64_t> file_size(const FileHandle& file, const std::string& path) {
  struct stat info;
  if (::fstat(file.descriptor(), &info) != 0) return system_error(path, "cannot stat", errno);
  return static_cast<uint64_t>(info.st_size);
}

Result<void> read_at(const FileHandle& file, const std::string& path, uint64_t offset,
                     std::span<std::byte> into) {
  size_t done = 0;
  while (done < into.size()) {
    const ssize_t got =
        ::pread(file.descriptor(), into.data() + done,
                std::min(into.size() - done, kLargestTransfer), static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(path, "cannot read", errno);
    if (got == 0) {
      return fail(ErrorCode::kFileChanged,
                  path + ": ended at byte " + std::to_string(offset + done) + " while reading to " +
                      std::to_string(offset + into.size()));
    }
    done += static_cast<size_t>(got);
  }
  return {};
}

Result<void> write_all(const FileHandle& file, const std::string& path,
                       std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put =
        ::write(file.descriptor(), bytes.data(), std::min(bytes.size(), kLargestTransfer));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return system_error(path, "cannot write", errno);
    bytes = bytes.subspan(static_cast<size_t>(put));
  }
  return {};
}

Result<void> sync(const FileHandle& file, const std::string& path) {
  if (::fsync(file.descriptor()) != 0) return system_error(path, "cannot write to disk", errno);
  return {};
}

Result<void> rename_file(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return system_error(to, "cannot rename to", errno);
  return {};
}

void remove_file(const std::string& path) { ::unlink(path.c_str()); }

Result<MemoryMapping> map_for_reading(const FileHandle& file, const std::string& path,
                                      uint64_t size) {
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.descriptor(), 0);
  if (data == MAP_FAILED) return system_error(path, "cannot map into memory", errno);
  return MemoryMapping(static_cast<std::byte*>(data), size);
}

Result<MemoryMapping> map_memory(uint64_t size) {
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    return fail(ErrorCode::kOutOfMemory, "no memory for " + std::to_string(size) + " bytes");
  }
  return MemoryMapping(static_cast<std::byte*>(data), size);
}

void will_need(std::span<const std::byte> mapped) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(mapped.data()) / page * page;
  const auto end = reinterpret_cast<uintptr_t>(mapped.data() + mapped.size());
  if (end > begin) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_WILLNEED);
}

void will_not_need(std::span<const std::byte> mapped) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(mapped.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<uintptr_t>(mapped.data() + mapped.size()) / page * page;
  if (end > begin) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

uint64_t process_id() { return static_cast<uint64_t>(::getpid()); }

}  // namespace weft::platform
