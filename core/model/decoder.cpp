#include "core/model/decoder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>

#include "core/check.h"
#include "core/model/device_memory.h"
#include "core/model/elsewhere.h"
#include "core/model/layer_roles.h"

namespace weft {

namespace {

// From one backend's memory to another's.
void move_rows(Backend& from, Mat x, Backend& to, Mat out, std::vector<std::byte>& staging) {
  const size_t size_bytes = static_cast<size_t>(x.rows * x.cols) * sizeof(float);
  if (from.memory_is_hosts()) return to.upload(out.data, x.data, size_bytes);
  if (to.memory_is_hosts()) return from.download(out.data, x.data, size_bytes);
  staging.resize(size_bytes);
  from.download(staging.data(), x.data, size_bytes);
  to.upload(out.data, staging.data(), size_bytes);
}

}  // namespace

void Decoder::forward(Backend& backend, DecoderState& state, const StepBatch& batch,
                      LogitSink* sink) const {
  WEFT_CHECK(batch.num_tokens() <= state.limits_.max_tokens,
             "step of " + std::to_string(batch.num_tokens()) + " tokens, limit " +
                 std::to_string(state.limits_.max_tokens));
  const int64_t tokens = batch.num_tokens();
  Workspace& main = *state.workspaces_.front();

  backend.embed(*weights_.token_embedding, batch.token_ids, main.x.slice(0, tokens));
  Backend* at = &backend;
  const Workspace* work = &main;
  const auto move_to = [&](Backend& to, const Workspace& its_work) {
    if (&its_work == work) return;
    move_rows(*at, work->x.slice(0, tokens), to, its_work.x.slice(0, tokens), state.staging_);
    at = &to;
    work = &its_work;
  };
  for (const DecoderState::Stage& stage : state.stages_) {
    Backend& its_backend = elsewhere_or(stage.backend, backend);
    move_to(its_backend, *stage.work);
    layers(its_backend, *stage.work, state, batch, stage.first, stage.end);
  }
  move_to(backend, main);
  head(backend, state, batch, sink);
}

// Layers [first, end), which are of this backend: from what work.x holds to what it then holds.
void Decoder::layers(Backend& backend, Workspace& work, DecoderState& state, const StepBatch& batch,
                     size_t first, size_t end) const {
  const int64_t tokens = batch.num_tokens();
  const float eps = config_.rms_norm_eps;
  const Mat x = work.x.slice(0, tokens);
  const Mat normed = work.normed.slice(0, tokens);
  const Mat projected = work.projected.slice(0, tokens);
  for (size_t i = 0; i < ropes_.size(); ++i) {
    backend.rope_table(ropes_[i].frequencies(), batch.positions,
                       work.rope_tables[i].slice(0, tokens));
  }
  backend.rms_norm(x, *weights_.layers[first].attn_norm, eps, normed);
  for (size_t i = first; i < end; ++i) {
    layer(backend, work, state, batch, i);
    if (i + 1 == end) {
      backend.add(x, projected);
    } else {
      backend.add_rms_norm(x, projected, *weights_.layers[i + 1].attn_norm, eps, normed);
    }
  }
}

// Expects the layer's normed input in work.normed and leaves what is to be added to work.x in
// work.projected.
void Decoder::layer(Backend& backend, Workspace& work, DecoderState& state, const StepBatch& batch,
                    size_t index) const {
  const LayerWeights& w = weights_.layers[index];
  const LayerConfig& c = config_.layers[index];
  const DecoderState::KvPlace& kv = state.kv_places_[index];
  const float eps = config_.rms_norm_eps;
  const int64_t tokens = batch.num_tokens();
  const Mat x = work.x.slice(0, tokens);
  const Mat normed = work.normed.slice(0, tokens);
  const Mat q = Mat{work.q.data, tokens, int64_t{c.n_heads} * c.head_dim};
  const Mat k = Mat{work.k.data, tokens, int64_t{c.n_kv_heads} * c.head_dim};
  const Mat v = Mat{work.v.data, tokens, k.cols};
  const Mat attended = Mat{work.attended.data, tokens, q.cols};
  const Mat projected = work.projected.slice(0, tokens);
  const Mat gate = Mat{work.gate.data, tokens, c.ffn_dim};
  const Mat up = Mat{work.up.data, tokens, c.ffn_dim};

  backend.linear(normed, std::array{LinearOutput{w.wq.get(), w.bq.get(), q},
                                    LinearOutput{w.wk.get(), w.bk.get(), k},
                                    LinearOutput{w.wv.get(), w.bv.get(), v}});
  if (w.q_norm) backend.rms_norm(q.reshape(c.head_dim), *w.q_norm, eps, q.reshape(c.head_dim));
  if (w.k_norm) backend.rms_norm(k.reshape(c.head_dim), *w.k_norm, eps, k.reshape(c.head_dim));
  const RopeFrequencies rope = ropes_[c.rope].frequencies();
  const Mat rope_table = work.rope_tables[c.rope].slice(0, tokens);
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

  backend.feed_forward(normed, {*w.gate, *w.up, *w.down, c.activation}, std::array{gate, up},
                       projected);
}

template <class Give>
void Decoder::final_states(Backend& backend, DecoderState& state, std::span<const int32_t> rows,
                           const Give& give) const {
  const std::ptrdiff_t chunk = state.head_chunk_rows_;
  const Workspace& work = *state.workspaces_.front();
  for (std::ptrdiff_t first = 0; first < std::ssize(rows); first += chunk) {
    const std::ptrdiff_t n = std::min(chunk, std::ssize(rows) - first);
    const Mat x = work.head_rows.slice(0, n);
    backend.gather_rows(work.x, rows.subspan(first, n), x);
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
    const Mat logits = state.workspaces_.front()->logits.slice(0, hidden.rows);
    backend.linear(hidden, std::array{LinearOutput{&output, nullptr, logits}});
    sink->consume(backend, first, logits);
  });
}

namespace {

// Loads tensors if they are there, counts their bytes, and lets go of those that the backend has in
// a layout of its own: one at a time, so that a model is never twice in memory.
struct WeightLoader {
  const ModelTensors& tensors;
  size_t& file_bytes;
  size_t& memory_bytes;
  std::vector<std::span<const std::byte>>& host_memory;

  Result<void> operator()(Backend& backend, const HostTensor& from, std::unique_ptr<Weight>& to,
                          WeightUse use = WeightUse::kAny) {
    if (!from.present()) return {};
    if (tensors.fetch) WEFT_TRY(tensors.fetch(from.bytes));
    WEFT_TRY_ASSIGN(to, backend.load_weight(from, use));
    file_bytes += from.bytes.size();
    memory_bytes += to->memory_bytes();
    if (!to->host_memory().empty()) host_memory.push_back(to->host_memory());
    if (to->has_own_layout() && tensors.release) tensors.release(from.bytes);
    return {};
  }
};

}  // namespace

Result<std::unique_ptr<Decoder>> Decoder::create(ModelConfig config, ModelTensors tensors,
                                                 Backend& backend) {
  WEFT_TRY(check_weights_fit(tensors, backend));
  auto decoder = std::unique_ptr<Decoder>(new Decoder());
  ModelWeights& w = decoder->weights_;
  WeightLoader load{tensors, decoder->weight_bytes_, decoder->weight_memory_bytes_,
                    decoder->host_weights_};
  const bool tied = !tensors.output.present();
  WEFT_TRY(load(backend, tensors.token_embedding, w.token_embedding,
                tied ? WeightUse::kAny : WeightUse::kLookup));
  WEFT_TRY(load(backend, tensors.output_norm, w.output_norm));
  WEFT_TRY(load(backend, tensors.output, w.output));
  w.layers.resize(tensors.layers.size());
  for (size_t i = 0; i < w.layers.size(); ++i) {
    Backend& its_backend = elsewhere_or(backend.layer_backend(static_cast<int32_t>(i)), backend);
    for (const auto& [host, weight] : kLayerRoles) {
      WEFT_TRY(load(its_backend, tensors.layers[i].*host, w.layers[i].*weight));
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

}  // namespace weft
