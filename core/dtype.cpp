#include "core/dtype.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>

#include "core/check.h"

namespace weft {
namespace {

constexpr std::array kDTypes = {
    DTypeInfo{DType::kF32, "F32", 1, 4},
    DTypeInfo{DType::kF16, "F16", 1, 2},
    DTypeInfo{DType::kQ4_0, "Q4_0", 32, 18},
    DTypeInfo{DType::kQ4_1, "Q4_1", 32, 20},
    DTypeInfo{DType::kQ5_0, "Q5_0", 32, 22},
    DTypeInfo{DType::kQ5_1, "Q5_1", 32, 24},
    DTypeInfo{DType::kQ8_0, "Q8_0", 32, 34},
    DTypeInfo{DType::kQ8_1, "Q8_1", 32, 36},
    DTypeInfo{DType::kQ2_K, "Q2_K", 256, 84},
    DTypeInfo{DType::kQ3_K, "Q3_K", 256, 110},
    DTypeInfo{DType::kQ4_K, "Q4_K", 256, 144},
    DTypeInfo{DType::kQ5_K, "Q5_K", 256, 176},
    DTypeInfo{DType::kQ6_K, "Q6_K", 256, 210},
    DTypeInfo{DType::kQ8_K, "Q8_K", 256, 292},
    DTypeInfo{DType::kIQ2_XXS, "IQ2_XXS", 256, 66},
    DTypeInfo{DType::kIQ2_XS, "IQ2_XS", 256, 74},
    DTypeInfo{DType::kIQ3_XXS, "IQ3_XXS", 256, 98},
    DTypeInfo{DType::kIQ1_S, "IQ1_S", 256, 50},
    DTypeInfo{DType::kIQ4_NL, "IQ4_NL", 32, 18},
    DTypeInfo{DType::kIQ3_S, "IQ3_S", 256, 110},
    DTypeInfo{DType::kIQ2_S, "IQ2_S", 256, 82},
    DTypeInfo{DType::kIQ4_XS, "IQ4_XS", 256, 136},
    DTypeInfo{DType::kI8, "I8", 1, 1},
    DTypeInfo{DType::kI16, "I16", 1, 2},
    DTypeInfo{DType::kI32, "I32", 1, 4},
    DTypeInfo{DType::kI64, "I64", 1, 8},
    DTypeInfo{DType::kF64, "F64", 1, 8},
    DTypeInfo{DType::kIQ1_M, "IQ1_M", 256, 56},
    DTypeInfo{DType::kBF16, "BF16", 1, 2},
    DTypeInfo{DType::kTQ1_0, "TQ1_0", 256, 54},
    DTypeInfo{DType::kTQ2_0, "TQ2_0", 256, 66},
    DTypeInfo{DType::kMXFP4, "MXFP4", 32, 17},
    DTypeInfo{DType::kNVFP4, "NVFP4", 64, 36},
    DTypeInfo{DType::kQ1_0, "Q1_0", 128, 18},
    DTypeInfo{DType::kQ2_0, "Q2_0", 64, 18},
};

constexpr DTypeInfo kF8{DType::kF8_E4M3, "F8_E4M3", 1, 1};

constexpr std::array<const DTypeInfo*, kDTypeIdEnd> index_by_id() {
  std::array<const DTypeInfo*, kDTypeIdEnd> table{};
  for (const DTypeInfo& info : kDTypes) table[static_cast<uint32_t>(info.type)] = &info;
  return table;
}

constexpr auto kById = index_by_id();

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

}  // namespace

std::span<const DTypeInfo> all_dtypes() { return kDTypes; }

const DTypeInfo* find_dtype(uint32_t id) { return id < kDTypeIdEnd ? kById[id] : nullptr; }

const DTypeInfo* find_dtype(std::string_view name) {
  for (const DTypeInfo& info : kDTypes) {
    if (equal_ignoring_case(info.name, name)) return &info;
  }
  return nullptr;
}

const DTypeInfo& dtype_info(DType type) {
  if (type == kF8.type) return kF8;
  const DTypeInfo* info = find_dtype(static_cast<uint32_t>(type));
  WEFT_CHECK(info != nullptr, "no such type: " + std::to_string(static_cast<uint32_t>(type)));
  return *info;
}

std::optional<int64_t> row_bytes(DType type, int64_t elements) {
  const DTypeInfo& info = dtype_info(type);
  if (elements < 0 || elements % info.block_size != 0) return std::nullopt;
  const int64_t blocks = elements / info.block_size;
  if (blocks > std::numeric_limits<int64_t>::max() / info.block_bytes) return std::nullopt;
  return blocks * info.block_bytes;
}

}  // namespace weft
