// The architectures that can be loaded, as rows of a table: what a file calls its tensors, which
// of them must be there, and how heads are rotated. A new architecture of this family is a row
// here and nothing else anywhere.
#pragma once

#include <span>
#include <string_view>

#include "core/error.h"
#include "core/model/config.h"
#include "core/model/tensors.h"

namespace weft::gguf {

enum class Presence { kNever, kOptional, kRequired };

struct Architecture {
  std::string_view name;  // general.architecture, and the first part of its keys
  RopeKind rope;
  bool rope_whole_head;  // rope.dimension_count must be the size of a head
  Presence qkv_bias;     // blk.N.attn_{q,k,v}.bias
  Presence output_bias;  // blk.N.attn_output.bias
  Presence qk_norm;      // blk.N.attn_{q,k}_norm.weight
};

std::span<const Architecture> architectures();

// kUnknownArchitecture, naming it and listing those that are known.
Result<Architecture> find_architecture(std::string_view name);

// An extent of a tensor in terms of the model's sizes.
enum class Extent { kOne, kEmbedding, kQueries, kKeys, kHead, kFeedForward };

// One tensor of a layer: "blk.<layer>.<suffix>".
struct LayerTensorRow {
  std::string_view suffix;
  HostTensor LayerTensorsOf<HostTensor>::*role;
  Extent cols;
  Extent rows;                       // kOne: a vector
  Presence Architecture::*presence;  // null: required of every architecture
};

std::span<const LayerTensorRow> layer_tensor_rows();

// True for tensors that no row names but that would change what a model computes: experts,
// biases, norms, scales. Such a model must not be run without them.
bool changes_the_model(std::string_view tensor_name);

}  // namespace weft::gguf
