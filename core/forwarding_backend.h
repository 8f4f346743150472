// ForwardingBackend: a backend that passes every operation on to another one. Whoever derives from
// it changes some of them. Whole steps are composed here, so that a derived class sees their parts.
#pragma once

#include <memory>
#include <utility>

#include "core/backend.h"

namespace weft {

class ForwardingBackend : public Backend {
 public:
  explicit ForwardingBackend(std::unique_ptr<Backend> inner) : inner_(std::move(inner)) {}

  std::string description() const override { return inner_->description(); }
  std::string activations() const override { return inner_->activations(); }

  Result<Buffer> allocate(std::size_t size_bytes) override { return inner_->allocate(size_bytes); }
  void upload(void* device, const void* host, std::size_t size_bytes) override {
    inner_->upload(device, host, size_bytes);
  }
  void download(void* host, const void* device, std::size_t size_bytes) override {
    inner_->download(host, device, size_bytes);
  }
  bool memory_is_hosts() const override { return inner_->memory_is_hosts(); }
  Result<std::unique_ptr<Weight>> load_weight(const HostTensor& tensor, WeightUse use) override {
    return inner_->load_weight(tensor, use);
  }
  Result<std::unique_ptr<KvCache>> create_kv_cache(const KvCacheSpec& spec) override {
    return inner_->create_kv_cache(spec);
  }
  std::size_t kv_cache_bytes(const KvCacheSpec& spec) const override {
    return inner_->kv_cache_bytes(spec);
  }

  std::string kv_identity(const KvCache& cache) const override {
    return inner_->kv_identity(cache);
  }
  std::size_t kv_block_bytes(const KvCache& cache) const override {
    return inner_->kv_block_bytes(cache);
  }
  void export_block(const KvCache& cache, int32_t block, std::byte* to) override {
    inner_->export_block(cache, block, to);
  }
  void import_block(KvCache& cache, int32_t block, const std::byte* from) override {
    inner_->import_block(cache, block, from);
  }

  Result<void> wait(StepTicket ticket) override { return inner_->wait(ticket); }
  void begin_step() override { inner_->begin_step(); }
  void end_step() override { inner_->end_step(); }
  int host_threads() const override { return inner_->host_threads(); }
  void for_ranges_on_host(
      int64_t n, int64_t grain,
      const std::function<void(int64_t begin, int64_t end, int worker)>& work) override {
    inner_->for_ranges_on_host(n, grain, work);
  }

  void embed(const Weight& table, std::span<const int32_t> ids, Mat out) override {
    inner_->embed(table, ids, out);
  }
  void rms_norm(Mat x, const Weight& gain, float eps, Mat out) override {
    inner_->rms_norm(x, gain, eps, out);
  }
  void linear(Mat x, std::span<const LinearOutput> outputs) override { inner_->linear(x, outputs); }
  void rope_table(const RopeFrequencies& rope, std::span<const int32_t> positions,
                  Mat table) override {
    inner_->rope_table(rope, positions, table);
  }
  void rope(Mat x, int32_t head_dim, const RopeFrequencies& rope, Mat table) override {
    inner_->rope(x, head_dim, rope, table);
  }
  void kv_store(KvCache& cache, int32_t layer, Mat k, Mat v,
                std::span<const int32_t> slots) override {
    inner_->kv_store(cache, layer, k, v, slots);
  }
  void copy_blocks(KvCache& cache, std::span<const BlockCopy> copies) override {
    inner_->copy_blocks(cache, copies);
  }
  void attention(Mat q, const KvCache& cache, int32_t layer, const AttentionShape& shape,
                 const StepBatch& batch, Mat out) override {
    inner_->attention(q, cache, layer, shape, batch, out);
  }
  void glu(Mat gate, Mat up, Activation activation, Mat out) override {
    inner_->glu(gate, up, activation, out);
  }
  void add(Mat x, Mat y) override { inner_->add(x, y); }
  void gather_rows(Mat x, std::span<const int32_t> rows, Mat out) override {
    inner_->gather_rows(x, rows, out);
  }
  bool sample(Mat logits, std::span<const RowDraw> draws, std::span<DrawnRow> drawn) override {
    return inner_->sample(logits, draws, drawn);
  }
  std::optional<DrawTicket> sample_later(Mat logits, std::span<const RowDraw> draws, int64_t first,
                                         int64_t total) override {
    return inner_->sample_later(logits, draws, first, total);
  }
  Result<void> collect(DrawTicket ticket, std::span<DrawnRow> drawn) override {
    return inner_->collect(ticket, drawn);
  }
  void add_rms_norm(Mat x, Mat y, const Weight& gain, float eps, Mat out) override {
    inner_->add_rms_norm(x, y, gain, eps, out);
  }
  void feed_forward(Mat x, const FeedForward& weights, std::span<const Mat, 2> hidden,
                    Mat out) override {
    inner_->feed_forward(x, weights, hidden, out);
  }

 protected:
  Backend& inner() { return *inner_; }
  const Backend& inner() const { return *inner_; }

 private:
  std::unique_ptr<Backend> inner_;
};

}  // namespace weft
