#include "gguf/format.h"

#include <array>

namespace weft::gguf {
namespace {

struct TypeRow {
  std::string_view name;
  size_t size;
};

// Indexed by ValueType.
constexpr std::array<TypeRow, kValueTypeEnd> kTypes = {{
    {"uint8", 1},
    {"int8", 1},
    {"uint16", 2},
    {"int16", 2},
    {"uint32", 4},
    {"int32", 4},
    {"float32", 4},
    {"bool", 1},
    {"string", 0},
    {"array", 0},
    {"uint64", 8},
    {"int64", 8},
    {"float64", 8},
}};

}  // namespace

std::string_view value_type_name(ValueType type) {
  return kTypes[static_cast<uint32_t>(type)].name;
}

size_t value_type_size(ValueType type) { return kTypes[static_cast<uint32_t>(type)].size; }

}  // namespace weft::gguf
