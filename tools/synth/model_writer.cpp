#include "tools/synth/model_writer.h"

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "core/thread_pool.h"
#include "gguf/writer.h"
#include "tools/synth/tensor_encoder.h"
#include "tools/synth/vocabulary.h"

namespace weft::synth {
namespace {

// "weft synth llama3.2-1b Q4_K_M seed 0", and what differs from the genuine shape, so that nobody
// takes the file for a model that knows something.
std::string model_name(const SynthOptions& options) {
  std::string name = "weft synth " + options.shape.name + " " + options.type.name +
                     (options.type.mix ? "" : " pure") + " seed " + std::to_string(options.seed);
  if (const auto genuine = find_shape(options.shape.name)) {
    if (genuine->n_layers != options.shape.n_layers) {
      name += ", " + std::to_string(options.shape.n_layers) + " layers";
    }
    if (genuine->n_vocab != options.shape.n_vocab) {
      name += ", vocabulary of " + std::to_string(options.shape.n_vocab);
    }
  }
  return name;
}

Result<void> add_hyperparameters(gguf::Writer& writer, const SynthOptions& options) {
  const Shape& shape = options.shape;
  WEFT_TRY(writer.add_string("general.architecture", shape.architecture));
  WEFT_TRY(writer.add_string("general.type", "model"));
  WEFT_TRY(writer.add_string("general.name", model_name(options)));
  WEFT_TRY(writer.add_number("general.file_type", options.type.id));
  WEFT_TRY(writer.add_number("general.quantization_version", uint32_t{2}));

  const auto add = [&](const char* key, auto value) {
    return writer.add_number(shape.architecture + "." + key, value);
  };
  const auto count = [](int32_t value) { return static_cast<uint32_t>(value); };
  WEFT_TRY(add("vocab_size", count(shape.n_vocab)));
  WEFT_TRY(add("context_length", count(shape.n_ctx)));
  WEFT_TRY(add("embedding_length", count(shape.n_embd)));
  WEFT_TRY(add("block_count", count(shape.n_layers)));
  WEFT_TRY(add("feed_forward_length", count(shape.ffn_dim)));
  WEFT_TRY(add("attention.head_count", count(shape.n_heads)));
  WEFT_TRY(add("attention.head_count_kv", count(shape.n_kv_heads)));
  WEFT_TRY(add("attention.key_length", count(shape.head_dim)));
  WEFT_TRY(add("attention.value_length", count(shape.head_dim)));
  WEFT_TRY(add("attention.layer_norm_rms_epsilon", shape.rms_eps));
  WEFT_TRY(add("rope.dimension_count", count(shape.head_dim)));
  return add("rope.freq_base", shape.rope_base);
}

Result<void> add_vocabulary(gguf::Writer& writer, const Vocab& vocab) {
  std::vector<int32_t> types;
  types.reserve(vocab.types.size());
  for (const TokenType type : vocab.types) types.push_back(static_cast<int32_t>(type));
  const auto id = [](const std::optional<int32_t>& token) {
    return static_cast<uint32_t>(token.value());
  };
  WEFT_TRY(writer.add_string("tokenizer.ggml.model", "llama"));
  WEFT_TRY(writer.add_strings("tokenizer.ggml.tokens", vocab.tokens));
  WEFT_TRY(writer.add_array("tokenizer.ggml.scores", std::span<const float>(vocab.scores)));
  WEFT_TRY(writer.add_array("tokenizer.ggml.token_type", std::span<const int32_t>(types)));
  WEFT_TRY(writer.add_number("tokenizer.ggml.unknown_token_id", id(vocab.unk_id)));
  WEFT_TRY(writer.add_number("tokenizer.ggml.bos_token_id", id(vocab.bos_id)));
  WEFT_TRY(writer.add_number("tokenizer.ggml.eos_token_id", id(vocab.eos_id)));
  WEFT_TRY(writer.add_number("tokenizer.ggml.add_bos_token", vocab.add_bos));
  return writer.add_number("tokenizer.ggml.add_space_prefix", vocab.add_space_prefix);
}

}  // namespace

Result<void> write_synthetic_model(const SynthOptions& options, const std::string& path) {
  if (options.shape.n_layers < 1) {
    return fail(ErrorCode::kInvalidArgument,
                "layers: " + std::to_string(options.shape.n_layers) + ", expected at least 1");
  }
  // Everything that can be wrong with the request is found before a file is made.
  WEFT_TRY_ASSIGN(const Vocab vocab, make_vocabulary(options.shape.n_vocab));
  WEFT_TRY_ASSIGN(const auto tensors, type_tensors(options.shape, options.type));
  WEFT_TRY_ASSIGN(const auto pool, ThreadPool::create(options.threads));

  WEFT_TRY_ASSIGN(gguf::Writer writer, gguf::Writer::create(path));
  WEFT_TRY(add_hyperparameters(writer, options));
  WEFT_TRY(add_vocabulary(writer, vocab));
  int64_t total = 0;
  for (const TypedTensor& tensor : tensors) {
    const PlannedTensor& plan = tensor.plan;
    WEFT_TRY(writer.add_tensor(plan.name, tensor.type, {plan.cols, plan.rows, 1, 1}));
    total += tensor.size_bytes();
  }
  int64_t done = 0;
  const ByteSink append = [&](std::span<const std::byte> bytes) -> Result<void> {
    if (options.cancel.stop_requested()) return fail(ErrorCode::kCancelled, "synth: cancelled");
    WEFT_TRY(writer.append(bytes));
    done += std::ssize(bytes);
    if (options.progress) options.progress(done, total);
    return {};
  };
  WEFT_TRY(encode_tensors(options.shape, tensors, options.seed, *pool, append));
  return writer.finish();
}

}  // namespace weft::synth
