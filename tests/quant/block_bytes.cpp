#include "tests/quant/block_bytes.h"

#include "core/half.h"
#include "core/quant/decode.h"

namespace weft::test {

BlockBytes& BlockBytes::u8(int value, int times) {
  for (int i = 0; i < times; ++i) bytes_.push_back(static_cast<std::byte>(value));
  return *this;
}

BlockBytes& BlockBytes::list(std::initializer_list<int> bytes) {
  for (const int byte : bytes) u8(byte);
  return *this;
}

BlockBytes& BlockBytes::u16(uint32_t value) {
  return u8(static_cast<int>(value & 0xff)).u8(static_cast<int>(value >> 8));
}

BlockBytes& BlockBytes::u32(uint32_t value) { return u16(value & 0xffff).u16(value >> 16); }

BlockBytes& BlockBytes::f32(float value) { return u32(bits_from_float(value)); }

std::vector<float> BlockBytes::decode(DType type) const {
  const DTypeInfo& info = dtype_info(type);
  if (bytes_.size() % info.block_bytes != 0) return {};
  std::vector<float> values(bytes_.size() / info.block_bytes * info.block_size);
  decode_row(type, bytes_.data(), values.data(), static_cast<int64_t>(values.size()));
  return values;
}

std::vector<float> repeated(float value, int count) {
  return std::vector<float>(static_cast<size_t>(count), value);
}

}  // namespace weft::test
