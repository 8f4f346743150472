// Decoder: a Llama-family model ready to run, and its forward pass, written once against Backend.
// Immutable after create(): many states, each on its own step thread, may share one decoder.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/backend.h"
#include "core/batch.h"
#include "core/model/config.h"
#include "core/model/memory_ledger.h"
#include "core/model/rope.h"
#include "core/model/tensors.h"

namespace weft {

class DecoderState;
struct Workspace;

class Decoder {
 public:
  using LayerWeights = LayerTensorsOf<std::unique_ptr<Weight>>;
  using ModelWeights = ModelTensorsOf<std::unique_ptr<Weight>>;

  // `tensors` must fit `config` (the loader has checked that). The decoder keeps their storage.
  // Layers are loaded by the backends that compute them (Backend::layer_backend). States that run
  // it must use backends of the same kind as `backend`, with the same layers.
  static Result<std::unique_ptr<Decoder>> create(ModelConfig config, ModelTensors tensors,
                                                 Backend& backend);

  const ModelConfig& config() const { return config_; }
  // Bytes of all weights as the file stores them.
  size_t weight_bytes() const { return weight_bytes_; }
  // Bytes of the same as the backend's kernels read them.
  size_t weight_memory_bytes() const { return weight_memory_bytes_; }
  // Where the host's kernels read them: a part for each weight; none of those on a device.
  std::span<const std::span<const std::byte>> host_weights() const { return host_weights_; }

  // One step: computes every token of the batch, stores its K and V, and hands the final hidden
  // states of batch.hidden_rows and the logits of batch.logit_rows to `sink`. What
  // Backend::submit_step() runs unless a backend knows better.
  void forward(Backend& backend, DecoderState& state, const StepBatch& batch,
               LogitSink* sink) const;

 private:
  Decoder() = default;
  void layers(Backend& backend, Workspace& work, DecoderState& state, const StepBatch& batch,
              size_t first, size_t end) const;
  void layer(Backend& backend, Workspace& work, DecoderState& state, const StepBatch& batch,
             size_t index) const;
  // give(first_row, their final states) for chunks of `rows`.
  template <class Give>
  void final_states(Backend& backend, DecoderState& state, std::span<const int32_t> rows,
                    const Give& give) const;
  void head(Backend& backend, DecoderState& state, const StepBatch& batch, LogitSink* sink) const;

  ModelConfig config_;
  ModelWeights weights_;
  std::vector<RopeTable> ropes_;
  std::shared_ptr<void> storage_;
  size_t weight_bytes_ = 0;
  size_t weight_memory_bytes_ = 0;
  std::vector<std::span<const std::byte>> host_weights_;
};

// What a state must be able to hold.
struct StepLimits {
  int32_t max_tokens = 512;      // tokens in one step
  int32_t max_logit_rows = 512;  // rows of a step whose logits may be wanted
};

struct KvPoolSpec {
  int32_t block_size = 16;  // tokens; divides kAttentionSplit
  int32_t num_blocks = 0;
  DType type = DType::kF32;
};

// The activations of a step in one backend's memory: views of [max_tokens, …] each, of which a step
// uses the first rows.
struct Workspace {
  Buffer memory;
  Mat x, normed, q, k, v, attended, projected, gate, up;
  std::vector<Mat> rope_tables;  // [ropes]
  Mat head_rows, logits;         // [head chunk, …], where the head is; else of no rows
};

// What one runner owns of a decoder: the paged KV pool of every layer and the workspaces of the
// largest step. Owned by one step thread.
class DecoderState {
 public:
  static Result<std::unique_ptr<DecoderState>> create(const Decoder& decoder, Backend& backend,
                                                      const StepLimits& limits,
                                                      const KvPoolSpec& kv);

  static MemoryLedger ledger(const ModelConfig& config, size_t weight_bytes, const Backend& backend,
                             const StepLimits& limits, const KvPoolSpec& kv);

  // What a pool of such blocks has room in, beside the workspaces.
  struct PoolRoom {
    size_t host_block_bytes = 0;  // of a block, what would lie in the host's memory
    // Blocks of which devices with memory of their own hold their layers', the one that holds
    // least; the largest number where there is none.
    uint64_t device_blocks = 0;
  };
  static PoolRoom pool_room(const ModelConfig& config, const Backend& backend,
                            const StepLimits& limits, const KvPoolSpec& kv);

  // Copies blocks of the KV pool in every layer, in the order given; before the next step.
  void copy_blocks(Backend& backend, std::span<const BlockCopy> copies);

  // The KV pool's blocks outside of it, as Backend has them, all caches together.
  std::string kv_identity(const Backend& backend) const;
  size_t kv_block_bytes(const Backend& backend) const;
  void export_block(Backend& backend, int32_t block, std::span<std::byte> to) const;
  void import_block(Backend& backend, int32_t block, std::span<const std::byte> from);

  const StepLimits& limits() const { return limits_; }
  const KvPoolSpec& kv_spec() const { return kv_spec_; }

 private:
  friend class Decoder;
  DecoderState() = default;

  // Layers of one shape on one backend share a cache.
  struct Cache {
    std::unique_ptr<KvCache> kv;
    Backend* backend;  // null: the one that runs the state
  };
  struct KvPlace {
    KvCache* cache;
    int32_t layer;
  };
  // Layers that follow each other on one backend.
  struct Stage {
    size_t first, end;
    Backend* backend;  // null: the one that runs the state
    Workspace* work;
  };

  StepLimits limits_;
  KvPoolSpec kv_spec_;
  int64_t head_chunk_rows_ = 0;
  std::vector<Cache> caches_;
  std::vector<KvPlace> kv_places_;  // [layers]
  // The first is that of the backend that runs the state, where embedding and head are.
  std::vector<std::unique_ptr<Workspace>> workspaces_;
  std::vector<Stage> stages_;
  std::vector<std::byte> staging_;  // between two memories that are not the host's
};

}  // namespace weft
