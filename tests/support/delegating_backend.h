// A backend that passes every operation on to another one. Tests derive from it to count, to
// record or to break a single operation. Fused operations and whole steps are not passed on:
// they are composed here, so that a derived class sees their parts.
#pragma once

#include <memory>
#include <utility>

#include "core/backend.h"

namespace weft::test {

class DelegatingBackend : public Backend {
 public:
  explicit DelegatingBackend(std::unique_ptr<Backend> inner) : inner_(std::move(inner)) {}

  std::string description() const override { return inner_->description(); }
  Result<Buffer> allocate(std::size_t size_bytes) override { return inner_->allocate(size_bytes); }
  void upload(void* device, const void* host, std::size_t size_bytes) override {
    inner_->upload(device, host, size_bytes);
  }
  void download(void* host, const void* device, std::size_t size_bytes) override {
    inner_->download(host, device, size_bytes);
  }
  Result<std::unique_ptr<Weight>> load_weight(const HostTensor& tensor, WeightUse use) override {
    return inner_->load_weight(tensor, use);
  }
  std::string activations() const override { return inner_->activations(); }
  Result<std::unique_ptr<KvCache>> create_kv_cache(const KvCacheSpec& spec) override {
    return inner_->create_kv_cache(spec);
  }
  std::size_t kv_cache_bytes(const KvCacheSpec& spec) const override {
    return inner_->kv_cache_bytes(spec);
  }
  Result<void> wait(StepTicket ticket) override { return inner_->wait(ticket); }

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

 protected:
  Backend& inner() { return *inner_; }

 private:
  std::unique_ptr<Backend> inner_;
};

}  // namespace weft::test
