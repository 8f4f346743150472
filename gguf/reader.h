// Parses one GGUF file that lies in memory. Trusts nothing in it: every count is checked against
// the bytes that are left before memory is taken for it, all arithmetic is 64 bits and checked,
// time is n log n in the file's header and memory a small multiple of it. Knows neither splits
// (gguf/file.h) nor what the keys and tensors mean (gguf/model_loader.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/error.h"
#include "gguf/metadata.h"
#include "gguf/tensor_list.h"

namespace weft::gguf {

// What a file holds. Keys, values and tensors are views into its bytes.
struct Contents {
  uint32_t version = 0;
  uint32_t alignment = 0;
  uint64_t data_offset = 0;  // bytes of the header, padded; the file's size if it has no tensors
  Metadata metadata;
  TensorList tensors;
};

// Reads versions 2 and 3, little-endian. The error says what is wrong and where:
//   kGgufBadMagic, kGgufVersion                    no GGUF, or one of another kind
//   kGgufTruncated, kGgufBadCount                  cut short, or a count it cannot hold
//   kGgufBadKey, kGgufDuplicateKey                 keys
//   kGgufBadValueType, kGgufBadValue, kGgufBadAlignment                        values
//   kGgufBadTensorName, kGgufDuplicateTensor, kGgufBadDimensions, kGgufBadTensorType,
//   kGgufRowNotBlocks, kGgufBadOffset                                          tensors
Result<Contents> read(std::span<const std::byte> file);

}  // namespace weft::gguf
