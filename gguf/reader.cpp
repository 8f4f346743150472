#include "gguf/reader.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "gguf/byte_cursor.h"
#include "gguf/format.h"
#include "gguf/names.h"
#include "gguf/printable.h"
#include "gguf/tensor_info.h"

namespace weft::gguf {
namespace {

// An empty key's length (it is refused by name when its turn comes), a type, a value of one byte.
constexpr uint64_t kSmallestEntry = 8 + 4 + 1;

Result<uint32_t> read_version(ByteCursor& cursor) {
  if (cursor.remaining() == 0) {
    return fail(ErrorCode::kGgufBadMagic, "the file is empty, expected a GGUF file");
  }
  WEFT_TRY_ASSIGN(const uint32_t magic, cursor.read<uint32_t>("the magic number"));
  if (magic != kMagic) {
    const std::string_view found(reinterpret_cast<const char*>(&magic), sizeof(magic));
    return fail(ErrorCode::kGgufBadMagic,
                "no GGUF file: begins with \"" + printable(found) + "\", expected \"GGUF\"");
  }
  WEFT_TRY_ASSIGN(const uint32_t version, cursor.read<uint32_t>("the version"));
  if ((version & 0xffff) == 0 && version != 0) {
    return fail(ErrorCode::kGgufVersion,
                "a big-endian GGUF file: only little-endian ones are supported");
  }
  if (version < kOldestVersion || version > kNewestVersion) {
    return fail(ErrorCode::kGgufVersion,
                "GGUF version " + std::to_string(version) + ", supported are 2 and 3");
  }
  return version;
}

Result<std::string_view> read_key(ByteCursor& cursor, uint64_t index) {
  const std::string what = "key " + std::to_string(index);
  WEFT_TRY_ASSIGN(const std::string_view key, cursor.read_string(what));
  auto checked = check_key(key);
  if (!checked) return fail(checked.error().code, what + ": " + checked.error().message);
  return key;
}

Result<ValueType> read_value_type(ByteCursor& cursor, std::string_view key) {
  WEFT_TRY_ASSIGN(const uint32_t id, cursor.read<uint32_t>(key));
  if (id >= kValueTypeEnd) {
    return fail(ErrorCode::kGgufBadValueType, printable(key) + ": value type " +
                                                  std::to_string(id) + ", known are 0 to " +
                                                  std::to_string(kValueTypeEnd - 1));
  }
  return static_cast<ValueType>(id);
}

Result<void> check_bools(std::span<const std::byte> bytes, std::string_view key) {
  for (const std::byte b : bytes) {
    if (b > std::byte{1}) {
      return fail(ErrorCode::kGgufBadValue, printable(key) + ": a bool of " +
                                                std::to_string(std::to_integer<int>(b)) +
                                                ", expected 0 or 1");
    }
  }
  return {};
}

Result<std::span<const std::byte>> read_elements(ByteCursor& cursor, std::string_view key,
                                                 ValueType type, uint64_t count) {
  const uint64_t smallest = type == ValueType::kString ? 8 : value_type_size(type);
  if (count > cursor.remaining() / smallest) {
    return fail(ErrorCode::kGgufBadCount,
                printable(key) + ": an array of " + std::to_string(count) + " elements, but only " +
                    std::to_string(cursor.remaining()) + " bytes are left in the file");
  }
  if (type != ValueType::kString) return cursor.take(count * smallest, key);
  ByteCursor begin = cursor;
  for (uint64_t i = 0; i < count; ++i) WEFT_TRY(cursor.read_string(key));
  return begin.take(cursor.offset() - begin.offset(), key);
}

Result<Value> read_value(ByteCursor& cursor, std::string_view key) {
  Value value;
  WEFT_TRY_ASSIGN(value.type, read_value_type(cursor, key));
  if (value.type == ValueType::kString) {
    WEFT_TRY_ASSIGN(const std::string_view text, cursor.read_string(key));
    value.bytes = std::as_bytes(std::span(text));
  } else if (value.type == ValueType::kArray) {
    WEFT_TRY_ASSIGN(value.element_type, read_value_type(cursor, key));
    if (value.element_type == ValueType::kArray) {
      return fail(ErrorCode::kGgufBadValueType,
                  printable(key) + ": an array of arrays, which no known key has");
    }
    WEFT_TRY_ASSIGN(value.count, cursor.read<uint64_t>(key));
    WEFT_TRY_ASSIGN(value.bytes, read_elements(cursor, key, value.element_type, value.count));
  } else {
    const size_t size = value_type_size(value.type);
    if (cursor.remaining() < size) {
      return fail(ErrorCode::kGgufTruncated,
                  printable(key) + ": the file ends inside its value: it is cut short");
    }
    WEFT_TRY_ASSIGN(value.bytes, cursor.take(size, key));
  }
  const bool is_array = value.type == ValueType::kArray;
  if ((is_array ? value.element_type : value.type) == ValueType::kBool) {
    WEFT_TRY(check_bools(value.bytes, key));
  }
  return value;
}

Result<Metadata> read_metadata(ByteCursor& cursor, uint64_t count) {
  if (count > cursor.remaining() / kSmallestEntry) {
    return fail(ErrorCode::kGgufBadCount, "key count " + std::to_string(count) + ": only " +
                                              std::to_string(cursor.remaining()) +
                                              " bytes are left in the file");
  }
  std::vector<Entry> entries;  // grows as they come: a count alone takes no memory
  for (uint64_t i = 0; i < count; ++i) {
    WEFT_TRY_ASSIGN(const std::string_view key, read_key(cursor, i));
    WEFT_TRY_ASSIGN(const Value value, read_value(cursor, key));
    entries.push_back({key, value});
  }
  return Metadata::create(std::move(entries));
}

Result<uint32_t> read_alignment(const Metadata& metadata) {
  const Value* value = metadata.find(kAlignmentKey);
  if (value == nullptr) return kDefaultAlignment;
  const auto bad = [&] {
    return fail(ErrorCode::kGgufBadAlignment, std::string(kAlignmentKey) + ": " +
                                                  value->type_string() + " " + value->to_string() +
                                                  ", expected a uint32, a power of two from " +
                                                  std::to_string(kSmallestAlignment) + " to " +
                                                  std::to_string(kLargestAlignment));
  };
  if (value->type != ValueType::kUint32) return bad();
  WEFT_TRY_ASSIGN(const uint32_t alignment, metadata.get<uint32_t>(kAlignmentKey));
  if (!std::has_single_bit(alignment) || alignment < kSmallestAlignment ||
      alignment > kLargestAlignment) {
    return bad();
  }
  return alignment;
}

}  // namespace

Result<Contents> read(std::span<const std::byte> file) {
  ByteCursor cursor(file);
  Contents contents;
  WEFT_TRY_ASSIGN(contents.version, read_version(cursor));
  WEFT_TRY_ASSIGN(const uint64_t tensor_count, cursor.read<uint64_t>("the tensor count"));
  WEFT_TRY_ASSIGN(const uint64_t key_count, cursor.read<uint64_t>("the key count"));
  WEFT_TRY_ASSIGN(contents.metadata, read_metadata(cursor, key_count));
  WEFT_TRY_ASSIGN(contents.alignment, read_alignment(contents.metadata));
  WEFT_TRY_ASSIGN(std::vector<TensorInfo> infos, read_tensor_infos(cursor, tensor_count));

  const uint64_t padding =
      (contents.alignment - cursor.offset() % contents.alignment) % contents.alignment;
  // A file without tensors may end without its padding.
  if (padding > cursor.remaining() && !infos.empty()) {
    return fail(ErrorCode::kGgufTruncated, "the file ends at byte " + std::to_string(file.size()) +
                                               " before the data of its tensors: it is cut short");
  }
  contents.data_offset = cursor.offset() + std::min(padding, cursor.remaining());
  WEFT_TRY_ASSIGN(
      std::vector<HostTensor> tensors,
      place_tensors(std::move(infos), file.subspan(contents.data_offset), contents.alignment));
  WEFT_TRY_ASSIGN(contents.tensors, TensorList::create(std::move(tensors)));
  return contents;
}

}  // namespace weft::gguf
