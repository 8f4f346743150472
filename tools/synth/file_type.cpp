#include "tools/synth/file_type.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

namespace weft::synth {
namespace {

// Layers in which a mix stores a tensor in a larger type.
enum class Where {
  kNowhere,
  kEverywhere,
  kFirstTwo,
  kFirstFour,
  kFirstSixteenth,
  kFirstEighth,
  kMoreBits,   // the first and the last eighth, and every third layer between
  kGroupedBy4  // everywhere, if four or more query heads share a KV head: V is small then
};

bool applies(Where where, const Shape& shape, int32_t layer) {
  const int32_t n = shape.n_layers;
  switch (where) {
    case Where::kNowhere:
      return false;
    case Where::kEverywhere:
      return true;
    case Where::kFirstTwo:
      return layer < 2;
    case Where::kFirstFour:
      return layer < 4;
    case Where::kFirstSixteenth:
      return layer < n / 16;
    case Where::kFirstEighth:
      return layer < n / 8;
    case Where::kMoreBits:
      return layer < n / 8 || layer >= 7 * n / 8 || (layer - n / 8) % 3 == 2;
    case Where::kGroupedBy4:
      return shape.n_heads / shape.n_kv_heads >= 4;
  }
  return false;
}

}  // namespace

// `type` in the layers named, `otherwise` (absent: the base type) in the rest.
struct Raise {
  Where where = Where::kNowhere;
  DType type = DType::kF32;
  std::optional<DType> otherwise;
};

struct Mix {
  std::string_view name;
  uint32_t id;
  DType base;
  Raise attn_v = {};
  Raise attn_output = {};
  Raise ffn_down = {};
  Raise untied_embedding = {};
};

namespace {

constexpr std::array kMixes = {
    Mix{"F32", 0, DType::kF32},
    Mix{"F16", 1, DType::kF16},
    Mix{"BF16", 32, DType::kBF16},
    Mix{"Q4_0", 2, DType::kQ4_0},
    Mix{"Q4_1", 3, DType::kQ4_1},
    Mix{"Q5_0", 8, DType::kQ5_0},
    Mix{"Q5_1", 9, DType::kQ5_1},
    Mix{"Q8_0", 7, DType::kQ8_0},
    Mix{.name = "Q2_K",
        .id = 10,
        .base = DType::kQ2_K,
        .attn_v = {Where::kGroupedBy4, DType::kQ4_K, DType::kQ3_K},
        .attn_output = {Where::kEverywhere, DType::kQ3_K},
        .ffn_down = {Where::kEverywhere, DType::kQ3_K}},
    Mix{.name = "Q2_K_S",
        .id = 21,
        .base = DType::kQ2_K,
        .attn_v = {Where::kGroupedBy4, DType::kQ4_K},
        .ffn_down = {Where::kFirstEighth, DType::kQ4_K}},
    Mix{"Q3_K_S", 11, DType::kQ3_K},
    Mix{.name = "Q3_K_M",
        .id = 12,
        .base = DType::kQ3_K,
        .attn_v = {Where::kFirstTwo, DType::kQ5_K, DType::kQ4_K},
        .attn_output = {Where::kEverywhere, DType::kQ4_K},
        .ffn_down = {Where::kFirstSixteenth, DType::kQ5_K, DType::kQ4_K}},
    Mix{.name = "Q3_K_L",
        .id = 13,
        .base = DType::kQ3_K,
        .attn_v = {Where::kEverywhere, DType::kQ5_K},
        .attn_output = {Where::kEverywhere, DType::kQ5_K},
        .ffn_down = {Where::kEverywhere, DType::kQ5_K}},
    Mix{.name = "Q4_K_S",
        .id = 14,
        .base = DType::kQ4_K,
        .attn_v = {Where::kFirstFour, DType::kQ5_K},
        .ffn_down = {Where::kFirstEighth, DType::kQ5_K}},
    Mix{.name = "Q4_K_M",
        .id = 15,
        .base = DType::kQ4_K,
        .attn_v = {Where::kMoreBits, DType::kQ6_K},
        .ffn_down = {Where::kMoreBits, DType::kQ6_K}},
    Mix{"Q5_K_S", 16, DType::kQ5_K},
    Mix{.name = "Q5_K_M",
        .id = 17,
        .base = DType::kQ5_K,
        .attn_v = {Where::kMoreBits, DType::kQ6_K},
        .ffn_down = {Where::kMoreBits, DType::kQ6_K}},
    Mix{"Q6_K", 18, DType::kQ6_K},
    Mix{.name = "IQ4_NL",
        .id = 25,
        .base = DType::kIQ4_NL,
        .attn_v = {Where::kGroupedBy4, DType::kQ5_K},
        .ffn_down = {Where::kFirstEighth, DType::kQ5_K}},
    Mix{.name = "IQ4_XS",
        .id = 30,
        .base = DType::kIQ4_XS,
        .attn_v = {Where::kGroupedBy4, DType::kQ5_K},
        .ffn_down = {Where::kFirstEighth, DType::kQ5_K}},
    Mix{.name = "TQ1_0",
        .id = 36,
        .base = DType::kTQ1_0,
        .untied_embedding = {Where::kEverywhere, DType::kQ4_K}},
    Mix{.name = "TQ2_0",
        .id = 37,
        .base = DType::kTQ2_0,
        .untied_embedding = {Where::kEverywhere, DType::kQ4_K}},
};

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

bool is_float(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
}

// Integers and formats for activations are no types for weights.
bool is_weight_type(DType type) {
  switch (type) {
    case DType::kI8:
    case DType::kI16:
    case DType::kI32:
    case DType::kI64:
    case DType::kF64:
    case DType::kQ8_1:
    case DType::kQ8_K:
      return false;
    default:
      return true;
  }
}

// general.file_type of a file whose matrices all have this type: that of the smallest mix named
// after it, or its own.
uint32_t pure_file_type_id(DType type) {
  const auto mix =
      std::find_if(kMixes.begin(), kMixes.end(), [&](const Mix& m) { return m.base == type; });
  if (mix != kMixes.end()) return mix->id;
  constexpr std::array kOwn = {
      std::pair{DType::kIQ2_XXS, 19u}, std::pair{DType::kIQ2_XS, 20u},
      std::pair{DType::kIQ3_XXS, 23u}, std::pair{DType::kIQ1_S, 24u},
      std::pair{DType::kIQ3_S, 26u},   std::pair{DType::kIQ2_S, 28u},
      std::pair{DType::kIQ1_M, 31u},   std::pair{DType::kMXFP4, 38u},
      std::pair{DType::kNVFP4, 39u},   std::pair{DType::kQ1_0, 40u},
      std::pair{DType::kQ2_0, 41u},
  };
  const auto own =
      std::find_if(kOwn.begin(), kOwn.end(), [&](const auto& row) { return row.first == type; });
  constexpr uint32_t kNotStated = 1024;
  return own != kOwn.end() ? own->second : kNotStated;
}

// The head is the most sensitive matrix; so is the embedding where it serves as the head.
DType head_type(DType base, int64_t cols) {
  if (cols % dtype_info(base).block_size != 0) return DType::kQ8_0;
  return base == DType::kQ8_0 ? DType::kQ8_0 : DType::kQ6_K;
}

DType mixed_type(const FileType& type, const Shape& shape, TensorRole role, int32_t layer,
                 int64_t cols) {
  if (!type.mix || is_float(type.base)) return type.base;
  const bool embedding = role == TensorRole::kTokenEmbedding;
  if (role == TensorRole::kOutput || (embedding && shape.tied_head)) {
    return head_type(type.base, cols);
  }
  const Raise raise = role == TensorRole::kAttnV        ? type.mix->attn_v
                      : role == TensorRole::kAttnOutput ? type.mix->attn_output
                      : role == TensorRole::kFfnDown    ? type.mix->ffn_down
                      : embedding                       ? type.mix->untied_embedding
                                                        : Raise{};
  return applies(raise.where, shape, layer) ? raise.type : raise.otherwise.value_or(type.base);
}

DType type_that_fits(DType wanted, int64_t cols) {
  const auto fits = [&](DType type) { return cols % dtype_info(type).block_size == 0; };
  if (fits(wanted)) return wanted;
  DType smaller_blocks = DType::kF16;
  switch (wanted) {
    case DType::kQ2_K:
    case DType::kQ3_K:
    case DType::kTQ1_0:
    case DType::kTQ2_0:
    case DType::kQ1_0:
    case DType::kQ2_0:
    case DType::kNVFP4:
      smaller_blocks = DType::kQ4_0;
      break;
    case DType::kQ4_K:
      smaller_blocks = DType::kQ5_0;
      break;
    case DType::kQ5_K:
      smaller_blocks = DType::kQ5_1;
      break;
    case DType::kQ6_K:
      smaller_blocks = DType::kQ8_0;
      break;
    case DType::kIQ1_S:
    case DType::kIQ1_M:
    case DType::kIQ2_XXS:
    case DType::kIQ2_XS:
    case DType::kIQ2_S:
    case DType::kIQ3_XXS:
    case DType::kIQ3_S:
    case DType::kIQ4_XS:
      smaller_blocks = DType::kIQ4_NL;
      break;
    default:
      break;
  }
  return fits(smaller_blocks) ? smaller_blocks : DType::kF16;
}

bool is_matrix(TensorRole role) {
  switch (role) {
    case TensorRole::kBias:
    case TensorRole::kNorm:
    case TensorRole::kQkNorm:
    case TensorRole::kOutputNorm:
    case TensorRole::kRopeFactors:
      return false;
    default:
      return true;
  }
}

}  // namespace

std::string mix_names() {
  std::string names;
  for (const Mix& mix : kMixes) names += (names.empty() ? "" : " ") + std::string(mix.name);
  return names;
}

Result<FileType> find_file_type(std::string_view name, bool pure) {
  const std::string wanted = upper(name);
  const auto mix =
      std::find_if(kMixes.begin(), kMixes.end(), [&](const Mix& m) { return m.name == wanted; });
  if (mix != kMixes.end()) return FileType{wanted, mix->base, mix->id, pure ? nullptr : &*mix};
  const DTypeInfo* info = find_dtype(wanted);
  if (info && is_weight_type(info->type)) {
    return FileType{std::string(info->name), info->type, pure_file_type_id(info->type), nullptr};
  }
  return fail(ErrorCode::kNotFound, "\"" + std::string(name) +
                                        "\" is no file type; there are: " + mix_names() +
                                        ", or a block type by its name (Q4_K, MXFP4, …)");
}

DType tensor_type(const FileType& type, const Shape& shape, TensorRole role, int32_t layer,
                  int64_t cols) {
  if (!is_matrix(role)) return DType::kF32;
  return type_that_fits(mixed_type(type, shape, role, layer, cols), cols);
}

}  // namespace weft::synth
