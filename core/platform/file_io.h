// The operating system's calls on files and mappings, with its error numbers turned into typed
// errors that name the path. Knows nothing of what a file holds. Nothing here keeps state
// between calls except the handles it returns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/error.h"

namespace weft::platform {

// An open file; closes itself. Owned by one thread at a time.
class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int descriptor) : descriptor_(descriptor) {}
  FileHandle(FileHandle&& other) noexcept;
  FileHandle& operator=(FileHandle&& other) noexcept;
  ~FileHandle();

  int descriptor() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }
  void close();

 private:
  int descriptor_ = -1;
};

// A range of memory from the system, page-aligned; gives itself back. Immutable as an object:
// threads may share it.
class MemoryMapping {
 public:
  MemoryMapping() = default;
  MemoryMapping(std::byte* data, size_t size) : data_(data), size_(size) {}
  MemoryMapping(MemoryMapping&& other) noexcept;
  MemoryMapping& operator=(MemoryMapping&& other) noexcept;
  ~MemoryMapping();

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Opens a regular file for reading. Fails with kNotFound, kPermissionDenied, kNotAFile (a folder,
// a device, a pipe: never waits for one) or kIoError.
Result<FileHandle> open_for_reading(const std::string& path);

// Creates a file that must not exist yet, for writing. Messages call it `shown_as`: a temporary
// file goes by the name it will get. Fails with kNotFound (no such folder), kPermissionDenied,
// kNoSpace or kIoError.
Result<FileHandle> create_for_writing(const std::string& path, const std::string& shown_as);

Result<uint64_t> file_size(const FileHandle& file, const std::string& path);

// Fills `into` from the file's position `offset`. A file that ends before is kFileChanged: the
// caller asked for no more than the size it saw.
Result<void> read_at(const FileHandle& file, const std::string& path, uint64_t offset,
                     std::span<std::byte> into);

// Writes all of `bytes` at the end of what was written. kNoSpace where the disk, the quota or the
// largest size of a file is reached.
Result<void> write_all(const FileHandle& file, const std::string& path,
                       std::span<const std::byte> bytes);

// Returns when what was written is on the disk.
Result<void> sync(const FileHandle& file, const std::string& path);

// Gives `from` the name `to`, replacing what had it, in one step.
Result<void> rename_file(const std::string& from, const std::string& to);

// Removes a file; a file that is not there is no matter.
void remove_file(const std::string& path);

// The file's bytes as read-only memory. `size` > 0.
Result<MemoryMapping> map_for_reading(const FileHandle& file, const std::string& path,
                                      uint64_t size);

// Fresh zeroed memory. `size` > 0. Fails with kOutOfMemory.
Result<MemoryMapping> map_memory(uint64_t size);

// Lets the system read a mapped range ahead. Only a hint.
void will_need(std::span<const std::byte> mapped);

// The pages that lie within a mapped file's range may leave memory; they come back when they are
// read. Only for memory from map_for_reading(): any other would lose its contents.
void will_not_need(std::span<const std::byte> mapped);

// A number that tells this process from others, for names of temporary files.
uint64_t process_id();

}  // namespace weft::platform
