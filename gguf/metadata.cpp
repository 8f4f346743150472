#include "gguf/metadata.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>
#include <type_traits>
#include <utility>

#include "gguf/byte_cursor.h"
#include "gguf/printable.h"

namespace weft::gguf {
namespace {

template <class T>
T load(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

bool is_integer(ValueType type) {
  switch (type) {
    case ValueType::kUint8:
    case ValueType::kInt8:
    case ValueType::kUint16:
    case ValueType::kInt16:
    case ValueType::kUint32:
    case ValueType::kInt32:
    case ValueType::kUint64:
    case ValueType::kInt64:
      return true;
    default:
      return false;
  }
}

// An integer of any of the file's types: its magnitude does not fit one C++ type.
struct Integer {
  bool negative = false;
  uint64_t bits = 0;  // two's complement
};

Integer load_integer(ValueType type, const std::byte* bytes) {
  const auto from_signed = [](int64_t v) { return Integer{v < 0, static_cast<uint64_t>(v)}; };
  switch (type) {
    case ValueType::kUint8:
      return {false, load<uint8_t>(bytes)};
    case ValueType::kInt8:
      return from_signed(load<int8_t>(bytes));
    case ValueType::kUint16:
      return {false, load<uint16_t>(bytes)};
    case ValueType::kInt16:
      return from_signed(load<int16_t>(bytes));
    case ValueType::kUint32:
      return {false, load<uint32_t>(bytes)};
    case ValueType::kInt32:
      return from_signed(load<int32_t>(bytes));
    case ValueType::kInt64:
      return from_signed(load<int64_t>(bytes));
    default:
      return {false, load<uint64_t>(bytes)};
  }
}

template <class T>
std::optional<T> narrow(Integer from) {
  if (from.negative) {
    const auto value = static_cast<int64_t>(from.bits);
    if (std::is_unsigned_v<T> || value < static_cast<int64_t>(std::numeric_limits<T>::min())) {
      return std::nullopt;
    }
    return static_cast<T>(value);
  }
  if (from.bits > static_cast<uint64_t>(std::numeric_limits<T>::max())) return std::nullopt;
  return static_cast<T>(from.bits);
}

template <class T>
std::string_view wanted_name() {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return "a string";
  } else if constexpr (std::is_same_v<T, bool>) {
    return "a bool";
  } else if constexpr (std::is_floating_point_v<T>) {
    return "a float";
  } else {
    return "an integer";
  }
}

std::string number_to_string(ValueType type, const std::byte* bytes) {
  char text[64];
  const auto write = [&](auto value) {
    return std::string(text, std::to_chars(text, text + sizeof(text), value).ptr);
  };
  switch (type) {
    case ValueType::kFloat32:
      return write(load<float>(bytes));
    case ValueType::kFloat64:
      return write(load<double>(bytes));
    case ValueType::kBool:
      return load<uint8_t>(bytes) != 0 ? "true" : "false";
    default:
      const Integer value = load_integer(type, bytes);
      return value.negative ? write(static_cast<int64_t>(value.bits)) : write(value.bits);
  }
}

std::string array_to_string(const Value& array, size_t limit) {
  std::string out = "[";
  ByteCursor cursor(array.bytes);
  const size_t step = value_type_size(array.element_type);
  for (uint64_t i = 0; i < array.count; ++i) {
    if (i > 0) out += ", ";
    if (out.size() >= limit) {
      return out + "... " + std::to_string(array.count) + " in all]";
    }
    if (array.element_type == ValueType::kString) {
      out += '"' + printable(cursor.read_string("element").value_or(""), 40) + '"';
    } else {
      out += number_to_string(array.element_type, array.bytes.data() + i * step);
    }
  }
  return out + "]";
}

tl::unexpected<Error> missing(std::string_view key, std::string_view wanted) {
  return fail(ErrorCode::kGgufMissingKey,
              printable(key) + ": missing, expected " + std::string(wanted));
}

tl::unexpected<Error> wrong_type(std::string_view key, const Value& found,
                                 std::string_view wanted) {
  return fail(ErrorCode::kGgufWrongKeyType, printable(key) + ": " + found.type_string() + " " +
                                                found.to_string(60) + ", expected " +
                                                std::string(wanted));
}

}  // namespace

std::string Value::to_string(size_t limit) const {
  if (type == ValueType::kString) {
    return '"' + printable({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, limit) +
           '"';
  }
  if (type == ValueType::kArray) return array_to_string(*this, limit);
  return number_to_string(type, bytes.data());
}

std::string Value::type_string() const {
  std::string name(value_type_name(type));
  if (type == ValueType::kArray) name += " of " + std::string(value_type_name(element_type));
  return name;
}

Result<Metadata> Metadata::create(std::vector<Entry> entries) {
  Metadata made;
  made.entries_ = std::move(entries);
  made.by_key_.resize(made.entries_.size());
  std::iota(made.by_key_.begin(), made.by_key_.end(), 0u);
  const auto key_of = [&](uint32_t i) { return made.entries_[i].key; };
  std::sort(made.by_key_.begin(), made.by_key_.end(),
            [&](uint32_t a, uint32_t b) { return key_of(a) < key_of(b); });
  const auto twice =
      std::adjacent_find(made.by_key_.begin(), made.by_key_.end(),
                         [&](uint32_t a, uint32_t b) { return key_of(a) == key_of(b); });
  if (twice != made.by_key_.end()) {
    return fail(ErrorCode::kGgufDuplicateKey,
                printable(key_of(*twice)) + ": the key is there twice");
  }
  return made;
}

const Value* Metadata::find(std::string_view key) const {
  const auto at = std::lower_bound(
      by_key_.begin(), by_key_.end(), key,
      [&](uint32_t i, std::string_view wanted) { return entries_[i].key < wanted; });
  if (at == by_key_.end() || entries_[*at].key != key) return nullptr;
  return &entries_[*at].value;
}

template <class T>
Result<T> Metadata::get(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return missing(key, wanted_name<T>());
  const std::byte* bytes = value->bytes.data();
  if constexpr (std::is_same_v<T, std::string_view>) {
    if (value->type == ValueType::kString) {
      return std::string_view(reinterpret_cast<const char*>(bytes), value->bytes.size());
    }
  } else if constexpr (std::is_same_v<T, bool>) {
    if (value->type == ValueType::kBool) return load<uint8_t>(bytes) != 0;
  } else if constexpr (std::is_floating_point_v<T>) {
    if (value->type == ValueType::kFloat32) return static_cast<T>(load<float>(bytes));
    if (value->type == ValueType::kFloat64) return static_cast<T>(load<double>(bytes));
  } else if (is_integer(value->type)) {
    if (const auto narrowed = narrow<T>(load_integer(value->type, bytes))) return *narrowed;
    return fail(ErrorCode::kGgufBadValue, printable(key) + ": " + value->to_string() +
                                              " does not fit " +
                                              std::string(value_type_name(kValueTypeOf<T>)));
  }
  return wrong_type(key, *value, wanted_name<T>());
}

template Result<bool> Metadata::get(std::string_view) const;
template Result<uint8_t> Metadata::get(std::string_view) const;
template Result<int8_t> Metadata::get(std::string_view) const;
template Result<uint16_t> Metadata::get(std::string_view) const;
template Result<int16_t> Metadata::get(std::string_view) const;
template Result<uint32_t> Metadata::get(std::string_view) const;
template Result<int32_t> Metadata::get(std::string_view) const;
template Result<uint64_t> Metadata::get(std::string_view) const;
template Result<int64_t> Metadata::get(std::string_view) const;
template Result<float> Metadata::get(std::string_view) const;
template Result<double> Metadata::get(std::string_view) const;
template Result<std::string_view> Metadata::get(std::string_view) const;

Result<const Value*> Metadata::get_array_value(std::string_view key, ValueType element_type) const {
  const std::string wanted = "an array of " + std::string(value_type_name(element_type));
  const Value* value = find(key);
  if (value == nullptr) return missing(key, wanted);
  if (value->type != ValueType::kArray || value->element_type != element_type) {
    return wrong_type(key, *value, wanted);
  }
  return value;
}

Result<std::vector<std::string_view>> Metadata::get_strings(std::string_view key) const {
  WEFT_TRY_ASSIGN(const Value* value, get_array_value(key, ValueType::kString));
  std::vector<std::string_view> strings;
  strings.reserve(value->count);
  ByteCursor cursor(value->bytes);
  for (uint64_t i = 0; i < value->count; ++i) {
    WEFT_TRY_ASSIGN(const std::string_view text, cursor.read_string(key));
    strings.push_back(text);
  }
  return strings;
}

}  // namespace weft::gguf
