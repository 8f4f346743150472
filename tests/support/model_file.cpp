#include "tests/support/model_file.h"

#include <vector>

#include "core/check.h"
#include "gguf/file.h"
#include "gguf/writer.h"

namespace weft::test {
namespace {

const char* scaling_name(RopeScaling scaling) {
  switch (scaling) {
    case RopeScaling::kNone:
      break;
    case RopeScaling::kLinear:
      return "linear";
    case RopeScaling::kYarn:
      return "yarn";
  }
  return "none";
}

Result<void> add_rope(gguf::Writer& writer, const std::string& prefix, const RopeConfig& rope) {
  const auto number = [&](const char* key, double value) {
    return writer.add_number(prefix + "rope." + key, static_cast<float>(value));
  };
  WEFT_TRY(writer.add_number(prefix + "rope.dimension_count", static_cast<uint32_t>(rope.dims)));
  WEFT_TRY(number("freq_base", rope.freq_base));
  if (rope.scaling == RopeScaling::kNone) return {};
  WEFT_TRY(writer.add_string(prefix + "rope.scaling.type", scaling_name(rope.scaling)));
  WEFT_TRY(number("scaling.factor", rope.factor));
  if (rope.scaling != RopeScaling::kYarn) return {};
  WEFT_TRY(writer.add_number(prefix + "rope.scaling.original_context_length",
                             static_cast<uint32_t>(rope.original_context)));
  WEFT_TRY(number("scaling.attn_factor", rope.attention_factor));
  WEFT_TRY(number("scaling.yarn_ext_factor", rope.yarn_ext_factor));
  WEFT_TRY(number("scaling.yarn_beta_fast", rope.yarn_beta_fast));
  return number("scaling.yarn_beta_slow", rope.yarn_beta_slow);
}

Result<void> add_config(gguf::Writer& writer, const ModelConfig& config) {
  const std::string prefix = config.architecture + ".";
  const LayerConfig& layer = config.layers.front();
  WEFT_CHECK(layer.attention_window == 0, "the files' architectures have no windows");
  const auto count = [&](const char* key, int64_t value) {
    return writer.add_number(prefix + key, static_cast<uint32_t>(value));
  };
  WEFT_TRY(writer.add_string("general.architecture", config.architecture));
  WEFT_TRY(writer.add_string("general.name", config.name));
  WEFT_TRY(count("vocab_size", config.n_vocab));
  WEFT_TRY(count("context_length", config.n_ctx_train));
  WEFT_TRY(count("embedding_length", config.n_embd));
  WEFT_TRY(count("block_count", static_cast<int64_t>(config.layers.size())));
  WEFT_TRY(count("feed_forward_length", layer.ffn_dim));
  WEFT_TRY(count("attention.head_count", layer.n_heads));
  WEFT_TRY(count("attention.head_count_kv", layer.n_kv_heads));
  WEFT_TRY(count("attention.key_length", layer.head_dim));
  WEFT_TRY(count("attention.value_length", layer.head_dim));
  WEFT_TRY(writer.add_number(prefix + "attention.layer_norm_rms_epsilon", config.rms_norm_eps));
  return add_rope(writer, prefix, config.ropes.front());
}

Result<void> add_sampling(gguf::Writer& writer, const SamplingAdvice& advice) {
  const auto number = [&](const std::string& name, const auto& value) {
    return value ? writer.add_number("general.sampling." + name, *value) : Result<void>();
  };
  WEFT_TRY(number("temp", advice.temperature));
  WEFT_TRY(number("top_k", advice.top_k));
  WEFT_TRY(number("top_p", advice.top_p));
  WEFT_TRY(number("min_p", advice.min_p));
  return number("penalty_repeat", advice.repetition_penalty);
}

Result<void> add_vocab(gguf::Writer& writer, const Vocab& vocab) {
  WEFT_CHECK(vocab.kind == TokenizerKind::kSentencePiece, "other kinds have other keys");
  std::vector<int32_t> types;
  for (const TokenType type : vocab.types) types.push_back(static_cast<int32_t>(type));
  WEFT_TRY(writer.add_string("tokenizer.ggml.model", "llama"));
  WEFT_TRY(writer.add_strings("tokenizer.ggml.tokens", vocab.tokens));
  WEFT_TRY(writer.add_array<float>("tokenizer.ggml.scores", vocab.scores));
  WEFT_TRY(writer.add_array<int32_t>("tokenizer.ggml.token_type", types));
  WEFT_TRY(writer.add_number("tokenizer.ggml.unknown_token_id", uint32_t(*vocab.unk_id)));
  WEFT_TRY(writer.add_number("tokenizer.ggml.bos_token_id", uint32_t(*vocab.bos_id)));
  return writer.add_number("tokenizer.ggml.eos_token_id", uint32_t(*vocab.eos_id));
}

std::vector<const HostTensor*> present_tensors(const ModelTensors& tensors) {
  std::vector<const HostTensor*> all = {&tensors.token_embedding, &tensors.output_norm,
                                        &tensors.output, &tensors.rope_factors};
  for (const auto& t : tensors.layers) {
    all.insert(all.end(), {&t.attn_norm, &t.wq, &t.wk, &t.wv, &t.bq, &t.bk, &t.bv, &t.q_norm,
                           &t.k_norm, &t.wo, &t.bo, &t.ffn_norm, &t.gate, &t.up, &t.down});
  }
  std::erase_if(all, [](const HostTensor* tensor) { return !tensor->present(); });
  return all;
}

}  // namespace

Vocab character_vocab(int32_t n_vocab) {
  WEFT_CHECK(n_vocab >= 4 && n_vocab <= 98, "vocabulary of " + std::to_string(n_vocab));
  Vocab vocab{.kind = TokenizerKind::kSentencePiece,
              .tokens = {"<unk>", "<s>", "</s>", "\u2581"},
              .types = {TokenType::kUnknown, TokenType::kControl, TokenType::kControl},
              .bos_id = 1,
              .eos_id = 2,
              .unk_id = 0,
              .add_bos = true};
  for (char c = '!'; vocab.size() < n_vocab; ++c) vocab.tokens.emplace_back(1, c);
  vocab.types.resize(vocab.tokens.size(), TokenType::kNormal);
  vocab.scores.resize(vocab.tokens.size(), 0.0f);
  return vocab;
}

Result<void> write_model_file(const std::string& path, const TestModel& model, const Vocab& vocab,
                              const ChatTemplateSources& chat_templates) {
  WEFT_CHECK(vocab.size() == model.config.n_vocab, "a vocabulary of another size");
  WEFT_TRY_ASSIGN(gguf::Writer writer, gguf::Writer::create(path));
  WEFT_TRY(add_config(writer, model.config));
  WEFT_TRY(add_sampling(writer, model.config.sampling));
  WEFT_TRY(add_vocab(writer, vocab));
  for (const auto& [name, text] : chat_templates.by_name) {
    WEFT_TRY(writer.add_string("tokenizer.chat_template" + (name.empty() ? "" : "." + name), text));
  }
  const auto tensors = present_tensors(model.tensors);
  for (const HostTensor* t : tensors) WEFT_TRY(writer.add_tensor(t->name, t->type, t->shape));
  for (const HostTensor* t : tensors) WEFT_TRY(writer.append(t->bytes));
  return writer.finish();
}

Result<gguf::LoadedModel> load_model_file(const std::string& path) {
  WEFT_TRY_ASSIGN(const gguf::File file, gguf::File::open(path));
  return gguf::load_model(file);
}

}  // namespace weft::test
