#include "kernels/cuda/cuda_backend.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/model/decoder.h"
#include "core/model/device_memory.h"
#include "kernels/cuda/attention_step.h"
#include "kernels/cuda/cuda_kv_cache.h"
#include "kernels/cuda/cuda_weight.h"
#include "kernels/cuda/device_scratch.h"
#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/embed.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/pack_weight.h"
#include "kernels/cuda/rms_norm.h"
#include "kernels/cuda/rope.h"
#include "kernels/cuda/sample.h"
#include "kernels/cuda/step_graphs.h"
#include "kernels/cuda/warpgroup_check.h"
#include "kernels/cuda/weight_upload.h"

namespace weft {
namespace {

using cuda::CudaKvCache;
using cuda::CudaWeight;
using cuda::PreparedRows;

const CudaWeight& as_cuda(const Weight& weight) { return static_cast<const CudaWeight&>(weight); }
const CudaKvCache& as_cuda(const KvCache& cache) { return static_cast<const CudaKvCache&>(cache); }

// The float32 values of a weight that is one row.
const float* vector_of(const Weight& weight) {
  WEFT_CHECK(!as_cuda(weight).packed(), "a vector of " + std::to_string(weight.rows()) + " rows");
  return as_cuda(weight).floats();
}

// `num_drawn`: how many ids may be taken from draws.
void check_ids(std::span<const int32_t> ids, int64_t n_vocab, std::size_t num_drawn) {
  const int32_t least = StepBatch::from_draw(static_cast<int32_t>(num_drawn) - 1);
  for (const int32_t id : ids) {
    WEFT_CHECK(id >= least && id < n_vocab, "embed: token id " + std::to_string(id));
  }
}

bool any_from_draw(std::span<const int32_t> ids) {
  return std::ranges::any_of(ids, [](int32_t id) { return id < 0; });
}

// Where the parts of prepared activations lie in one piece of memory.
struct PreparedLayout {
  // held_rows: for which there is room, `rows` or more.
  PreparedLayout(int64_t rows, int64_t held_rows, int units)
      : scales(padded(cuda::prepared_value_bytes(held_rows, units))),
        sums(scales + padded(rows * int64_t{sizeof(float)})),
        size_bytes(sums + cuda::prepared_sum_bytes(held_rows, units)) {}
  static int64_t padded(int64_t bytes) { return (bytes + 255) / 256 * 256; }

  int64_t scales;  // after the values
  int64_t sums;
  int64_t size_bytes;
};

// Partial results of attention are at most 256 MiB; drawing and a step's arrays are some megabytes.
// Prepared activations are counted by themselves. Of a small device, whose contexts are short, a
// part that they fit in.
constexpr std::size_t kScratchBytes = std::size_t{320} << 20;

class CudaBackend final : public Backend, public DeviceMemory {
 public:
  CudaBackend(std::unique_ptr<cuda::Gpu> gpu, const CudaOptions& options)
      : gpu_(std::move(gpu)),
        options_(options),
        prompts_(cuda::choose_prompt_products(*gpu_, options_.plain_products != nullptr)) {}

  std::string description() const override {
    return "cuda " + gpu_->description() + prompts_.note + math_note();
  }
  std::string activations() const override { return "f16"; }

  Result<Buffer> allocate(std::size_t size_bytes) override { return gpu_->allocate(size_bytes); }
  void upload(void* device, const void* host, std::size_t size_bytes) override {
    gpu_->upload(device, host, size_bytes);
  }
  void download(void* host, const void* device, std::size_t size_bytes) override {
    gpu_->download(host, device, size_bytes);
  }
  Result<std::unique_ptr<Weight>> load_weight(const HostTensor& tensor, WeightUse) override;
  Amount device_memory() const override {
    const cuda::Gpu::Memory memory = gpu_->memory();
    return {.free_bytes = memory.free_bytes, .total_bytes = memory.total_bytes};
  }
  std::size_t weight_bytes(const HostTensor& tensor) const override {
    return CudaWeight::size_bytes(tensor, options_.plain_products != nullptr);
  }
  std::size_t scratch_bytes(const StepExtent& steps) const override {
    const std::size_t others = std::min(kScratchBytes, gpu_->memory().total_bytes / 16);
    const int64_t rows = steps.max_tokens;
    const PreparedLayout prepared(rows, cuda::staged_rows(rows), cuda::units_of(steps.widest_row));
    return others + cuda::GrowingBuffer::most_bytes(prepared.size_bytes);
  }
  Result<std::unique_ptr<KvCache>> create_kv_cache(const KvCacheSpec& spec) override {
    return CudaKvCache::create(*gpu_, spec);
  }
  std::size_t kv_cache_bytes(const KvCacheSpec& spec) const override {
    return CudaKvCache::size_bytes(spec);
  }
  std::string kv_identity(const KvCache& cache) const override {
    return description() + ", activations f16, " + as_cuda(cache).layout();
  }
  std::size_t kv_block_bytes(const KvCache& cache) const override {
    return static_cast<std::size_t>(as_cuda(cache).num_arrays() * as_cuda(cache).block_bytes());
  }
  void export_block(const KvCache& cache, int32_t block, std::byte* to) override;
  void import_block(KvCache& cache, int32_t block, const std::byte* from) override;

  StepTicket submit_step(const Decoder& decoder, DecoderState& state, const StepBatch& batch,
                         LogitSink* sink) override;
  void begin_step() override {
    uploader_.reset();  // what was to be loaded is
    arrays_.begin_step();
    attention_.begin_step();
  }
  void end_step() override {
    arrays_.end_step();
    attention_.end_step();
  }
  Result<void> wait(StepTicket) override {
    const Result<void> device = gpu_->synchronize();
    return device ? error_ : device;
  }

  void embed(const Weight& table, std::span<const int32_t> ids, Mat out) override;
  void rms_norm(Mat x, const Weight& gain, float eps, Mat out) override {
    cuda::rms_norm(stream(), x, nullptr, vector_of(gain), eps, out);
  }
  void add_rms_norm(Mat x, Mat y, const Weight& gain, float eps, Mat out) override {
    cuda::rms_norm(stream(), x, y.data, vector_of(gain), eps, out);
  }
  void linear(Mat x, std::span<const LinearOutput> outputs) override;
  void rope_table(const RopeFrequencies& rope, std::span<const int32_t> positions,
                  Mat table) override;
  void rope(Mat x, int32_t head_dim, const RopeFrequencies& rope, Mat table) override {
    cuda::rope(stream(), x, head_dim, rope.kind, table);
  }
  void kv_store(KvCache& cache, int32_t layer, Mat k, Mat v,
                std::span<const int32_t> slots) override;
  void copy_blocks(KvCache& cache, std::span<const BlockCopy> copies) override;
  void attention(Mat q, const KvCache& cache, int32_t layer, const AttentionShape& shape,
                 const StepBatch& batch, Mat out) override {
    attention_.run(*gpu_, arrays_, q, as_cuda(cache), layer, shape, batch, out, error_);
  }
  void glu(Mat gate, Mat up, Activation activation, Mat out) override {
    cuda::glu(stream(), gate, up, activation, out);
  }
  void add(Mat x, Mat y) override { cuda::add(stream(), x, y); }
  void gather_rows(Mat x, std::span<const int32_t> rows, Mat out) override {
    if (const int32_t* on_gpu = on_device(rows)) cuda::gather_rows(stream(), x, on_gpu, out);
  }
  bool sample(Mat logits, std::span<const RowDraw> draws, std::span<DrawnRow> drawn) override {
    sampler_.sample(*gpu_, logits, draws, drawn, error_);
    return true;
  }
  std::optional<DrawTicket> sample_later(Mat logits, std::span<const RowDraw> draws, int64_t first,
                                         int64_t total) override {
    return sampler_.sample_later(*gpu_, logits, draws, static_cast<std::size_t>(first),
                                 static_cast<std::size_t>(total), error_);
  }
  Result<void> collect(DrawTicket ticket, std::span<DrawnRow> drawn) override {
    return sampler_.collect(ticket, drawn);
  }

 private:
  cuda::Stream& stream() { return gpu_->stream(); }

  template <class T>
  const T* on_device(std::span<const T> values) {
    return arrays_.on_device(*gpu_, values, error_);
  }
  // Uploads the step's arrays to places of their own; nullopt: there was no memory.
  std::optional<cuda::StepShape> begin_decode_step(const Decoder& decoder, DecoderState& state,
                                                   const StepBatch& batch);
  // What was given up for speed.
  std::string math_note() const {
    if (options_.plain_products == nullptr) return "";
    return ", math fastest (bits depend on the batch; " + options_.plain_products->name() + ")";
  }
  // x as tensor cores take it; rows is 0 if there was no memory.
  PreparedRows prepare(Mat x, bool bfloat, bool staged);
  // By plain_products, if it can.
  bool linear_plain(const PreparedRows& x, const LinearOutput& output);
  void linear_of_type(Mat x, std::span<const LinearOutput> outputs, DType type);

  std::unique_ptr<cuda::Gpu> gpu_;
  const CudaOptions options_;  // with plain_products, which end before it
  const cuda::PromptProducts prompts_;
  std::unique_ptr<cuda::WeightUploader> uploader_;  // from the first weight to the first step
  cuda::StepArrays arrays_;
  cuda::AttentionStep attention_;
  cuda::GrowingBuffer prepared_;
  cuda::RowSampler sampler_;
  cuda::StepGraphs graphs_;
  cuda::KeptArrays rope_frequencies_;
  Result<void> error_;  // the first operation that found no memory
};

Result<std::unique_ptr<Weight>> CudaBackend::load_weight(const HostTensor& tensor, WeightUse use) {
  if (!uploader_) {
    WEFT_TRY_ASSIGN(uploader_, cuda::WeightUploader::create(*gpu_, {.threads = options_.threads}));
  }
  return CudaWeight::create(*uploader_, tensor,
                            options_.plain_products != nullptr && use != WeightUse::kLookup);
}

StepTicket CudaBackend::submit_step(const Decoder& decoder, DecoderState& state,
                                    const StepBatch& batch, LogitSink* sink) {
  if (!options_.graphs || !cuda::is_decode_step(batch)) {
    return Backend::submit_step(decoder, state, batch, sink);
  }
  check_ids(batch.token_ids, decoder.config().n_vocab, sampler_.num_drawn());
  auto shape = begin_decode_step(decoder, state, batch);
  cuda::StepGraph* const step = shape ? graphs_.find(*gpu_, std::move(*shape)) : nullptr;
  const auto forward = [&](LogitSink* to) { decoder.forward(*this, state, batch, to); };
  if (step != nullptr && !step->graph && !step->refused) {
    const Result<void> before = error_;
    const bool recorded = cuda::record(*gpu_, *step, forward);
    error_ = before;  // memory that was refused while recording is asked for again
    if (!recorded) begin_decode_step(decoder, state, batch);
  }
  if (step != nullptr && step->graph) {
    gpu_->launch(*step->graph);
    if (step->logits.rows > 0) sink->consume(*this, 0, step->logits);
  } else {
    forward(sink);
  }
  end_step();
  return {};
}

std::optional<cuda::StepShape> CudaBackend::begin_decode_step(const Decoder& decoder,
                                                              DecoderState& state,
                                                              const StepBatch& batch) {
  begin_step();
  cuda::StepShape shape{.decoder = &decoder,
                        .state = &state,
                        .rows = batch.num_tokens(),
                        .logit_rows = batch.logit_rows.size(),
                        .ids_from_draws = any_from_draw(batch.token_ids)};
  std::vector<std::span<const std::byte>> arrays;
  const auto add = [&](const auto& values) { arrays.push_back(std::as_bytes(std::span(values))); };
  for (const auto& values : {batch.token_ids, batch.positions, batch.slots, batch.logit_rows}) {
    add(values);
  }
  for (const auto& plan : attention_.plan_ahead(batch)) {
    for (const cuda::AttentionPart* part : {&plan->few, &plan->many}) {
      shape.splits.push_back(part->max_splits);
      add(part->tiles);
      add(part->slot_tokens);
    }
  }
  add(batch.block_tables);  // whose length moves what lies behind them
  if (!arrays_.upload_together(*gpu_, arrays, error_)) return std::nullopt;
  return shape;
}

void CudaBackend::export_block(const KvCache& cache, int32_t block, std::byte* to) {
  const CudaKvCache& kv = as_cuda(cache);
  for (int i = 0; i < kv.num_arrays(); ++i, to += kv.block_bytes()) {
    gpu_->download(to, kv.data() + i * kv.array_bytes() + block * kv.block_bytes(),
                   static_cast<std::size_t>(kv.block_bytes()));
  }
}

void CudaBackend::import_block(KvCache& cache, int32_t block, const std::byte* from) {
  const CudaKvCache& kv = as_cuda(cache);
  for (int i = 0; i < kv.num_arrays(); ++i, from += kv.block_bytes()) {
    gpu_->upload(kv.data() + i * kv.array_bytes() + block * kv.block_bytes(), from,
                 static_cast<std::size_t>(kv.block_bytes()));
  }
}

void CudaBackend::embed(const Weight& table, std::span<const int32_t> ids, Mat out) {
  check_ids(ids, table.rows(), sampler_.num_drawn());
  const int32_t* const on_gpu = on_device(ids);
  if (on_gpu == nullptr) return;
  if (any_from_draw(ids)) {
    // In their place: nothing else reads a step's ids.
    sampler_.take_drawn(stream(), const_cast<int32_t*>(on_gpu), static_cast<int>(ids.size()));
  }
  const CudaWeight& weight = as_cuda(table);
  if (weight.packed()) {
    cuda::embed_packed(stream(), weight.type(), weight.tiles(), on_gpu, out);
  } else {
    const Mat rows{const_cast<float*>(weight.floats()), weight.rows(), weight.cols()};
    cuda::gather_rows(stream(), rows, on_gpu, out);
  }
}

PreparedRows CudaBackend::prepare(Mat x, bool bfloat, bool staged) {
  const int units = cuda::units_of(x.cols);
  const int64_t held_rows = staged ? cuda::staged_rows(x.rows) : x.rows;
  const PreparedLayout layout(x.rows, held_rows, units);
  std::byte* const memory = prepared_.at_least(*gpu_, layout.size_bytes, error_);
  if (memory == nullptr) return {};
  const PreparedRows prepared{.rows = static_cast<int>(x.rows),
                              .units = units,
                              .values = reinterpret_cast<uint16_t*>(memory),
                              .inverse_scales = reinterpret_cast<float*>(memory + layout.scales),
                              .sums = reinterpret_cast<cuda::Vec2*>(memory + layout.sums),
                              .staged_rows = staged ? static_cast<int>(held_rows) : 0};
  cuda::prepare_activations(stream(), x, bfloat, prepared);
  return prepared;
}

bool CudaBackend::linear_plain(const PreparedRows& x, const LinearOutput& output) {
  const CudaWeight& weight = as_cuda(*output.weight);
  if (weight.plain() == nullptr) return false;
  const cuda::PlainProduct product{.bfloat = weight.bfloat(),
                                   .rows = x.rows,
                                   .columns = static_cast<int>(weight.rows()),
                                   .depth = x.units * cuda::kUnitColumns,
                                   .x = x.values,
                                   .weight = weight.plain(),
                                   .out = output.out.data};
  if (!options_.plain_products->multiply(stream(), product)) return false;
  const float* const bias = output.bias != nullptr ? vector_of(*output.bias) : nullptr;
  // Bfloat16 needs no scale.
  if (!weight.bfloat() || bias != nullptr) {
    cuda::finish_plain_product(stream(), output.out.data, product.rows, product.columns,
                               x.inverse_scales, bias);
  }
  return true;
}

// Those of `outputs` whose weights are of this type, from an x that was prepared for them.
void CudaBackend::linear_of_type(Mat x, std::span<const LinearOutput> outputs, DType type) {
  const bool plain = options_.plain_products != nullptr && x.rows > cuda::kFewLinearRows &&
                     (type == DType::kF16 || type == DType::kBF16);
  const bool staged = !plain && prompts_.by_warpgroups && x.rows > cuda::kMaxUnstagedRows;
  const PreparedRows prepared = prepare(x, type == DType::kBF16, staged);
  if (prepared.rows == 0) return;
  std::vector<cuda::LinearTarget> targets;
  for (const LinearOutput& output : outputs) {
    if (output.weight->type() != type) continue;
    if (plain && linear_plain(prepared, output)) continue;
    targets.push_back({.weight = as_cuda(*output.weight).tiles(),
                       .bias = output.bias != nullptr ? vector_of(*output.bias) : nullptr,
                       .out = output.out.data});
  }
  for (std::size_t first = 0; first < targets.size(); first += cuda::kMaxTargets) {
    const std::size_t count = std::min<std::size_t>(cuda::kMaxTargets, targets.size() - first);
    const auto some = std::span<const cuda::LinearTarget>(targets).subspan(first, count);
    if (prepared.staged_rows != 0) {
      cuda::linear_by_warpgroups(stream(), type, prepared, some);
    } else {
      cuda::linear_packed(stream(), type, prepared, some);
    }
  }
}

void CudaBackend::linear(Mat x, std::span<const LinearOutput> outputs) {
  if (x.rows == 0) return;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const LinearOutput& output = outputs[i];
    const CudaWeight& weight = as_cuda(*output.weight);
    WEFT_CHECK(
        weight.cols() == x.cols && weight.rows() == output.out.cols && output.out.rows == x.rows,
        "linear: x [" + std::to_string(x.rows) + ", " + std::to_string(x.cols) + "], weight [" +
            std::to_string(weight.cols()) + ", " + std::to_string(weight.rows()) + "]");
    if (!weight.packed()) {
      cuda::linear_float(stream(), x, weight.floats(),
                         output.bias != nullptr ? vector_of(*output.bias) : nullptr, output.out);
      continue;
    }
    const bool seen = std::any_of(
        outputs.begin(), outputs.begin() + static_cast<std::ptrdiff_t>(i),
        [&](const LinearOutput& before) { return before.weight->type() == weight.type(); });
    if (!seen) linear_of_type(x, outputs, weight.type());
  }
}

void CudaBackend::rope_table(const RopeFrequencies& rope, std::span<const int32_t> positions,
                             Mat table) {
  const double* const inverse = rope_frequencies_.on_device(*gpu_, rope.inverse, error_);
  const int32_t* const on_gpu = on_device(positions);
  if (inverse == nullptr || on_gpu == nullptr) return;
  cuda::rope_table(stream(), inverse, rope.magnitude, on_gpu, table);
}

void CudaBackend::kv_store(KvCache& cache, int32_t layer, Mat k, Mat v,
                           std::span<const int32_t> slots) {
  const int32_t* const on_gpu = on_device(slots);
  if (on_gpu == nullptr) return;
  cuda::kv_store(stream(), as_cuda(cache).keys(layer), as_cuda(cache).values(layer), k, v, on_gpu);
}

void CudaBackend::copy_blocks(KvCache& cache, std::span<const BlockCopy> copies) {
  const CudaKvCache& kv = as_cuda(cache);
  const int32_t n = cache.spec().num_blocks;
  for (const BlockCopy& copy : copies) {
    WEFT_CHECK(
        copy.from != copy.to && copy.from >= 0 && copy.from < n && copy.to >= 0 && copy.to < n,
        "block " + std::to_string(copy.from) + " to " + std::to_string(copy.to) + " of " +
            std::to_string(n));
  }
  const BlockCopy* const on_gpu = on_device(copies);
  if (on_gpu == nullptr) return;
  cuda::copy_blocks(stream(), kv.data(), kv.num_arrays(), kv.array_bytes(), kv.block_bytes(),
                    on_gpu, static_cast<int>(copies.size()));
}

}  // namespace

std::unique_ptr<Backend> create_cuda_backend(std::unique_ptr<cuda::Gpu> gpu,
                                             const CudaOptions& options) {
  return std::make_unique<CudaBackend>(std::move(gpu), options);
}

}  // namespace weft
