// Backend: the operations a forward pass is written in, and the memory they work on. One
// implementation a device; core/model/decoder.cpp composes them and knows none of them.
//
// The bits of every output element depend on that element's own inputs, the device and the
// kernels chosen at creation, and on nothing else: not on how many rows share the call, how the
// rows are split over calls, or how many threads work.
//
// Shapes are validated when a model is loaded, so operations return nothing; a device fault
// surfaces from wait(). Not thread-safe: a backend is owned by one step thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/batch.h"
#include "core/buffer.h"
#include "core/error.h"
#include "core/model/config.h"
#include "core/tensor.h"

namespace weft {

class Backend;
class Decoder;
class DecoderState;
struct DrawnRow;
struct RowDraw;

// A view of float32 activations in a backend's memory, row-major, rows contiguous.
struct Mat {
  float* data = nullptr;
  int64_t rows = 0;
  int64_t cols = 0;

  float* row(int64_t r) const { return data + r * cols; }
  Mat slice(int64_t first_row, int64_t n) const { return {row(first_row), n, cols}; }
  // The same numbers seen as rows of `new_cols` elements; new_cols divides rows × cols.
  Mat reshape(int64_t new_cols) const { return {data, rows * cols / new_cols, new_cols}; }
};

// What a weight is for, so that a backend may lay it out accordingly.
enum class WeightUse : uint8_t {
  kAny,     // everything
  kLookup,  // embed() only
};

// A weight in the form its backend's kernels read. Immutable.
class Weight {
 public:
  virtual ~Weight() = default;
  // Memory that its kernels read: the tensor's bytes where they are viewed, else its own.
  virtual std::size_t memory_bytes() const = 0;
  // The same where the host reads it; empty of a device's.
  virtual std::span<const std::byte> host_memory() const { return {}; }
  // Whether the tensor's bytes are not read again: the kernels have a copy in another layout.
  virtual bool has_own_layout() const { return false; }
  DType type() const { return type_; }
  int64_t rows() const { return rows_; }  // output features
  int64_t cols() const { return cols_; }  // input features

 protected:
  Weight(DType type, int64_t rows, int64_t cols) : type_(type), rows_(rows), cols_(cols) {}

 private:
  DType type_;
  int64_t rows_, cols_;
};

// The paged KV cache of a group of layers with one shape. Its layout is the backend's.
struct KvCacheSpec {
  int32_t n_layers = 0;
  int32_t n_kv_heads = 0;
  int32_t head_dim = 0;
  int32_t block_size = 16;  // tokens a block; divides kAttentionSplit
  int32_t num_blocks = 0;
  // F32, F16, BF16 or Q8_0 (a scale for 32 elements of a token's head); on CUDA F8_E4M3 as well (a
  // power of two for a token's head).
  DType type = DType::kF32;
};

class KvCache {
 public:
  virtual ~KvCache() = default;
  const KvCacheSpec& spec() const { return spec_; }

 protected:
  explicit KvCache(const KvCacheSpec& spec) : spec_(spec) {}

 private:
  KvCacheSpec spec_;
};

// Attention over a long context is computed in splits of this many tokens, counted from position
// 0, each from a fresh (maximum, sum, output), merged in ascending order. Being constant, the
// splits make prefill, decode and every batch shape compute the same sums.
inline constexpr int32_t kAttentionSplit = 256;

// The weights of a gated feed-forward layer (Shazeer, 2020).
struct FeedForward {
  const Weight& gate;
  const Weight& up;
  const Weight& down;
  Activation activation;
};

// One output of linear(): out[t] = w · x[t] (+ bias).
struct LinearOutput {
  const Weight* weight = nullptr;
  const Weight* bias = nullptr;  // float32 [w.rows], or null
  Mat out;                       // [tokens, w.rows]
};

struct AttentionShape {
  int32_t n_heads = 0;
  int32_t n_kv_heads = 0;
  int32_t head_dim = 0;
  int32_t window = 0;  // LayerConfig::attention_window
  float scale = 1.0f;  // multiplies q · k
};

// How each position turns the head's pairs: made once for a model by core/model/rope.h.
struct RopeFrequencies {
  RopeKind kind = RopeKind::kNormal;
  int32_t dims = 0;
  std::span<const double> inverse;  // [dims / 2], radians a token
  double magnitude = 1.0;           // YaRN's attention factor, multiplies sine and cosine
};

// Receives logits, and final hidden states, as the head computes them, in chunks of rows, so that
// all rows of a step are never held at once. Called on the step thread.
class LogitSink {
 public:
  virtual ~LogitSink() = default;
  // logits: [rows, n_vocab] in the backend's memory, for batch.logit_rows[first_row …]. May be
  // overwritten by the callee; valid during the call.
  virtual void consume(Backend& backend, int64_t first_row, Mat logits) = 0;
  // hidden: [rows, n_embd], what the head is applied to: the last layer's output after the final
  // norm, for batch.hidden_rows[first_row …]. All of a step's hidden rows come before its logits.
  // By default they are dropped: most sinks want none.
  virtual void consume_hidden(Backend& /*backend*/, int64_t /*first_row*/, Mat /*hidden*/) {}
};

struct StepTicket {
  uint64_t step = 0;
};

// Of draws whose ids are not known yet.
struct DrawTicket {
  uint64_t call = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;

  // "cpu avx2, 2 threads": for logs and tables.
  virtual std::string description() const = 0;

  // --- Memory -------------------------------------------------------------------------------
  // Zeroed, aligned to at least 64 bytes. Fails with kOutOfMemory, naming the size.
  virtual Result<Buffer> allocate(std::size_t size_bytes) = 0;
  // How activations are held in linear layers: "f32", "i16", …
  virtual std::string activations() const { return "f32"; }
  // Copies between host memory and the backend's.
  virtual void upload(void* device, const void* host, std::size_t size_bytes) = 0;
  virtual void download(void* host, const void* device, std::size_t size_bytes) = 0;
  // Whether its memory is the host's, so that what others would download may be used in place.
  virtual bool memory_is_hosts() const { return false; }
  // Makes the weight the kernels read. The tensor's bytes must stay valid as long as the weight,
  // unless it has_own_layout(): a backend that needs no other keeps the view. Fails with
  // kUnsupported for a type without kernels. Vectors (norms, biases) are float32 of any row shape.
  virtual Result<std::unique_ptr<Weight>> load_weight(const HostTensor& tensor,
                                                      WeightUse use = WeightUse::kAny) = 0;
  virtual Result<std::unique_ptr<KvCache>> create_kv_cache(const KvCacheSpec& spec) = 0;
  // Bytes create_kv_cache() would allocate.
  virtual std::size_t kv_cache_bytes(const KvCacheSpec& spec) const = 0;

  // --- Keys and values outside ---------------------------------------------------------------
  // What the bytes of a cache's blocks are: their layout, and whatever their bits depend on beside
  // ids and weights (kernels, how activations are held). Blocks that were exported may be imported
  // where it is the same; elsewhere they are computed again. "": blocks cannot be exported.
  virtual std::string kv_identity(const KvCache& /*cache*/) const { return ""; }
  // Bytes of one block, keys and values of all layers.
  virtual std::size_t kv_block_bytes(const KvCache& /*cache*/) const { return 0; }
  // One whole block to or from host memory: [kv_block_bytes].
  virtual void export_block(const KvCache& /*cache*/, int32_t /*block*/, std::byte* /*to*/) {}
  virtual void import_block(KvCache& /*cache*/, int32_t /*block*/, const std::byte* /*from*/) {}

  // --- Layers elsewhere -----------------------------------------------------------------------
  // The backend that computes a layer of the model and holds its weights, keys and values; null:
  // this one, whose is all that is outside of layers. See core/split_backend.h.
  virtual Backend* layer_backend(int32_t /*layer*/) const { return nullptr; }

  // --- Steps --------------------------------------------------------------------------------
  // Runs one step of the decoder. The default composes the operations below and is done when it
  // returns; a backend may take the step over (a graph, a persistent kernel). The batch and the
  // sink stay valid until wait() returned. `sink` may be null if no rows are wanted.
  virtual StepTicket submit_step(const Decoder& decoder, DecoderState& state,
                                 const StepBatch& batch, LogitSink* sink);
  virtual Result<void> wait(StepTicket ticket);
  // What is done between them belongs to one step: the arrays of its batch stay as they are.
  virtual void begin_step() {}
  virtual void end_step() {}

  // --- Work on the host between operations, such as drawing tokens ----------------------------
  // The threads that may do it, the caller among them.
  virtual int host_threads() const { return 1; }
  // Calls work(begin, end, worker) for disjoint ranges that cover [0, n), each at most `grain` long
  // where there are several threads, with worker below host_threads(); returns when all are done.
  // `work` must not throw or call this backend.
  virtual void for_ranges_on_host(
      int64_t n, int64_t grain,
      const std::function<void(int64_t begin, int64_t end, int worker)>& work);

  // --- Operations ---------------------------------------------------------------------------
  // out[t] = row ids[t] of the table, decoded. [tokens, table.cols]
  virtual void embed(const Weight& table, std::span<const int32_t> ids, Mat out) = 0;

  // out[r] = x[r] / sqrt(mean(x[r]²) + eps) × gain (Zhang & Sennrich, 2019). x and out may be
  // the same. Also norms heads: rows are then (token, head).
  virtual void rms_norm(Mat x, const Weight& gain, float eps, Mat out) = 0;

  // All weights that share the input x, so that it is prepared once.
  virtual void linear(Mat x, std::span<const LinearOutput> outputs) = 0;

  // table[t] = cosines then sines of every pair at positions[t]: [tokens, rope.dims].
  virtual void rope_table(const RopeFrequencies& rope, std::span<const int32_t> positions,
                          Mat table) = 0;
  // Rotates each head of x [tokens, heads × head_dim] in place.
  virtual void rope(Mat x, int32_t head_dim, const RopeFrequencies& rope, Mat table) = 0;

  // Stores k and v [tokens, kv heads × head_dim] of one layer at batch.slots.
  virtual void kv_store(KvCache& cache, int32_t layer, Mat k, Mat v,
                        std::span<const int32_t> slots) = 0;

  // Copies blocks, in all layers of the cache, as if one after the other in this order: a block
  // may be the source of one copy and the target of a later one.
  virtual void copy_blocks(KvCache& cache, std::span<const BlockCopy> copies) = 0;

  // Causal attention of every token of the batch over its sequence's blocks, whose K and V are
  // stored already. q and out: [tokens, heads × head_dim]. A query head h reads KV head
  // h / (n_heads / n_kv_heads).
  virtual void attention(Mat q, const KvCache& cache, int32_t layer, const AttentionShape& shape,
                         const StepBatch& batch, Mat out) = 0;

  // out = activation(gate) × up, element by element. out may be gate or up.
  virtual void glu(Mat gate, Mat up, Activation activation, Mat out) = 0;

  // x += y.
  virtual void add(Mat x, Mat y) = 0;

  // out[i] = x[rows[i]].
  virtual void gather_rows(Mat x, std::span<const int32_t> rows, Mat out) = 0;

  // Draws an id for each of `draws` (core/row_draw.h) from its row of the logits and leaves the
  // logits as they were. Each depends on its own row and options alone. `drawn` [draws] is filled
  // when it returns. False, by default: this backend does not draw, and nothing was done.
  virtual bool sample(Mat logits, std::span<const RowDraw> draws, std::span<DrawnRow> drawn);

  // sample() in two parts, so that the host goes on while the device still computes what the draws
  // are made from: queues the draws, and gives a ticket for collect(). Steps that are submitted
  // before it may take their ids from there (StepBatch::from_draw); draws of bad logits count as id
  // 0 then. Of a step whose logits come in chunks, these are draws first … of `total` in all: the
  // calls are made in order, each gives the same ticket, and nothing is drawn between them. A
  // ticket is void once two more were given; while one is open, no later one has more draws.
  // Nothing, by default: this backend does not, or has no memory to, and nothing was done; never
  // where first > 0, or another ticket is open. A backend that does has read a step's batch when
  // submit_step() returns, and needs no wait() between steps.
  virtual std::optional<DrawTicket> sample_later(Mat logits, std::span<const RowDraw> draws,
                                                 int64_t first, int64_t total);
  // Waits for the draws of the oldest open ticket, and for no step submitted after them, and fills
  // `drawn`, of as many; fails with the device's error if they or anything before them failed.
  virtual Result<void> collect(DrawTicket ticket, std::span<DrawnRow> drawn);

  // --- Fused operations: the default composes the plain ones and is the fused version's test --
  // x += y; out = rms_norm(x).
  virtual void add_rms_norm(Mat x, Mat y, const Weight& gain, float eps, Mat out);

  // out = down · (activation(gate · x) × (up · x)). hidden[0], hidden[1]: memory for what lies
  // between, both [x.rows, gate.rows()], which may be used or not.
  virtual void feed_forward(Mat x, const FeedForward& weights, std::span<const Mat, 2> hidden,
                            Mat out);
};

}  // namespace weft
