// Writing a file so that nobody ever sees half of it: everything goes to a temporary name beside
// the final one, which takes the final name at commit().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/platform/file_io.h"

namespace weft {

// Owned by one thread at a time. Destroyed without commit(), it removes what it wrote.
class AtomicFile {
 public:
  // Creates "<path>.tmp-<process>-<n>"; where `path` is a link, beside what it leads to. Fails with
  // kNotFound (no such folder), kPermissionDenied, kNotAFile (`path` is a folder or a device),
  // kInvalidArgument (it is empty), kNoSpace or kIoError. Messages name the final file, never the
  // temporary one.
  static Result<AtomicFile> create(const std::string& path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  // Appends, through a buffer. kNoSpace where the disk is full.
  Result<void> write(std::span<const std::byte> bytes);

  // Bytes given to write() so far.
  uint64_t size() const { return size_; }

  // Waits until everything is on the disk, then renames. After an error the temporary is gone at
  // destruction and what had the final name before still has it.
  Result<void> commit();

 private:
  AtomicFile() = default;
  Result<void> flush();
  void discard();

  std::string path_;
  std::string temporary_path_;  // "" once renamed or moved from
  platform::FileHandle file_;
  std::vector<std::byte> buffer_;
  uint64_t size_ = 0;
};

}  // namespace weft
