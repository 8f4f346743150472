#include "tests/support/cuda_emulator/shared_memory.h"

#include <algorithm>
#include <memory>

namespace weft::test {
namespace {

constexpr std::size_t kGranule = 2;
constexpr std::size_t kCopyBytes = 16;

// Whether what `before` did is certain to be over.
bool ordered(const Moment& before, const Moment& now) {
  if (before.thread == now.thread || before.barriers != now.barriers) return true;
  return before.warp() == now.warp() && before.warp_barriers != now.warp_barriers;
}

std::string at(std::size_t granule) {
  return "shared memory at byte " + std::to_string(granule * kGranule);
}

}  // namespace

void SharedMemory::reset(std::size_t size_bytes) {
  constexpr std::size_t kAlignment = 1024;  // of swizzled operands
  storage_.assign(size_bytes + kAlignment, std::byte{0xff});
  void* p = storage_.data();
  std::size_t space = storage_.size();
  bytes_ = static_cast<std::byte*>(std::align(kAlignment, size_bytes, p, space));
  granules_.assign((size_bytes + kGranule - 1) / kGranule, {});
}

std::size_t SharedMemory::first(const void* p) const {
  return static_cast<std::size_t>(static_cast<const std::byte*>(p) - bytes_) / kGranule;
}

std::string SharedMemory::read(const void* p, std::size_t size_bytes, const Moment& now) {
  for (std::size_t i = first(p); i < first(p) + size_bytes / kGranule; ++i) {
    Granule& g = granules_.at(i);
    if (g.copying) return "reads " + at(i) + " while a copy to it is on its way";
    if (!g.written) return "reads " + at(i) + ", which nobody wrote";
    if (!ordered(g.writer, now) || being_added_to(g, now)) {
      return "reads " + at(i) + ", written by thread " + std::to_string(g.writer.thread) +
             " without a barrier between them";
    }
    if (!g.read || g.reader.barriers != now.barriers) {
      g.read = true;
      g.read_by_warps = g.read_by_lanes = false;
    } else if (g.reader.warp() != now.warp()) {
      g.read_by_warps = true;
    } else if (g.reader.warp_barriers != now.warp_barriers) {
      g.read_by_lanes = false;
    } else if (g.reader.thread != now.thread) {
      g.read_by_lanes = true;
    }
    g.reader = now;
  }
  return "";
}

bool SharedMemory::being_added_to(const Granule& g, const Moment& now) {
  return g.added_by_several && g.writer.barriers == now.barriers;
}

std::string SharedMemory::check_readers(std::size_t i, const Moment& now,
                                        const std::string& verb) const {
  const Granule& g = granules_.at(i);
  if (!g.read || g.reader.barriers != now.barriers) return "";
  const bool others = g.read_by_warps || (g.read_by_lanes && g.reader.warp() == now.warp() &&
                                          g.reader.warp_barriers == now.warp_barriers);
  if (others || !ordered(g.reader, now)) {
    return verb + at(i) + ", read by " +
           (others ? std::string("other threads") : "thread " + std::to_string(g.reader.thread)) +
           " without a barrier between them";
  }
  return "";
}

std::string SharedMemory::check_write(std::size_t i, const Moment& now) const {
  const Granule& g = granules_.at(i);
  if (g.copying) return "writes " + at(i) + " while a copy to it is on its way";
  if (g.written && (!ordered(g.writer, now) || being_added_to(g, now))) {
    return "writes " + at(i) + ", written by thread " + std::to_string(g.writer.thread) +
           " without a barrier between them";
  }
  return check_readers(i, now, "writes ");
}

void SharedMemory::note_write(Granule& g, const Moment& now) const {
  g.written = true;
  g.bulk = false;
  g.added = g.added_by_several = false;
  g.writer = now;
  g.read = false;
}

std::string SharedMemory::write(const void* p, std::size_t size_bytes, const Moment& now) {
  for (std::size_t i = first(p); i < first(p) + size_bytes / kGranule; ++i) {
    if (std::string wrong = check_write(i, now); !wrong.empty()) return wrong;
    note_write(granules_[i], now);
  }
  return "";
}

std::string SharedMemory::add(const void* p, std::size_t size_bytes, const Moment& now) {
  for (std::size_t i = first(p); i < first(p) + size_bytes / kGranule; ++i) {
    Granule& g = granules_.at(i);
    if (g.copying) return "adds to " + at(i) + " while a copy to it is on its way";
    if (!g.written) return "adds to " + at(i) + ", which nobody wrote";
    const bool added = g.added && g.writer.barriers == now.barriers;
    if (!added && !ordered(g.writer, now)) {
      return "adds to " + at(i) + ", written by thread " + std::to_string(g.writer.thread) +
             " without a barrier between them";
    }
    if (std::string wrong = check_readers(i, now, "adds to "); !wrong.empty()) return wrong;
    const bool several = added && (g.added_by_several || g.writer.thread != now.thread);
    note_write(g, now);
    g.added = true;
    g.added_by_several = several;
  }
  return "";
}

std::string SharedMemory::start_copy(const void* p, const Moment& now) {
  if (std::string wrong = write(p, kCopyBytes, now); !wrong.empty()) return "copies: " + wrong;
  for (std::size_t i = first(p); i < first(p) + kCopyBytes / kGranule; ++i) {
    granules_[i].copying = true;
  }
  return "";
}

std::string SharedMemory::start_bulk_copy(const void* p, const Moment& now) {
  for (std::size_t i = first(p); i < first(p) + kCopyBytes / kGranule; ++i) {
    Granule& g = granules_.at(i);
    if (g.copying) return "copies in bulk: writes " + at(i) + " while a copy to it is on its way";
    if (!g.bulk) {
      if (std::string wrong = check_write(i, now); !wrong.empty())
        return "copies in bulk: " + wrong;
    }
    g.copying = true;
  }
  return "";
}

void SharedMemory::finish_bulk_copy(const void* p, const Moment& now) {
  finish_copy(p, now);
  for (std::size_t i = first(p); i < first(p) + kCopyBytes / kGranule; ++i) {
    granules_[i].bulk = true;
  }
}

std::string SharedMemory::read_asynchronously(std::size_t offset, std::size_t size_bytes) const {
  for (std::size_t i = offset / kGranule; i < (offset + size_bytes) / kGranule; ++i) {
    if (i >= granules_.size()) return "multiplies by " + at(i) + ", beyond its end";
    if (granules_[i].copying) return "multiplies by " + at(i) + " while a copy is on its way";
    if (!granules_[i].written) return "multiplies by " + at(i) + ", which nobody wrote";
  }
  return "";
}

void SharedMemory::finish_copy(const void* p, const Moment& now) {
  for (std::size_t i = first(p); i < first(p) + kCopyBytes / kGranule; ++i) {
    granules_.at(i).copying = false;
    note_write(granules_[i], now);
  }
}

}  // namespace weft::test
