// A GGUF file's keys and values: typed, checked lookup, and the list in file order. Values are
// views into the file's bytes; nothing large is copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "gguf/format.h"

namespace weft::gguf {

// The numbers of an array in the file, which may lie at any address. Borrows the file's bytes.
template <class T>
class ArrayView {
 public:
  ArrayView() = default;
  ArrayView(const std::byte* data, size_t size) : data_(data), size_(size) {}

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T operator[](size_t i) const {
    T value;
    std::memcpy(&value, data_ + i * sizeof(T), sizeof(T));
    return value;
  }
  std::vector<T> to_vector() const {
    std::vector<T> copy(size_);
    if (size_ > 0) std::memcpy(copy.data(), data_, size_ * sizeof(T));
    return copy;
  }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// One value as the file holds it. Made by the reader, which has checked that it lies inside the
// file, that bools are 0 or 1 and that arrays hold neither arrays nor unknown types.
struct Value {
  ValueType type = ValueType::kUint8;
  ValueType element_type = ValueType::kUint8;  // of an array
  uint64_t count = 1;                          // elements of an array
  // A number's or a string's bytes (without the length); an array's elements one after another,
  // each string among them with its length.
  std::span<const std::byte> bytes;

  // For people: numbers, strings with their control characters escaped, the first elements of an
  // array. Cut after about `limit` bytes.
  std::string to_string(size_t limit = 120) const;
  // "uint32", "array of string".
  std::string type_string() const;
};

struct Entry {
  std::string_view key;
  Value value;
};

// Immutable: any number of threads may read. Valid as long as the file's bytes.
class Metadata {
 public:
  Metadata() = default;
  // kGgufDuplicateKey if a key is there twice. n log n in the bytes of the keys, whatever they
  // are.
  static Result<Metadata> create(std::vector<Entry> entries);

  // All entries in file order.
  std::span<const Entry> entries() const { return entries_; }

  // nullptr if there is no such key. Logarithmic.
  const Value* find(std::string_view key) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }

  // The value as T: bool, an integer type, float, double or std::string_view.
  // Integers convert from any integer type of the file that holds the value exactly, float and
  // double from either float type, bool and string only from themselves.
  // Fails with kGgufMissingKey, kGgufWrongKeyType, or kGgufBadValue for an integer that T cannot
  // hold; the message names the key, what was found and what was wanted.
  template <class T>
  Result<T> get(std::string_view key) const;

  // As get(), but nothing where the key is absent. A value of the wrong type is an error still.
  template <class T>
  Result<std::optional<T>> get_optional(std::string_view key) const {
    if (!contains(key)) return std::optional<T>();
    WEFT_TRY_ASSIGN(T value, get<T>(key));
    return std::optional<T>(value);
  }

  // As get(), but `fallback` where the key is absent.
  template <class T>
  Result<T> get_or(std::string_view key, T fallback) const {
    if (!contains(key)) return fallback;
    return get<T>(key);
  }

  // An array of exactly this element type: a number type or bool.
  template <class T>
  Result<ArrayView<T>> get_array(std::string_view key) const {
    WEFT_TRY_ASSIGN(const Value* value, get_array_value(key, kValueTypeOf<T>));
    return ArrayView<T>(value->bytes.data(), value->count);
  }

  // An array of strings, as views: 16 bytes for each, which is at most twice what it takes in
  // the file.
  Result<std::vector<std::string_view>> get_strings(std::string_view key) const;

 private:
  Result<const Value*> get_array_value(std::string_view key, ValueType element_type) const;

  std::vector<Entry> entries_;
  // Positions in entries_ sorted by key. A hash table could be made slow by a hostile file.
  std::vector<uint32_t> by_key_;
};

}  // namespace weft::gguf
