// A file's bytes as memory, for reading: mapped, or read into memory of our own, at once or part by
// part. Knows nothing of what the file holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/error.h"
#include "core/platform/file_io.h"

namespace weft {

// Bytes read so far, and in all. Called by the thread that opens, or fetches, between reads.
using ReadProgress = std::function<void(uint64_t done, uint64_t total)>;

// How a file's bytes come to be memory.
struct MapOptions {
  // Off: the bytes are read into memory of this process. Takes that memory and the time, but a
  // file that is overwritten or cut later can do no harm; with a mapping, touching what was cut
  // off ends the process (SIGBUS).
  bool use_mmap = true;
  // With use_mmap off: nothing is read but what is fetched, and what is released takes no memory.
  bool on_demand = false;
  ReadProgress on_read;  // only where bytes are read into memory; may be empty
};

// Immutable: any number of threads may read.
class MappedFile {
 public:
  // Fails with kNotFound, kPermissionDenied, kNotAFile, kOutOfMemory, kIoError, or kFileChanged
  // where the size changes during the call. An empty file opens, with no bytes.
  static Result<std::shared_ptr<const MappedFile>> open(const std::string& path,
                                                        const MapOptions& options = {});

  // Page-aligned; valid as long as this object. On demand: zeros where nothing was fetched.
  std::span<const std::byte> bytes() const { return {memory_.data(), memory_.size()}; }
  // As open() was given it.
  const std::string& path() const { return path_; }
  // False where the bytes are a copy in memory of our own.
  bool is_mapped() const { return is_mapped_; }

  // On demand: reads this part of bytes() from the file, again if it was read before. Else nothing
  // happens. Fails with kIoError, or kFileChanged where the file ends before it. One thread at a
  // time, while no other reads that part.
  Result<void> fetch(std::span<const std::byte> part) const;

  // Says that this part of bytes() will hardly be read again, so that it need not stay in memory.
  // Mapped, it remains readable; on demand it is gone until it is fetched again; nothing happens to
  // a whole copy.
  void release(std::span<const std::byte> part) const;

  // kFileChanged if the file has another size than when it was opened. For after a parse: what
  // was read until now was there.
  Result<void> check_unchanged() const;

 private:
  MappedFile() = default;

  std::string path_;
  platform::FileHandle file_;
  platform::MemoryMapping memory_;
  bool is_mapped_ = false;
  bool on_demand_ = false;
  ReadProgress on_read_;
  mutable uint64_t read_ = 0;  // bytes, for on_read_
};

}  // namespace weft
