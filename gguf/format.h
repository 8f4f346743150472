// Constants of the GGUF file format (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md):
//
//   header   magic "GGUF", version u32, tensor count u64, key count u64
//   keys     key string, value type u32, value
//   tensors  name string, dimension count u32, extents u64 each, type u32, offset u64
//   padding  up to a multiple of general.alignment (32 where the key is absent)
//   data     each tensor at its offset from here, a multiple of the alignment
//
// Everything little-endian. A string is its length in bytes, u64, and the bytes. An array is its
// element type u32, its count u64 and the elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft::gguf {

inline constexpr uint32_t kMagic = 0x46554747;  // "GGUF" read as little-endian
inline constexpr uint32_t kOldestVersion = 2;
inline constexpr uint32_t kNewestVersion = 3;

inline constexpr std::string_view kAlignmentKey = "general.alignment";
inline constexpr uint32_t kDefaultAlignment = 32;
// The format asks for a multiple of 8, which is also what lets weights be read in place.
inline constexpr uint32_t kSmallestAlignment = 8;
// A huge page: nothing gains from more.
inline constexpr uint32_t kLargestAlignment = uint32_t{2} << 20;

inline constexpr size_t kLongestKey = 65535;  // bytes, says the format
inline constexpr size_t kLongestTensorName = 64;
inline constexpr uint32_t kMostDimensions = 4;

enum class ValueType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,  // one byte, 0 or 1
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

inline constexpr uint32_t kValueTypeEnd = 13;

// "uint32", "string", and so on.
std::string_view value_type_name(ValueType type);

// Bytes of a value of this type in the file; 0 for strings and arrays, whose size varies.
size_t value_type_size(ValueType type);

// The value type of a C++ number or bool.
template <class T>
inline constexpr ValueType kValueTypeOf = ValueType::kArray;
template <>
inline constexpr ValueType kValueTypeOf<uint8_t> = ValueType::kUint8;
template <>
inline constexpr ValueType kValueTypeOf<int8_t> = ValueType::kInt8;
template <>
inline constexpr ValueType kValueTypeOf<uint16_t> = ValueType::kUint16;
template <>
inline constexpr ValueType kValueTypeOf<int16_t> = ValueType::kInt16;
template <>
inline constexpr ValueType kValueTypeOf<uint32_t> = ValueType::kUint32;
template <>
inline constexpr ValueType kValueTypeOf<int32_t> = ValueType::kInt32;
template <>
inline constexpr ValueType kValueTypeOf<float> = ValueType::kFloat32;
template <>
inline constexpr ValueType kValueTypeOf<bool> = ValueType::kBool;
template <>
inline constexpr ValueType kValueTypeOf<uint64_t> = ValueType::kUint64;
template <>
inline constexpr ValueType kValueTypeOf<int64_t> = ValueType::kInt64;
template <>
inline constexpr ValueType kValueTypeOf<double> = ValueType::kFloat64;

}  // namespace weft::gguf
