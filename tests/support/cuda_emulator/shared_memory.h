// One block's shared memory, and what each thread did to it since the last barrier.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weft::test {

// A thread at a moment of its block: accesses of two threads are ordered if a barrier of the block
// lies between them or, in one warp, a barrier of the warp.
struct Moment {
  int thread = 0;
  uint32_t barriers = 0;       // of the block
  uint32_t warp_barriers = 0;  // of the thread's warp

  int warp() const { return thread / 32; }
};

class SharedMemory {
 public:
  // For a new block: nothing is written.
  void reset(std::size_t size_bytes);
  std::byte* data() { return bytes_; }
  const std::byte* data() const { return bytes_; }

  // What is wrong with this access; "" if nothing is.
  std::string read(const void* p, std::size_t size_bytes, const Moment& now);
  std::string write(const void* p, std::size_t size_bytes, const Moment& now);
  // Atomic: threads may do so at once, but none may read or write it otherwise.
  std::string add(const void* p, std::size_t size_bytes, const Moment& now);
  // A copy of 16 bytes is on its way to p: until finish_copy() nobody may touch it.
  std::string start_copy(const void* p, const Moment& now);
  void finish_copy(const void* p, const Moment& now);
  // The same in bulk, which barriers of other kinds order (async_memory.h): only accesses of
  // threads must be over.
  std::string start_bulk_copy(const void* p, const Moment& now);
  void finish_bulk_copy(const void* p, const Moment& now);
  // By a product, beside the threads: what it may read is known by other means than barriers.
  std::string read_asynchronously(std::size_t offset, std::size_t size_bytes) const;

 private:
  // Of two bytes, the smallest element.
  struct Granule {
    bool written = false;
    bool copying = false;
    bool bulk = false;              // a bulk copy wrote it last
    bool added = false;             // the latest writes, since `writer.barriers`, are additions
    bool added_by_several = false;  // threads
    Moment writer;
    bool read = false;           // since `reader.barriers`
    bool read_by_warps = false;  // by several warps since then
    bool read_by_lanes = false;  // by several threads of the reader's warp since its barrier
    Moment reader;
  };

  // Whether additions that other threads may still be making are among the writes.
  static bool being_added_to(const Granule& granule, const Moment& now);
  std::string check_readers(std::size_t index, const Moment& now, const std::string& verb) const;
  std::string check_write(std::size_t index, const Moment& now) const;
  void note_write(Granule& granule, const Moment& now) const;
  std::size_t first(const void* p) const;

  std::vector<std::byte> storage_;
  std::byte* bytes_ = nullptr;  // in storage_, aligned
  std::vector<Granule> granules_;
};

}  // namespace weft::test
