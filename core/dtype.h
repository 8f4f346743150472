// Element and block types of tensors: their names, ids and sizes. The numbers are those of the
// GGUF format, so that a file's type id converts without a table. Layouts and decoding of the
// quantised types are in core/quant/.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace weft {

enum class DType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ8_1 = 9,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kQ8_K = 15,
  kIQ2_XXS = 16,
  kIQ2_XS = 17,
  kIQ3_XXS = 18,
  kIQ1_S = 19,
  kIQ4_NL = 20,
  kIQ3_S = 21,
  kIQ2_S = 22,
  kIQ4_XS = 23,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kIQ1_M = 29,
  kBF16 = 30,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kMXFP4 = 39,
  kNVFP4 = 40,
  kQ1_0 = 41,
  kQ2_0 = 42,

  // Of no file: how a cache may keep keys and values (KvCacheSpec).
  kF8_E4M3 = 1 << 16,
};

// One past the largest id: tables indexed by type id have this many entries.
inline constexpr uint32_t kDTypeIdEnd = 43;

struct DTypeInfo {
  DType type;
  std::string_view name;  // "Q4_K", as the field writes it
  uint32_t block_size;    // elements in a block; 1 for plain types
  uint32_t block_bytes;   // bytes of a block
};

// All types that a file may have, by ascending id.
std::span<const DTypeInfo> all_dtypes();

// The type of a file with this GGUF id; nothing for ids that are unknown or were removed from the
// format.
const DTypeInfo* find_dtype(uint32_t id);

// The type of a file with this name, case forgiven ("q4_k"); nothing if there is none.
const DTypeInfo* find_dtype(std::string_view name);

const DTypeInfo& dtype_info(DType type);
inline std::string_view dtype_name(DType type) { return dtype_info(type).name; }

// Bytes of `elements` elements in a row; nothing if they are no whole number of blocks, are
// negative, or if the size does not fit int64.
std::optional<int64_t> row_bytes(DType type, int64_t elements);

}  // namespace weft
