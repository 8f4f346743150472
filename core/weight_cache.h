// WeightCache: a file of weights in a backend's own layout, kept beside a model so that the next
// load need not make them again. Knows names and bytes; not what a weight or a layout is.
//
// It holds for one key: all that the bytes depend on (which model file, which layout). A file that
// has another key, was cut or damaged is put aside with one note and written anew; where it cannot
// be written, a note says so and nothing else happens. It is written under another name first, so
// that several processes may make it at once and nobody sees half of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "core/thread_pool.h"

namespace weft {

// Owned by one thread.
class WeightCache {
 public:
  // One line, without an end of line, naming the file.
  using Note = std::function<void(const std::string&)>;

  // Opens the file, whether it is there or not. note: may be empty.
  WeightCache(std::string path, std::string key, Note note);

  // Reads all bytes of the file, sharing them out, and compares their checksums: before the first
  // find(). Where it is not good, or not there, this cache is empty and add() begins a new one.
  void check(ThreadPool& pool);

  // Whether find() may find anything.
  bool is_filled() const { return file_ != nullptr; }
  // The bytes kept under this name, of this size, aligned to 64; they live as long as holder().
  // Nothing if there are none.
  std::optional<std::span<const std::byte>> find(std::string_view name, std::size_t size_bytes);
  std::shared_ptr<const void> holder() const { return file_; }

  // Keeps bytes for the next time, unless the cache is filled. Names differ.
  void add(std::string_view name, std::span<const std::byte> bytes);

  // Gives what was added its final name. Call once, when all is added; without it nothing is kept.
  void finish();

 private:
  struct Section {
    uint64_t offset = 0;
    uint64_t size = 0;
    uint64_t checksum = 0;  // of the pieces' checksums
  };

  Result<void> read_directory(const MappedFile& file);
  std::string damaged_section(const MappedFile& file, ThreadPool& pool) const;
  Result<void> write(std::span<const std::byte> bytes);
  Result<void> write_directory();
  void give_up(const Error& error);
  void tell(const std::string& line) const;

  std::string path_;
  std::string key_;
  Note note_;
  std::map<std::string, Section, std::less<>> sections_;
  std::shared_ptr<const MappedFile> file_;  // what is found; null: nothing
  std::optional<AtomicFile> writer_;        // what is added
  bool gave_up_ = false;
};

}  // namespace weft
