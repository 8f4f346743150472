// AtomicFile: written under a temporary name beside the final one and renamed when it is whole, so
// that nobody ever sees half a file. Owned by one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "core/error.h"

namespace weft::platform {

class AtomicFile {
 public:
  // Fails with kNotFound (no such folder), kNotAFile (`path` is a folder), kPermissionDenied or
  // kIoError, naming the path.
  static Result<std::unique_ptr<AtomicFile>> create(const std::string& path);
  // Removes what was not committed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Appends; buffered. Fails with kNoSpace or kIoError; the file is then of no more use.
  Result<void> write(std::span<const std::byte> bytes);
  uint64_t size_bytes() const { return size_bytes_; }  // written so far

  // Flushes to the disk and gives the file its final name, replacing what had it.
  Result<void> commit();

 private:
  AtomicFile(std::string path, std::string temporary, int fd);
  Result<void> flush();
  Result<void> write_through(std::span<const std::byte> bytes);
  tl::unexpected<Error> failed(const char* what, int error) const;

  std::string path_, temporary_;
  int fd_;
  std::unique_ptr<std::byte[]> buffer_;
  size_t buffered_ = 0;
  uint64_t size_bytes_ = 0;
};

}  // namespace weft::platform
