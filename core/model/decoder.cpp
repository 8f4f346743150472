#include "core/model/decoder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>

#include "core/check.h"

namespace weft {

void Decoder::forward(Backend& backend, DecoderState& state, const StepBatch& batch,
                      LogitSink* sink) const {
  WEFT_CHECK(batch.num_tokens() <= state.limits_.max_tokens,
             "step of " + std::to_string(batch.num_tokens()) + " tokens, limit " +
                 std::to_string(state.limits_.max_tokens));
  const int64_t tokens = batch.num_tokens();
  const Mat x = state.x_.slice(0, tokens);

  backend.embed(*weights_.token_embedding, batch.token_ids, x);
  for (size_t i = 0; i < ropes_.size(); ++i) {
    backend.rope_table(ropes_[i].frequencies(), batch.positions,
                       state.rope_tables_[i].slice(0, tokens));
  }
  backend.rms_norm(x, *weights_.layers.front().attn_norm, config_.rms_norm_eps,
                   state.normed_.slice(0, tokens));
  for (size_t i = 0; i < weights_.layers.size(); ++i) layer(backend, state, batch, i);
  head(backend, state, batch, sink);
}

// Expects the layer's normed input in state.normed_ and leaves the next layer's there.
void Decoder::layer(Backend& backend, DecoderState& state, const StepBatch& batch,
                    size_t index) const {
  const LayerWeights& w = weights_.layers[index];
  const LayerConfig& c = config_.layers[index];
  const DecoderState::KvPlace& kv = state.kv_places_[index];
  const float eps = config_.rms_norm_eps;
  const int64_t tokens = batch.num_tokens();
  const Mat x = state.x_.slice(0, tokens);
  const Mat normed = state.normed_.slice(0, tokens);
  const Mat q = Mat{state.q_.data, tokens, int64_t{c.n_heads} * c.head_dim};
  const Mat k = Mat{state.k_.data, tokens, int64_t{c.n_kv_heads} * c.head_dim};
  const Mat v = Mat{state.v_.data, tokens, k.cols};
  const Mat attended = Mat{state.attended_.data, tokens, q.cols};
  const Mat projected = state.projected_.slice(0, tokens);
  const Mat gate = Mat{state.gate_.data, tokens, c.ffn_dim};
  const Mat up = Mat{state.up_.data, tokens, c.ffn_dim};

  backend.linear(normed, std::array{LinearOutput{w.wq.get(), w.bq.get(), q},
                                    LinearOutput{w.wk.get(), w.bk.get(), k},
                                    LinearOutput{w.wv.get(), w.bv.get(), v}});
  if (w.q_norm) backend.rms_norm(q.reshape(c.head_dim), *w.q_norm, eps, q.reshape(c.head_dim));
  if (w.k_norm) backend.rms_norm(k.reshape(c.head_dim), *w.k_norm, eps, k.reshape(c.head_dim));
  const RopeFrequencies rope = ropes_[c.rope].frequencies();
  const Mat rope_table = state.rope_tables_[c.rope].slice(0, tokens);
  backend.rope(q, c.head_dim, rope, rope_table);
  backend.rope(k, c.head_dim, rope, rope_table);
  backend.kv_store(*kv.cache, kv.layer, k, v, batch.slots);
  const AttentionShape shape{.n_heads = c.n_heads,
                             .n_kv_heads = c.n_kv_heads,
                             .head_dim = c.head_dim,
                             .window = c.attention_window,
                             .scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim))};
  backend.attention(q, *kv.cache, kv.layer, shape, batch, attended);
  backend.linear(attended, std::array{LinearOutput{w.wo.get(), w.bo.get(), projected}});
  backend.add_rms_norm(x, projected, *w.ffn_norm, eps, normed);

  backend.linear(normed, std::array{LinearOutput{w.gate.get(), nullptr, gate},
                                    LinearOutput{w.up.get(), nullptr, up}});
  backend.glu(gate, up, c.activation, gate);
  backend.linear(gate, std::array{LinearOutput{w.down.get(), nullptr, projected}});
  const bool last = index + 1 == weights_.layers.size();
  if (last) {
    backend.add(x, projected);
  } else {
    backend.add_rms_norm(x, projected, *weights_.layers[index + 1].attn_norm, eps, normed);
  }
}

template <class Give>
void Decoder::final_states(Backend& backend, DecoderState& state, std::span<const int32_t> rows,
                           const Give& give) const {
  const std::ptrdiff_t chunk = state.head_chunk_rows_;
  for (std::ptrdiff_t first = 0; first < std::ssize(rows); first += chunk) {
    const std::ptrdiff_t n = std::min(chunk, std::ssize(rows) - first);
    const Mat x = state.head_rows_.slice(0, n);
    backend.gather_rows(state.x_, rows.subspan(first, n), x);
    backend.rms_norm(x, *weights_.output_norm, config_.rms_norm_eps, x);
    give(first, x);
  }
}

void Decoder::head(Backend& backend, DecoderState& state, const StepBatch& batch,
                   LogitSink* sink) const {
  WEFT_CHECK(sink != nullptr || (batch.logit_rows.empty() && batch.hidden_rows.empty()),
             "rows wanted without a sink");
  final_states(backend, state, batch.hidden_rows,
               [&](int64_t first, Mat hidden) { sink->consume_hidden(backend, first, hidden); });
  const Weight& output = weights_.output ? *weights_.output : *weights_.token_embedding;
  final_states(backend, state, batch.logit_rows, [&](int64_t first, Mat hidden) {
    const Mat logits = state.logits_.slice(0, hidden.rows);
    backend.linear(hidden, std::array{LinearOutput{&output, nullptr, logits}});
    sink->consume(backend, first, logits);
  });
}

namespace {

// Loads tensors if they are there, counts their bytes, and lets go of those that the backend has in
// a layout of its own: one at a time, so that a model is never twice in memory.
struct WeightLoader {
  Backend& backend;
  const ModelTensors& tensors;
  size_t& file_bytes;
  size_t& memory_bytes;

  Result<void> operator()(const HostTensor& from, std::unique_ptr<Weight>& to,
                          WeightUse use = WeightUse::kAny) {
    if (!from.present()) return {};
    if (tensors.fetch) WEFT_TRY(tensors.fetch(from.bytes));
    WEFT_TRY_ASSIGN(to, backend.load_weight(from, use));
    file_bytes += from.bytes.size();
    memory_bytes += to->memory_bytes();
    if (to->has_own_layout() && tensors.release) tensors.release(from.bytes);
    return {};
  }
};

}  // namespace

Result<std::unique_ptr<Decoder>> Decoder::create(ModelConfig config, ModelTensors tensors,
                                                 Backend& backend) {
  auto decoder = std::unique_ptr<Decoder>(new Decoder());
  ModelWeights& w = decoder->weights_;
  WeightLoader load{backend, tensors, decoder->weight_bytes_, decoder->weight_memory_bytes_};
  const bool tied = !tensors.output.present();
  WEFT_TRY(load(tensors.token_embedding, w.token_embedding,
                tied ? WeightUse::kAny : WeightUse::kLookup));
  WEFT_TRY(load(tensors.output_norm, w.output_norm));
  WEFT_TRY(load(tensors.output, w.output));
  w.layers.resize(tensors.layers.size());
  using Host = LayerTensorsOf<HostTensor>;
  constexpr std::array kRoles = {
      std::pair{&Host::attn_norm, &LayerWeights::attn_norm},
      std::pair{&Host::wq, &LayerWeights::wq},
      std::pair{&Host::wk, &LayerWeights::wk},
      std::pair{&Host::wv, &LayerWeights::wv},
      std::pair{&Host::bq, &LayerWeights::bq},
      std::pair{&Host::bk, &LayerWeights::bk},
      std::pair{&Host::bv, &LayerWeights::bv},
      std::pair{&Host::q_norm, &LayerWeights::q_norm},
      std::pair{&Host::k_norm, &LayerWeights::k_norm},
      std::pair{&Host::wo, &LayerWeights::wo},
      std::pair{&Host::bo, &LayerWeights::bo},
      std::pair{&Host::ffn_norm, &LayerWeights::ffn_norm},
      std::pair{&Host::gate, &LayerWeights::gate},
      std::pair{&Host::up, &LayerWeights::up},
      std::pair{&Host::down, &LayerWeights::down},
  };
  for (size_t i = 0; i < w.layers.size(); ++i) {
    for (const auto& [host, weight] : kRoles) {
      WEFT_TRY(load(tensors.layers[i].*host, w.layers[i].*weight));
    }
  }
  std::vector<float> factors;
  if (tensors.rope_factors.present()) {
    factors.resize(tensors.rope_factors.elements());
    std::memcpy(factors.data(), tensors.rope_factors.bytes.data(),
                tensors.rope_factors.bytes.size());
    decoder->weight_bytes_ += tensors.rope_factors.bytes.size();
    decoder->weight_memory_bytes_ += tensors.rope_factors.bytes.size();
  }
  for (const RopeConfig& rope : config.ropes) decoder->ropes_.emplace_back(rope, factors);
  decoder->config_ = std::move(config);
  decoder->storage_ = std::move(tensors.storage);
  return decoder;
}

namespace {

// The head's logits are held in chunks of about this size, so that a long prompt whose every
// logit is wanted does not need rows × vocabulary at once. 16 MiB is 32 rows of a 128k vocabulary:
// enough rows to read the head's weights rarely, little enough to stay near the caches.
constexpr int64_t kHeadChunkBytes = int64_t{16} << 20;

// The KV caches a model needs: layers of one shape share one.
struct KvPlan {
  std::vector<KvCacheSpec> caches;
  std::vector<std::pair<size_t, int32_t>> places;  // [layers]: cache, layer in it
};

KvPlan plan_kv(const ModelConfig& config, const KvPoolSpec& pool) {
  KvPlan plan;
  for (const LayerConfig& layer : config.layers) {
    auto same = std::find_if(plan.caches.begin(), plan.caches.end(), [&](const KvCacheSpec& c) {
      return c.n_kv_heads == layer.n_kv_heads && c.head_dim == layer.head_dim;
    });
    if (same == plan.caches.end()) {
      plan.caches.push_back({.n_kv_heads = layer.n_kv_heads,
                             .head_dim = layer.head_dim,
                             .block_size = pool.block_size,
                             .num_blocks = pool.num_blocks,
                             .type = pool.type});
      same = plan.caches.end() - 1;
    }
    plan.places.emplace_back(same - plan.caches.begin(), same->n_layers++);
  }
  return plan;
}

// Row widths of the workspace of one token, and of the head.
struct WorkspacePlan {
  int64_t embd, q, kv, ffn, vocab, head_chunk_rows;
  std::vector<int64_t> ropes;
  int64_t max_tokens;

  WorkspacePlan(const ModelConfig& config, const StepLimits& limits)
      : embd(config.n_embd),
        q(0),
        kv(0),
        ffn(0),
        vocab(config.n_vocab),
        max_tokens(limits.max_tokens) {
    for (const LayerConfig& layer : config.layers) {
      q = std::max(q, int64_t{layer.n_heads} * layer.head_dim);
      kv = std::max(kv, int64_t{layer.n_kv_heads} * layer.head_dim);
      ffn = std::max(ffn, int64_t{layer.ffn_dim});
    }
    for (const RopeConfig& rope : config.ropes) ropes.push_back(rope.dims);
    const int64_t row_bytes = std::max<int64_t>(1, vocab) * int64_t{sizeof(float)};
    head_chunk_rows =
        std::clamp<int64_t>(kHeadChunkBytes / row_bytes, 1, std::max(1, limits.max_logit_rows));
  }

  // Calls place(rows, cols) for every view, in a fixed order.
  template <class Place>
  void for_each(Place place) const {
    for (int64_t cols : {embd, embd, q, kv, kv, q, embd, ffn, ffn}) place(max_tokens, cols);
    for (int64_t dims : ropes) place(max_tokens, dims);
    place(head_chunk_rows, embd);
    place(head_chunk_rows, vocab);
  }

  static size_t aligned_bytes(int64_t rows, int64_t cols) {
    return (static_cast<size_t>(rows * cols) * sizeof(float) + 63) / 64 * 64;
  }

  size_t bytes() const {
    size_t total = 0;
    for_each([&](int64_t rows, int64_t cols) { total += aligned_bytes(rows, cols); });
    return total;
  }
};

}  // namespace

MemoryLedger DecoderState::ledger(const ModelConfig& config, size_t weight_bytes,
                                  const Backend& backend, const StepLimits& limits,
                                  const KvPoolSpec& kv) {
  MemoryLedger ledger{.weight_bytes = weight_bytes};
  for (const KvCacheSpec& spec : plan_kv(config, kv).caches) {
    ledger.kv_bytes += backend.kv_cache_bytes(spec);
  }
  ledger.workspace_bytes = WorkspacePlan(config, limits).bytes();
  return ledger;
}

Result<std::unique_ptr<DecoderState>> DecoderState::create(const Decoder& decoder, Backend& backend,
                                                           const StepLimits& limits,
                                                           const KvPoolSpec& kv) {
  const ModelConfig& config = decoder.config();
  auto state = std::unique_ptr<DecoderState>(new DecoderState());
  state->limits_ = limits;
  state->kv_spec_ = kv;

  const KvPlan kv_plan = plan_kv(config, kv);
  for (const KvCacheSpec& spec : kv_plan.caches) {
    WEFT_TRY_ASSIGN(state->caches_.emplace_back(), backend.create_kv_cache(spec));
  }
  for (const auto& [cache, layer] : kv_plan.places) {
    state->kv_places_.push_back({state->caches_[cache].get(), layer});
  }

  const WorkspacePlan plan(config, limits);
  WEFT_TRY_ASSIGN(state->memory_, backend.allocate(plan.bytes()));
  std::vector<Mat*> views = {&state->x_,         &state->normed_, &state->q_,
                             &state->k_,         &state->v_,      &state->attended_,
                             &state->projected_, &state->gate_,   &state->up_};
  state->rope_tables_.resize(plan.ropes.size());
  for (Mat& table : state->rope_tables_) views.push_back(&table);
  views.push_back(&state->head_rows_);
  views.push_back(&state->logits_);
  auto* next = state->memory_.as<std::byte>();
  auto view = views.begin();
  plan.for_each([&](int64_t rows, int64_t cols) {
    **view++ = Mat{reinterpret_cast<float*>(next), rows, cols};
    next += WorkspacePlan::aligned_bytes(rows, cols);
  });
  state->head_chunk_rows_ = plan.head_chunk_rows;
  return state;
}

void DecoderState::copy_blocks(Backend& backend, std::span<const BlockCopy> copies) {
  if (copies.empty()) return;
  for (const auto& cache : caches_) backend.copy_blocks(*cache, copies);
}

std::string DecoderState::kv_identity(const Backend& backend) const {
  std::string all;
  for (const auto& cache : caches_) {
    const std::string one = backend.kv_identity(*cache);
    if (one.empty()) return "";
    all += (all.empty() ? "" : "; ") + one;
  }
  return all;
}

size_t DecoderState::kv_block_bytes(const Backend& backend) const {
  size_t bytes = 0;
  for (const auto& cache : caches_) bytes += backend.kv_block_bytes(*cache);
  return bytes;
}

void DecoderState::export_block(Backend& backend, int32_t block, std::span<std::byte> to) const {
  WEFT_CHECK(to.size() == kv_block_bytes(backend), std::to_string(to.size()) + " bytes of a block");
  for (const auto& cache : caches_) {
    backend.export_block(*cache, block, to.data());
    to = to.subspan(backend.kv_block_bytes(*cache));
  }
}

void DecoderState::import_block(Backend& backend, int32_t block, std::span<const std::byte> from) {
  WEFT_CHECK(from.size() == kv_block_bytes(backend),
             std::to_string(from.size()) + " bytes of a block");
  for (const auto& cache : caches_) {
    backend.import_block(*cache, block, from.data());
    from = from.subspan(backend.kv_block_bytes(*cache));
  }
}

}  // namespace weft
