// Writes a GGUF file (version 3) in one pass: keys, then the list of tensors, then their data in
// pieces of any size. Memory is that of the header; nobody sees the file before it is whole.
//
//   WEFT_TRY_ASSIGN(Writer writer, Writer::create(path));
//   WEFT_TRY(writer.add_string("general.architecture", "llama"));
//   WEFT_TRY(writer.add_tensor("token_embd.weight", DType::kF16, {64, 512, 1, 1}));
//   for (...) WEFT_TRY(writer.append(piece));
//   WEFT_TRY(writer.finish());
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/atomic_file.h"
#include "core/dtype.h"
#include "core/error.h"
#include "gguf/format.h"
#include "gguf/metadata.h"

namespace weft::gguf {

struct WriterOptions {
  // Bytes between the starts of tensors are a multiple of this; a power of two, 8 or more. The
  // key general.alignment is written where it is not 32.
  uint32_t alignment = kDefaultAlignment;
};

// Owned by one thread at a time. Destroyed before finish() has succeeded, it leaves nothing.
class Writer {
 public:
  // Fails as AtomicFile::create does, or with kGgufBadAlignment.
  static Result<Writer> create(const std::string& path, const WriterOptions& options = {});

  // Keys. All fail with kGgufBadKey or kGgufDuplicateKey. `T`: bool, a fixed-size integer, float
  // or double.
  template <class T>
  Result<void> add_number(std::string_view key, T value) {
    static_assert(kValueTypeOf<T> != ValueType::kArray, "not a type that the format has");
    WEFT_TRY(begin_key(key, kValueTypeOf<T>));
    put(value);
    return {};
  }
  Result<void> add_string(std::string_view key, std::string_view value);
  template <class T>
  Result<void> add_array(std::string_view key, std::span<const T> values) {
    static_assert(kValueTypeOf<T> != ValueType::kArray, "not a type that the format has");
    WEFT_TRY(begin_array(key, kValueTypeOf<T>, values.size()));
    for (const T value : values) put(value);
    return {};
  }
  Result<void> add_strings(std::string_view key, std::span<const std::string> values);
  // A value of another file, as it is there.
  Result<void> add_value(std::string_view key, const Value& value);

  // Declares the next tensor, extents in GGUF order. Fails with kGgufBadTensorName,
  // kGgufDuplicateTensor, kGgufBadDimensions or kGgufRowNotBlocks.
  Result<void> add_tensor(std::string_view name, DType type, const std::array<int64_t, 4>& shape);

  // The next bytes of data: of the tensors one after another as they were declared, the padding
  // between them left out. A piece may span tensors. More bytes than were declared are a bug.
  // After the first call nothing more may be declared. Fails with kNoSpace or kIoError.
  Result<void> append(std::span<const std::byte> data);

  // All data must have been given. The file gets its name.
  Result<void> finish();

 private:
  Writer(AtomicFile file, uint32_t alignment) : file_(std::move(file)), alignment_(alignment) {}

  Result<void> begin_key(std::string_view key, ValueType type);
  Result<void> begin_array(std::string_view key, ValueType element_type, uint64_t count);
  template <class T>
  void put(T value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    keys_.insert(keys_.end(), bytes.begin(), bytes.end());
  }
  void put_string(std::vector<std::byte>& into, std::string_view text);
  Result<void> write_header();
  Result<void> pad(uint64_t position);
  Result<void> end_whole_tensors();

  AtomicFile file_;
  uint32_t alignment_;
  std::vector<std::byte> keys_;   // as they will lie in the file
  std::vector<std::byte> infos_;  // likewise
  std::set<std::string, std::less<>> key_names_;
  std::set<std::string, std::less<>> tensor_names_;
  std::vector<uint64_t> tensor_bytes_;
  uint64_t next_offset_ = 0;  // of the next tensor to be declared
  bool header_written_ = false;
  size_t current_ = 0;          // the tensor that is being written
  uint64_t current_bytes_ = 0;  // of it so far
};

}  // namespace weft::gguf
