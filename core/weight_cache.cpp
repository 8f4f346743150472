#include "core/weight_cache.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include <xxhash.h>

namespace weft {
namespace {

// A header, sections at multiples of 64 bytes, and at the end the directory and a trailer:
//   header     kMagic, zeros to 64 bytes
//   directory  the key; the number of sections; of each its name, offset, size, checksum
//   trailer    the directory's offset; the file's size; their and the directory's checksum
// Texts are preceded by their length; every number is a little-endian uint64.
static_assert(std::endian::native == std::endian::little);
constexpr std::string_view kMagic = "weftpk01";
constexpr uint64_t kAlignment = 64;
constexpr uint64_t kTrailerBytes = 24;
// Checksums are made of pieces, so that threads can share a section.
constexpr uint64_t kPieceBytes = uint64_t{1} << 20;

uint64_t pieces_of(uint64_t size) { return (size + kPieceBytes - 1) / kPieceBytes; }

uint64_t hash_of(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

uint64_t hash_of_piece(std::span<const std::byte> section, uint64_t piece) {
  const uint64_t begin = piece * kPieceBytes;
  return hash_of(section.subspan(begin, std::min(kPieceBytes, section.size() - begin)));
}

uint64_t hash_of_section(std::span<const std::byte> section) {
  std::vector<uint64_t> hashes(pieces_of(section.size()));
  for (uint64_t i = 0; i < hashes.size(); ++i) hashes[i] = hash_of_piece(section, i);
  return hash_of(std::as_bytes(std::span(hashes)));
}

// Of the directory and of what the trailer says.
uint64_t hash_of_directory(std::span<const std::byte> directory, uint64_t offset, uint64_t size) {
  const std::array<uint64_t, 3> parts = {hash_of(directory), offset, size};
  return hash_of(std::as_bytes(std::span(parts)));
}

void put(std::vector<std::byte>& out, uint64_t value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void put(std::vector<std::byte>& out, std::string_view text) {
  put(out, text.size());
  const auto bytes = std::as_bytes(std::span(text));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

tl::unexpected<Error> bad(const std::string& what) {
  return fail(ErrorCode::kInvalidArgument, what);
}

// Takes numbers and texts from bytes that may be anything.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  Result<uint64_t> number() {
    if (bytes_.size() < sizeof(uint64_t)) return bad("cut off");
    uint64_t value = 0;
    std::memcpy(&value, bytes_.data(), sizeof(value));
    bytes_ = bytes_.subspan(sizeof(value));
    return value;
  }
  Result<std::string_view> text() {
    WEFT_TRY_ASSIGN(const uint64_t size, number());
    if (size > bytes_.size()) return bad("cut off");
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()), size);
    bytes_ = bytes_.subspan(size);
    return text;
  }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace

WeightCache::WeightCache(std::string path, std::string key, Note note)
    : path_(std::move(path)), key_(std::move(key)), note_(std::move(note)) {}

void WeightCache::tell(const std::string& line) const {
  if (note_) note_(path_ + ": " + line);
}

void WeightCache::check(ThreadPool& pool) {
  auto opened = MappedFile::open(path_);
  if (!opened) {
    if (opened.error().code != ErrorCode::kNotFound && note_) note_(opened.error().message);
    return;
  }
  std::string wrong;
  if (const auto read = read_directory(**opened); !read) {
    wrong = read.error().message;
  } else {
    wrong = damaged_section(**opened, pool);
  }
  if (!wrong.empty()) {
    sections_.clear();
    return tell("packed weights are made anew: " + wrong);
  }
  file_ = std::move(*opened);
}

Result<void> WeightCache::read_directory(const MappedFile& file) {
  const std::span<const std::byte> all = file.bytes();
  if (all.size() < kAlignment + kTrailerBytes) return bad("the file is cut off");
  if (std::memcmp(all.data(), kMagic.data(), kMagic.size()) != 0) {
    return bad("the file is of another version, or none of these");
  }
  std::array<uint64_t, 3> trailer;
  std::memcpy(trailer.data(), all.data() + all.size() - kTrailerBytes, kTrailerBytes);
  const auto [begin, size, checksum] = trailer;
  const uint64_t end = all.size() - kTrailerBytes;
  if (size != all.size() || begin < kAlignment || begin > end) return bad("the file is cut off");
  const std::span<const std::byte> directory = all.subspan(begin, end - begin);
  if (hash_of_directory(directory, begin, size) != checksum) return bad("the file is damaged");

  Cursor cursor(directory);
  WEFT_TRY_ASSIGN(const std::string_view key, cursor.text());
  if (key != key_) {
    return bad("they are of \"" + std::string(key) + "\", wanted are those of \"" + key_ + "\"");
  }
  WEFT_TRY_ASSIGN(const uint64_t count, cursor.number());
  for (uint64_t i = 0; i < count; ++i) {
    WEFT_TRY_ASSIGN(const std::string_view name, cursor.text());
    Section section;
    WEFT_TRY_ASSIGN(section.offset, cursor.number());
    WEFT_TRY_ASSIGN(section.size, cursor.number());
    WEFT_TRY_ASSIGN(section.checksum, cursor.number());
    if (section.offset % kAlignment != 0 || section.offset > begin ||
        section.size > begin - section.offset) {
      return bad(std::string(name) + " lies outside of the file");
    }
    sections_.insert_or_assign(std::string(name), section);
  }
  return {};
}

// The name of the first section that is not what was written; "" if all are.
std::string WeightCache::damaged_section(const MappedFile& file, ThreadPool& pool) const {
  std::vector<uint64_t> hashes;
  for (const auto& [name, section] : sections_) {
    const auto bytes = file.bytes().subspan(section.offset, section.size);
    hashes.assign(pieces_of(section.size), 0);
    pool.parallel_for(std::ssize(hashes), 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        hashes[static_cast<std::size_t>(i)] = hash_of_piece(bytes, static_cast<uint64_t>(i));
      }
    });
    if (hash_of(std::as_bytes(std::span(hashes))) != section.checksum) return name + " is damaged";
  }
  return "";
}

std::optional<std::span<const std::byte>> WeightCache::find(std::string_view name,
                                                            std::size_t size_bytes) {
  if (file_ == nullptr) return std::nullopt;
  const auto found = sections_.find(name);
  if (found == sections_.end() || found->second.size != size_bytes) return std::nullopt;
  return file_->bytes().subspan(found->second.offset, size_bytes);
}

void WeightCache::give_up(const Error& error) {
  writer_.reset();
  sections_.clear();
  gave_up_ = true;
  if (note_) note_(error.message + "; packed weights are not kept");
}

Result<void> WeightCache::write(std::span<const std::byte> bytes) {
  if (!writer_) {
    WEFT_TRY_ASSIGN(writer_, AtomicFile::create(path_));
    std::array<std::byte, kAlignment> header = {};
    std::memcpy(header.data(), kMagic.data(), kMagic.size());
    WEFT_TRY(writer_->write(header));
  }
  WEFT_TRY(writer_->write(bytes));
  const std::array<std::byte, kAlignment> zeros = {};
  return writer_->write(std::span(zeros).first((-writer_->size()) % kAlignment));
}

void WeightCache::add(std::string_view name, std::span<const std::byte> bytes) {
  if (file_ != nullptr || gave_up_) return;
  Section section{.size = bytes.size(), .checksum = hash_of_section(bytes)};
  section.offset = writer_ ? writer_->size() : kAlignment;
  sections_.insert_or_assign(std::string(name), section);
  if (const auto written = write(bytes); !written) give_up(written.error());
}

Result<void> WeightCache::write_directory() {
  std::vector<std::byte> directory;
  put(directory, key_);
  put(directory, sections_.size());
  for (const auto& [name, section] : sections_) {
    put(directory, name);
    put(directory, section.offset);
    put(directory, section.size);
    put(directory, section.checksum);
  }
  const uint64_t begin = writer_->size();
  const uint64_t size = begin + directory.size() + kTrailerBytes;
  std::vector<std::byte> trailer;
  put(trailer, begin);
  put(trailer, size);
  put(trailer, hash_of_directory(directory, begin, size));
  WEFT_TRY(writer_->write(directory));
  WEFT_TRY(writer_->write(trailer));
  return writer_->commit();
}

void WeightCache::finish() {
  if (!writer_) return;
  if (const auto written = write_directory(); !written) return give_up(written.error());
  writer_.reset();
}

}  // namespace weft
