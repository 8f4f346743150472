// The smallest whole model of each architecture, with knobs to break it: two layers, 8 wide, two
// heads of 4, four tokens, all weights zero.
#pragma once

#include <memory>
#include <string>

#include "gguf/model_loader.h"
#include "gguf/reader.h"
#include "tests/support/gguf_builder.h"

namespace weft::test {

struct TinyModel {
  std::string architecture = "llama";
  bool qkv_bias = false;
  bool qk_norm = false;
  DType norm_type = DType::kF32;
  std::string skip;   // leave out the key or tensor of this name
  GgufBuilder extra;  // keys and tensors that are added

  Bytes build() const {
    GgufBuilder file = extra;
    const auto size = [&](const std::string& name, uint32_t value) {
      const std::string key = architecture + "." + name;
      if (key != skip) file.number<uint32_t>(key, value);
    };
    if (skip != "general.architecture") file.string("general.architecture", architecture);
    size("block_count", 2);
    size("context_length", 64);
    size("embedding_length", 8);
    size("feed_forward_length", 16);
    size("attention.head_count", 2);
    const std::string epsilon = architecture + ".attention.layer_norm_rms_epsilon";
    if (epsilon != skip) file.number<float>(epsilon, 1e-5f);
    add_vocabulary(file);

    const auto tensor = [&](const std::string& name, const std::vector<uint64_t>& extents) {
      const DType type = extents.size() == 1 ? norm_type : DType::kF32;
      if (name != skip) file.zeros(name, extents, type);
    };
    tensor("token_embd.weight", {8, 4});
    tensor("output_norm.weight", {8});
    for (const std::string layer : {"blk.0.", "blk.1."}) {
      tensor(layer + "attn_norm.weight", {8});
      for (const std::string part : {"q", "k", "v"}) {
        tensor(layer + "attn_" + part + ".weight", {8, 8});
        if (qkv_bias) tensor(layer + "attn_" + part + ".bias", {8});
        if (qk_norm && part != "v") tensor(layer + "attn_" + part + "_norm.weight", {4});
      }
      tensor(layer + "attn_output.weight", {8, 8});
      tensor(layer + "ffn_norm.weight", {8});
      tensor(layer + "ffn_gate.weight", {8, 16});
      tensor(layer + "ffn_up.weight", {8, 16});
      tensor(layer + "ffn_down.weight", {16, 8});
    }
    return file.build();
  }

 private:
  void add_vocabulary(GgufBuilder& file) const {
    const auto wanted = [&](const char* key) { return key != skip; };
    if (wanted("tokenizer.ggml.model")) file.string("tokenizer.ggml.model", "llama");
    if (wanted("tokenizer.ggml.tokens")) {
      file.strings("tokenizer.ggml.tokens", {"<unk>", "<s>", "</s>", "a"});
    }
    if (wanted("tokenizer.ggml.scores")) {
      file.array<float>("tokenizer.ggml.scores", {0, 0, 0, -1});
    }
    if (wanted("tokenizer.ggml.token_type")) {
      file.array<int32_t>("tokenizer.ggml.token_type", {2, 3, 3, 1});
    }
  }
};

// Reads and loads a model from memory; what it returns keeps a copy of the bytes.
inline Result<gguf::LoadedModel> load_bytes(const Bytes& bytes) {
  auto kept = std::make_shared<Bytes>(bytes);
  WEFT_TRY_ASSIGN(const gguf::Contents contents, gguf::read(*kept));
  return gguf::load_model(contents.metadata, contents.tensors, kept);
}

}  // namespace weft::test
