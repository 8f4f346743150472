// Builds GGUF files byte by byte for tests, sound ones and broken ones alike: it checks nothing,
// and every count can be made a lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "gguf/format.h"

namespace weft::test {

using Bytes = std::vector<std::byte>;

inline void append_bytes(Bytes& bytes, const void* data, size_t size) {
  if (size == 0) return;
  const size_t before = bytes.size();
  bytes.resize(before + size);
  std::memcpy(bytes.data() + before, data, size);
}

template <class T>
void append(Bytes& bytes, T value) {
  append_bytes(bytes, &value, sizeof(T));
}

inline void append_text(Bytes& bytes, std::string_view text) {
  append_bytes(bytes, text.data(), text.size());
}

inline void append_string(Bytes& bytes, std::string_view text) {
  append<uint64_t>(bytes, text.size());
  append_text(bytes, text);
}

class GgufBuilder {
 public:
  uint32_t version = 3;
  uint32_t alignment = 32;  // of the padding; does not write the key
  std::optional<uint64_t> claimed_keys;
  std::optional<uint64_t> claimed_tensors;

  // A key with a value given as raw bytes.
  GgufBuilder& raw(std::string_view key, uint32_t type, const Bytes& value) {
    append_string(keys_, key);
    append<uint32_t>(keys_, type);
    keys_.insert(keys_.end(), value.begin(), value.end());
    ++key_count_;
    return *this;
  }
  template <class T>
  GgufBuilder& number(std::string_view key, T value) {
    Bytes bytes;
    append(bytes, value);
    return raw(key, static_cast<uint32_t>(gguf::kValueTypeOf<T>), bytes);
  }
  GgufBuilder& string(std::string_view key, std::string_view value) {
    Bytes bytes;
    append_string(bytes, value);
    return raw(key, static_cast<uint32_t>(gguf::ValueType::kString), bytes);
  }
  template <class T>
  GgufBuilder& array(std::string_view key, const std::vector<T>& values) {
    Bytes bytes = array_header(static_cast<uint32_t>(gguf::kValueTypeOf<T>), values.size());
    for (const T value : values) append(bytes, value);
    return raw(key, static_cast<uint32_t>(gguf::ValueType::kArray), bytes);
  }
  GgufBuilder& strings(std::string_view key, const std::vector<std::string>& values) {
    Bytes bytes = array_header(static_cast<uint32_t>(gguf::ValueType::kString), values.size());
    for (const std::string& value : values) append_string(bytes, value);
    return raw(key, static_cast<uint32_t>(gguf::ValueType::kArray), bytes);
  }
  static Bytes array_header(uint32_t element_type, uint64_t count) {
    Bytes bytes;
    append<uint32_t>(bytes, element_type);
    append<uint64_t>(bytes, count);
    return bytes;
  }

  // A tensor's description as it stands, and no data.
  GgufBuilder& raw_tensor(std::string_view name, const std::vector<uint64_t>& extents,
                          uint32_t type, uint64_t offset) {
    append_string(infos_, name);
    append<uint32_t>(infos_, static_cast<uint32_t>(extents.size()));
    for (const uint64_t extent : extents) append<uint64_t>(infos_, extent);
    append<uint32_t>(infos_, type);
    append<uint64_t>(infos_, offset);
    ++tensor_count_;
    return *this;
  }
  // A tensor after those before it.
  GgufBuilder& tensor(std::string_view name, const std::vector<uint64_t>& extents, DType type,
                      const Bytes& data) {
    raw_tensor(name, extents, static_cast<uint32_t>(type), data_.size());
    data_.insert(data_.end(), data.begin(), data.end());
    data_.resize((data_.size() + alignment - 1) / alignment * alignment);
    return *this;
  }
  // A tensor of zeros: its size from shape and type, which must go together.
  GgufBuilder& zeros(std::string_view name, const std::vector<uint64_t>& extents,
                     DType type = DType::kF32) {
    int64_t elements = 1;
    for (const uint64_t extent : extents) elements *= static_cast<int64_t>(extent);
    return tensor(name, extents, type, Bytes(static_cast<size_t>(*row_bytes(type, elements))));
  }
  GgufBuilder& data(const Bytes& bytes) {
    data_.insert(data_.end(), bytes.begin(), bytes.end());
    return *this;
  }

  Bytes build() const {
    Bytes file;
    append_text(file, "GGUF");
    append<uint32_t>(file, version);
    append<uint64_t>(file, claimed_tensors.value_or(tensor_count_));
    append<uint64_t>(file, claimed_keys.value_or(key_count_));
    file.insert(file.end(), keys_.begin(), keys_.end());
    file.insert(file.end(), infos_.begin(), infos_.end());
    if (!data_.empty()) file.resize((file.size() + alignment - 1) / alignment * alignment);
    file.insert(file.end(), data_.begin(), data_.end());
    return file;
  }

 private:
  Bytes keys_, infos_, data_;
  uint64_t key_count_ = 0, tensor_count_ = 0;
};

}  // namespace weft::test
