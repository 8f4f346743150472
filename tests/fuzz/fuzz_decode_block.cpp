// Any bytes as blocks of any type: the first byte picks the type, the rest are blocks at an odd
// address. Decodes them and, where the type has an encoder, encodes what came out.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "core/quant/decode.h"
#include "gguf/quantize/encode.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto types = weft::all_dtypes();
  const weft::DTypeInfo& info = types[data[0] % types.size()];
  const std::size_t blocks = (size - 1) / info.block_bytes;
  const auto elements = static_cast<std::int64_t>(blocks * info.block_size);

  std::vector<float> values(blocks * info.block_size);
  weft::decode_row(info.type, reinterpret_cast<const std::byte*>(data + 1), values.data(),
                   elements);

  const weft::EncodeRow encode = weft::encode_row_function(info.type);
  if (encode == nullptr) return 0;
  std::vector<std::byte> encoded(blocks * info.block_bytes);
  encode(values.data(), encoded.data(), elements);

  // Encoders of block types promise blocks that decode to finite values.
  if (info.block_size == 1) return 0;
  weft::decode_row(info.type, encoded.data(), values.data(), elements);
  for (const float value : values)
    if (!std::isfinite(value)) std::abort();
  return 0;
}
