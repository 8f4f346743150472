// File types: which block type each tensor of a file gets. "Q4_K_M" and its like are mixes, with
// the same assignment that the field's quantisation tool makes, so that the bytes read for a
// token are those of a genuine file of that name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/dtype.h"
#include "core/error.h"
#include "tools/synth/shapes.h"

namespace weft::synth {

// What a tensor is for, as far as its type and its distribution depend on it.
enum class TensorRole {
  kTokenEmbedding,
  kOutput,
  kAttnQ,
  kAttnK,
  kAttnV,
  kAttnOutput,
  kFfnGate,
  kFfnUp,
  kFfnDown,
  kBias,
  kNorm,
  kQkNorm,
  kOutputNorm,
  kRopeFactors,
};

struct Mix;  // a row of the table in file_type.cpp

struct FileType {
  std::string name;          // "Q4_K_M"
  DType base;                // the type of every matrix that the mix does not raise
  uint32_t id = 0;           // GGUF's general.file_type
  const Mix* mix = nullptr;  // null: every matrix is stored as `base`
};

// A mix (Q2_K Q2_K_S Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q4_K_M Q5_K_S Q5_K_M Q4_0 Q8_0 F16 …), or any
// block type by its own name (Q4_K, MXFP4, …), then with every matrix in it. Case is forgiven.
// `pure`: every matrix in the base type, whatever the mix says. Fails with kNotFound.
Result<FileType> find_file_type(std::string_view name, bool pure = false);

// The names of all mixes, separated by spaces.
std::string mix_names();

// The type of the tensor with this role in this layer (0 where it belongs to none), whose rows
// have `cols` elements. Norms, biases and rope factors are F32. Where a row is no multiple of
// the wanted type's block, the next larger type of 32-element blocks takes its place, else F16.
DType tensor_type(const FileType& type, const Shape& shape, TensorRole role, int32_t layer,
                  int64_t cols);

}  // namespace weft::synth
