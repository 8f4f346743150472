#include "gguf/writer.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "core/check.h"
#include "core/tensor.h"
#include "gguf/names.h"
#include "gguf/printable.h"

namespace weft::gguf {
namespace {

template <class T>
void put_number(std::vector<std::byte>& into, T value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  into.insert(into.end(), bytes.begin(), bytes.end());
}

// Trailing extents of 1 are not written.
uint32_t dimension_count(const std::array<int64_t, 4>& shape) {
  uint32_t count = kMostDimensions;
  while (count > 1 && shape[count - 1] == 1) --count;
  return count;
}

Result<uint64_t> tensor_size(std::string_view name, DType type,
                             const std::array<int64_t, 4>& shape) {
  const auto bad = [&](ErrorCode code, const std::string& why) {
    return fail(code, std::string(name) + ": shape " + shape_string(shape) + why);
  };
  int64_t elements = 1;
  for (const int64_t extent : shape) {
    if (extent < 1) return bad(ErrorCode::kGgufBadDimensions, ", expected extents of at least 1");
    if (extent > std::numeric_limits<int64_t>::max() / elements) {
      return bad(ErrorCode::kGgufBadDimensions, " has too many elements");
    }
    elements *= extent;
  }
  if (!row_bytes(type, shape[0])) {
    return bad(ErrorCode::kGgufRowNotBlocks,
               ": rows are no multiple of a block of " + std::string(dtype_name(type)));
  }
  const std::optional<int64_t> size = row_bytes(type, elements);
  if (!size) return bad(ErrorCode::kGgufBadDimensions, " has too many bytes");
  return static_cast<uint64_t>(*size);
}

}  // namespace

Result<Writer> Writer::create(const std::string& path, const WriterOptions& options) {
  if (!std::has_single_bit(options.alignment) || options.alignment < kSmallestAlignment ||
      options.alignment > kLargestAlignment) {
    return fail(ErrorCode::kGgufBadAlignment, "alignment " + std::to_string(options.alignment) +
                                                  ", expected a power of two, " +
                                                  std::to_string(kSmallestAlignment) + " to " +
                                                  std::to_string(kLargestAlignment));
  }
  WEFT_TRY_ASSIGN(AtomicFile file, AtomicFile::create(path));
  Writer writer(std::move(file), options.alignment);
  if (options.alignment != kDefaultAlignment) {
    WEFT_TRY(writer.add_number<uint32_t>(kAlignmentKey, options.alignment));
  }
  return writer;
}

void Writer::put_string(std::vector<std::byte>& into, std::string_view text) {
  put_number<uint64_t>(into, text.size());
  const auto bytes = std::as_bytes(std::span(text));
  into.insert(into.end(), bytes.begin(), bytes.end());
}

Result<void> Writer::begin_key(std::string_view key, ValueType type) {
  WEFT_CHECK(!header_written_, "GGUF writer: a key after the first data");
  WEFT_TRY(check_key(key));
  if (!key_names_.emplace(key).second) {
    return fail(ErrorCode::kGgufDuplicateKey, printable(key) + ": the key was written already");
  }
  put_string(keys_, key);
  put(static_cast<uint32_t>(type));
  return {};
}

Result<void> Writer::begin_array(std::string_view key, ValueType element_type, uint64_t count) {
  WEFT_TRY(begin_key(key, ValueType::kArray));
  put(static_cast<uint32_t>(element_type));
  put(count);
  return {};
}

Result<void> Writer::add_string(std::string_view key, std::string_view value) {
  WEFT_TRY(begin_key(key, ValueType::kString));
  put_string(keys_, value);
  return {};
}

Result<void> Writer::add_strings(std::string_view key, std::span<const std::string> values) {
  WEFT_TRY(begin_array(key, ValueType::kString, values.size()));
  for (const std::string& value : values) put_string(keys_, value);
  return {};
}

Result<void> Writer::add_value(std::string_view key, const Value& value) {
  if (value.type == ValueType::kArray) {
    WEFT_TRY(begin_array(key, value.element_type, value.count));
  } else {
    WEFT_TRY(begin_key(key, value.type));
    if (value.type == ValueType::kString) put<uint64_t>(value.bytes.size());
  }
  keys_.insert(keys_.end(), value.bytes.begin(), value.bytes.end());
  return {};
}

Result<void> Writer::add_tensor(std::string_view name, DType type,
                                const std::array<int64_t, 4>& shape) {
  WEFT_CHECK(!header_written_, "GGUF writer: a tensor after the first data");
  WEFT_TRY(check_tensor_name(name));
  WEFT_TRY_ASSIGN(const uint64_t size, tensor_size(name, type, shape));
  const uint64_t padded = (size + alignment_ - 1) / alignment_ * alignment_;
  if (padded > std::numeric_limits<uint64_t>::max() / 2 - next_offset_) {
    return fail(ErrorCode::kGgufBadDimensions, std::string(name) + ": the file would be too large");
  }
  if (!tensor_names_.emplace(name).second) {
    return fail(ErrorCode::kGgufDuplicateTensor,
                printable(name) + ": the tensor was declared already");
  }
  put_string(infos_, name);
  const uint32_t dimensions = dimension_count(shape);
  put_number(infos_, dimensions);
  for (uint32_t i = 0; i < dimensions; ++i) put_number(infos_, static_cast<uint64_t>(shape[i]));
  put_number(infos_, static_cast<uint32_t>(type));
  put_number(infos_, next_offset_);
  tensor_bytes_.push_back(size);
  next_offset_ += padded;
  return {};
}

Result<void> Writer::pad(uint64_t position) {
  constexpr std::array<std::byte, 4096> kZeros{};
  uint64_t missing = (alignment_ - position % alignment_) % alignment_;
  while (missing > 0) {
    const uint64_t size = std::min<uint64_t>(missing, kZeros.size());
    WEFT_TRY(file_.write(std::span(kZeros).first(size)));
    missing -= size;
  }
  return {};
}

Result<void> Writer::write_header() {
  header_written_ = true;
  std::vector<std::byte> start;
  put_number(start, kMagic);
  put_number(start, kNewestVersion);
  put_number<uint64_t>(start, tensor_bytes_.size());
  put_number<uint64_t>(start, key_names_.size());
  WEFT_TRY(file_.write(start));
  WEFT_TRY(file_.write(keys_));
  WEFT_TRY(file_.write(infos_));
  return pad(file_.size());
}

Result<void> Writer::end_whole_tensors() {
  while (current_ < tensor_bytes_.size() && current_bytes_ == tensor_bytes_[current_]) {
    WEFT_TRY(pad(current_bytes_));
    ++current_;
    current_bytes_ = 0;
  }
  return {};
}

Result<void> Writer::append(std::span<const std::byte> data) {
  if (!header_written_) WEFT_TRY(write_header());
  while (!data.empty()) {
    WEFT_CHECK(current_ < tensor_bytes_.size(), "GGUF writer: more data than declared");
    const uint64_t wanted = tensor_bytes_[current_] - current_bytes_;
    const auto piece = data.first(std::min<uint64_t>(wanted, data.size()));
    WEFT_TRY(file_.write(piece));
    current_bytes_ += piece.size();
    data = data.subspan(piece.size());
    WEFT_TRY(end_whole_tensors());
  }
  return {};
}

Result<void> Writer::finish() {
  if (!header_written_) WEFT_TRY(write_header());
  WEFT_CHECK(current_ == tensor_bytes_.size(),
             "GGUF writer: " + std::to_string(tensor_bytes_.size() - current_) +
                 " tensors without their data");
  return file_.commit();
}

}  // namespace weft::gguf
