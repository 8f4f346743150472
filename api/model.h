// Model and Context: weft without an event loop. Load a model once; give each thread that
// generates a Context of its own.
//
//   auto model = weft::Model::load("model.gguf");
//   auto context = weft::Context::create(*model, {.n_ctx = 2048});
//   auto result = (*context)->generate("Once upon a time", {.max_tokens = 64});
//   if (result) std::cout << result->text;
//
// Every fallible call returns Result<T> (std::expected's interface); nothing throws or aborts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/mapped_file.h"
#include "core/model/memory_ledger.h"
#include "core/model/pooling.h"
#include "core/text/chat_template_sources.h"
#include "scheduler/sampler.h"

namespace weft {

class ChatTemplate;
class Decoder;
class Tokenizer;
class Trace;

// How a model is loaded, and on what it runs.
struct ModelOptions {
  // auto, cpu, cuda. auto: in a build with CUDA the GPU, if one can be used, and else the CPU, of
  // which on_note is told; in another the CPU.
  std::string device = "auto";
  // The first so many layers run on the GPU, where their weights, keys and values lie too; the
  // rest, and with less than all of them the embedding and the output matrix, on the CPU. None, or
  // more than the model has: everything is the GPU's. 0: nothing is. Where auto finds no GPU, the
  // CPU has them all. With device cpu anything above 0 is an error.
  std::optional<int32_t> gpu_layers;
  int threads = 0;  // worker threads of each context; 0: the usable cores
  std::string isa;  // force a CPU kernel set; empty: the best there is
  // How linear layers over quantised weights hold their inputs: f32, exactly as they are (weights
  // are decoded); i16, rounded to 16-bit integers (mean KL about 3e-6, several times as fast);
  // bf16, the same, and where weights are floats, which the other modes leave exact, both rounded
  // to BF16; int8, rounded to 8-bit integers (mean KL about 1e-2, up to twice as fast again); auto:
  // i16, and f32 with the scalar kernels.
  std::string activations = "auto";
  // exact: a token's logits are the same bits whatever the batch and however its prompt was cut.
  // fastest: on a GPU, prompts over F16 and BF16 weights go through cuBLASLt, which must be
  // installed and takes a second copy of those weights, and that promise is off, of which on_note
  // is told. On the CPU both are exact.
  std::string math = "exact";
  bool use_mmap = true;  // false: read the file into memory
  // Folder where weights are kept in the order in which kernels read them, in NAME.packed, as large
  // as the file, so that later loads map them instead of packing anew. Made where it is missing, of
  // another file or version, or damaged; where it cannot be made, a note says so. "": nowhere.
  std::string packed_cache;
  // Told in one line what is worth knowing of a load and no error. May be empty.
  std::function<void(const std::string&)> on_note;
  ReadProgress on_read;  // while it is read: bytes so far and in all of this file
};

// What a model says of itself.
struct ModelInfo {
  std::string name;          // as its file calls it; may be ""
  std::string architecture;  // "llama", "qwen2", "qwen3"
  int64_t n_params = 0;      // weights, in all
  int32_t n_vocab = 0;       // token ids: 0 … n_vocab − 1
  int32_t n_embd = 0;        // elements of a hidden state
  int32_t n_layer = 0;       // decoder layers
  int32_t n_head = 0;        // query heads of a layer
  int32_t n_ctx_train = 0;   // tokens
  uint64_t size_bytes = 0;   // of the weights, as stored
  // What "auto" came to: "f32", "i16", "bf16", "int8"; "f16" on a GPU; both, where both have
  // layers.
  std::string activations;
  // What a context's kv_type of "auto" comes to: "f32" where activations are float32, so that
  // nothing is rounded that need not be; else "f16", whose rounding is lost beside theirs.
  std::string kv_type;
  uint64_t fingerprint = 0;          // tells models apart by what their files hold
  Pooling pooling = Pooling::kLast;  // of embeddings, as the file says; last where it does not
  // The defaults, but where its file recommends others (general.sampling.*). What draws is what a
  // request says: this is for whoever fills that in.
  SamplingParams sampling;
};

// Immutable, thread-safe. Contexts keep what they need of it alive.
class Model {
 public:
  // Loads a GGUF file (or the first of its splits). Weights stay mapped from the file.
  static Result<std::shared_ptr<const Model>> load(const std::string& path,
                                                   const ModelOptions& options = {});
  ~Model();

  // Valid as long as the model, as what follows is.
  const ModelInfo& info() const { return info_; }

  // Text to ids. add_bos: also what else the model puts around a text. parse_special: control
  // tokens in the text become their ids instead of staying text.
  Result<std::vector<int32_t>> tokenize(std::string_view text, bool add_bos = true,
                                        bool parse_special = false) const;
  // The text of ids. special: control tokens show as their names.
  std::string detokenize(std::span<const int32_t> ids, bool special = false) const;
  // For programs within the tree.
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  // The model's chat template of this name; empty: the default one. Fails with kNotFound where
  // there is none, or as ChatTemplate::parse() does. api/chat.h is what most want.
  Result<std::shared_ptr<const ChatTemplate>> chat_template(std::string_view name = {}) const;
  // Its chat templates, as text.
  const ChatTemplateSources& chat_templates() const { return chat_templates_; }

  // For programs within the tree.
  const std::shared_ptr<const Decoder>& decoder() const { return decoder_; }
  // What it was loaded with; device and gpu_layers as they came out.
  const ModelOptions& options() const { return options_; }

 private:
  Model() = default;

  ModelOptions options_;
  ModelInfo info_;
  std::unique_ptr<Tokenizer> tokenizer_;
  ChatTemplateSources chat_templates_;
  // The default one, parsed or the reason why it cannot be: a broken one keeps nobody from
  // generating.
  Result<std::shared_ptr<const ChatTemplate>> default_template_;
  std::shared_ptr<const Decoder> decoder_;
};

// What a context has room for; fixed once it is made.
struct ContextParams {
  int32_t n_ctx = 2048;            // most tokens of a sequence, prompt and generated
  int32_t max_batch_tokens = 512;  // tokens computed in one step
  int32_t max_logit_rows = 1;      // only evaluate() wants more than the last token's logits
  int32_t block_size = 16;         // tokens of a KV block; divides 256
  std::string kv_type = "auto";    // auto (ModelInfo::kv_type), f32, f16, bf16, q8_0; fp8: cuda
  // Where steps, prompt chunks and generations are recorded (api/trace.h), from the thread that
  // calls. nullptr: nowhere, at no cost.
  std::shared_ptr<Trace> trace;
};

// Why a generation ended: a stop token, max_tokens, a stop string, or because it was cancelled.
enum class FinishReason { kStop, kLength, kStopString, kCancelled };
// "stop", "length", "stop_string", "cancelled".
std::string_view finish_reason_name(FinishReason reason);

// How one call of Context generates.
struct GenerateOptions {
  int32_t max_tokens = 256;               // generated at most
  SamplingParams sampling;                // how tokens are drawn
  std::vector<std::string> stop_strings;  // the text ends before the first of them
  bool add_bos = true;                    // for prompts given as text
  bool parse_special = false;             // for prompts given as text
  bool ignore_eos = false;                // go on after the model's stop tokens
  std::stop_token cancel;                 // looked at before every step
};

// What one call of Context gives.
struct Generation {
  std::vector<int32_t> prompt_ids;                     // what it went on from
  std::vector<int32_t> ids;                            // generated, without the stop token
  std::string text;                                    // of ids, whole UTF-8, without a stop string
  FinishReason finish_reason = FinishReason::kLength;  // why it ended
  double prompt_seconds = 0;                           // until the first token
  double generate_seconds = 0;                         // from the first token to the last
};

// Called with each generated token and the text that became whole with it (often, but not always,
// its own). Returning false ends the generation, as cancelling does: FinishReason::kCancelled.
using OnToken = std::function<bool(int32_t id, std::string_view text)>;

// One sequence over a model. Owned by one thread at a time.
class Context {
 public:
  // What a context of these parameters takes, without making one. Fails with kInvalidArgument.
  static Result<MemoryLedger> required_memory(const Model& model, const ContextParams& params);

  // Fails with kOutOfMemory (naming the ledger) or kInvalidArgument.
  static Result<std::unique_ptr<Context>> create(std::shared_ptr<const Model> model,
                                                 const ContextParams& params = {});
  ~Context();

  // Generates from an empty sequence. Fails with kContextOverflow where the prompt and max_tokens
  // do not fit n_ctx, kInvalidArgument, kTokenOutOfRange, kNonFiniteLogits or a device's error;
  // the context can be used again after any of them.
  Result<Generation> generate(std::string_view prompt, const GenerateOptions& options = {},
                              const OnToken& on_token = {});
  // The same, with the defaults but for max_tokens.
  Result<Generation> generate(std::string_view prompt, int32_t max_tokens) {
    return generate(prompt, GenerateOptions{.max_tokens = max_tokens});
  }
  // The same from ids, which are used as they are.
  Result<Generation> generate(std::span<const int32_t> prompt_ids,
                              const GenerateOptions& options = {}, const OnToken& on_token = {});

  // Goes on from the sequence that the context holds (of generate(), of resume() or of a session):
  // first `more` ids are put after it, then it generates. With none, this is the generation that
  // was interrupted: what it gives is what would have come next, bit for bit, penalties included;
  // with some, all that was before counts as prompt. Generation::prompt_ids are all ids it goes
  // on from. Fails as generate() does, where the sequence, `more` and max_tokens do not fit n_ctx
  // or there is no token to go on from; the sequence is then as before.
  Result<Generation> resume(std::span<const int32_t> more, const GenerateOptions& options = {},
                            const OnToken& on_token = {});

  // --- Sessions ---
  // Writes the sequence to a file (api/session/session_file.h): ids, what they were drawn with
  // last, and the keys and values of all whole blocks. Fails as files do, and leaves no half of
  // one.
  Result<void> save(const std::string& path) const;
  // Takes over a sequence that was saved, of the same model. What resume() then gives equals what
  // the saved context would have given. Keys and values of other kernels, another cache type or
  // block size are computed again from the ids, by resume(). Fails as files do, for what is no
  // session, is damaged, of another version or model, or does not fit n_ctx (saying which); the
  // context is then as before.
  Result<void> load(const std::string& path);
  // The ids of the sequence, prompt and generated.
  std::span<const int32_t> ids() const;
  // How many of them have keys and values.
  int64_t num_computed() const;
  // What was last generated with: for who goes on with a session.
  const SamplingParams& sampling() const;

  // (index of the id, its logits [n_vocab]); valid until it returns.
  using OnRow = std::function<void(int64_t row, std::span<const float> logits)>;
  // Logits of every id, from an empty sequence, computed `chunk` tokens a step (0:
  // max_batch_tokens). on_row is called in order. Needs
  // max_logit_rows ≥ chunk. Fails as generate() does, and with kCancelled where `cancel`, looked
  // at before every step, asks for it.
  Result<void> evaluate(std::span<const int32_t> ids, int32_t chunk, const OnRow& on_row,
                        const std::stop_token& cancel = {});

  // Empties the sequence; its blocks return to the pool.
  void clear();

  MemoryLedger memory() const;  // what weights, KV and the largest step take
  // The processor and the kernels that run it, for people to read.
  std::string device_description() const;

 private:
  struct State;
  explicit Context(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace weft
