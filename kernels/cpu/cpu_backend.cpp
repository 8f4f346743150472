#include "kernels/cpu/cpu_backend.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string_view>

#include "core/check.h"
#include "core/cpu_features.h"
#include "core/platform/cpus.h"
#include "core/thread_pool.h"
#include "kernels/cpu/cpu_attention.h"
#include "kernels/cpu/cpu_kv_cache.h"
#include "kernels/cpu/cpu_memory.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/packed/activation_rows.h"
#include "kernels/cpu/packed/pack.h"
#include "kernels/cpu/worker_scratch.h"

namespace weft {
namespace {

using cpu::CpuKvCache;
using cpu::CpuWeight;
using cpu::KernelTable;

// Elements of an element-wise operation that are worth sharing out: about 2 microseconds' work,
// what it takes to wake a spinning worker.
constexpr int64_t kElementGrain = 8192;

// Columns of a linear() are shared out in multiples of what its kernels take at a time: two packed
// groups; two panels of the float kernels, which are six groups of BF16.
constexpr int64_t kPackedUnit = 2 * cpu::kGroupColumns;
constexpr int64_t kFloatUnit = 2 * cpu::kPanelColumns;
static_assert(kFloatUnit % kPackedUnit == 0, "packed and other weights in one call");

// Slices for each thread: whoever is done first waits for half a slice on average.
constexpr int64_t kLinearSlices = 32;

// Rows from which a slice of integer kernels takes enough columns that a block of the rows'
// activations, which then no longer stay in the second cache level, meets several groups.
constexpr int64_t kManyRows = cpu::kBatchedRows;
constexpr int64_t kManyRowsSlices = 4;  // for each thread, at least

// What feed_forward() has between its matrices at a time, in the second cache level: kBatchRows
// rows of so many columns, a block of the next matrix's activations.
constexpr int64_t kHiddenColumns = cpu::kBlockCells * cpu::kCellElements;
constexpr std::size_t kHiddenBytes = cpu::kBatchRows * kHiddenColumns * sizeof(float);

// Multiplications of a linear() that are worth sharing out, for the same reason.
constexpr int64_t kLinearGrain = 65536;

const cpu::PackedKernels* packed_kernels(const KernelTable& table, Activations activations) {
  switch (activations) {
    case Activations::kI16:
    case Activations::kBf16:
      return &table.int16;
    case Activations::kInt8:
      return &table.int8;
    default:
      return nullptr;
  }
}

class CpuBackend final : public Backend {
 public:
  CpuBackend(const KernelTable& table, Activations activations, std::unique_ptr<ThreadPool> pool,
             std::shared_ptr<WeightCache> weight_cache)
      : table_(table),
        activations_(activations),
        packed_kernels_(packed_kernels(table, activations)),
        pool_(std::move(pool)),
        weight_cache_(std::move(weight_cache)),
        scratch_(pool_->size()),
        attention_(table_, *pool_, scratch_) {
    scratch_.reserve(std::max(cpu::kLinearScratch * sizeof(float), cpu::kPackedScratch) +
                     2 * kHiddenBytes);
    if (weight_cache_) weight_cache_->check(*pool_);
  }

  std::string description() const override {
    const int threads = pool_->size();
    return std::string("cpu ") + table_.isa + ", " + std::to_string(threads) +
           (threads == 1 ? " thread" : " threads");
  }

  Result<Buffer> allocate(std::size_t size_bytes) override {
    return cpu::allocate_zeroed(size_bytes);
  }
  bool memory_is_hosts() const override { return true; }
  int host_threads() const override { return pool_->size(); }
  void for_ranges_on_host(int64_t n, int64_t grain,
                          const std::function<void(int64_t, int64_t, int)>& work) override {
    pool_->parallel_for(n, grain, work);
  }
  void upload(void* device, const void* host, std::size_t size_bytes) override {
    if (size_bytes != 0) std::memcpy(device, host, size_bytes);
  }
  void download(void* host, const void* device, std::size_t size_bytes) override {
    if (size_bytes != 0) std::memcpy(host, device, size_bytes);
  }
  std::string activations() const override { return std::string(activations_name(activations_)); }
  Result<std::unique_ptr<Weight>> load_weight(const HostTensor& tensor, WeightUse use) override {
    const bool packs = packed_kernels_ != nullptr && use != WeightUse::kLookup;
    if (!packs) return CpuWeight::create(tensor);
    const bool floats = activations_ == Activations::kBf16;
    return CpuWeight::create(tensor,
                             CpuWeight::Packing{*pool_, arena_, weight_cache_.get(), floats});
  }
  Result<std::unique_ptr<KvCache>> create_kv_cache(const KvCacheSpec& spec) override {
    return CpuKvCache::create(spec);
  }
  std::size_t kv_cache_bytes(const KvCacheSpec& spec) const override {
    return CpuKvCache::size_bytes(spec);
  }
  std::string kv_identity(const KvCache& cache) const override {
    return cpu_kernels_identity(table_, activations_) + ", " +
           static_cast<const CpuKvCache&>(cache).layout();
  }
  std::size_t kv_block_bytes(const KvCache& cache) const override {
    return CpuKvCache::size_bytes(cache.spec()) / static_cast<std::size_t>(cache.spec().num_blocks);
  }
  void export_block(const KvCache& cache, int32_t block, std::byte* to) override {
    static_cast<const CpuKvCache&>(cache).export_block(block, to);
  }
  void import_block(KvCache& cache, int32_t block, const std::byte* from) override {
    static_cast<const CpuKvCache&>(cache).import_block(block, from);
  }

  void embed(const Weight& table, std::span<const int32_t> ids, Mat out) override;
  void rms_norm(Mat x, const Weight& gain, float eps, Mat out) override;
  void linear(Mat x, std::span<const LinearOutput> outputs) override;
  void rope_table(const RopeFrequencies& rope, std::span<const int32_t> positions,
                  Mat table) override;
  void rope(Mat x, int32_t head_dim, const RopeFrequencies& rope, Mat table) override;
  void kv_store(KvCache& cache, int32_t layer, Mat k, Mat v,
                std::span<const int32_t> slots) override;
  void copy_blocks(KvCache& cache, std::span<const BlockCopy> copies) override;
  void attention(Mat q, const KvCache& cache, int32_t layer, const AttentionShape& shape,
                 const StepBatch& batch, Mat out) override {
    attention_.run(q, static_cast<const CpuKvCache&>(cache), layer, shape, batch, out);
  }
  void glu(Mat gate, Mat up, Activation activation, Mat out) override;
  void add(Mat x, Mat y) override;
  void gather_rows(Mat x, std::span<const int32_t> rows, Mat out) override;
  void feed_forward(Mat x, const FeedForward& weights, std::span<const Mat, 2> hidden,
                    Mat out) override;

 private:
  // Shares out `rows` rows of `cols` elements: fn(first row, end row, worker).
  template <class Fn>
  void for_rows(int64_t rows, int64_t cols, const Fn& fn) {
    pool_->parallel_for(rows, std::max<int64_t>(kElementGrain / std::max<int64_t>(cols, 1), 1), fn);
  }

  // One input rounded in the ways that the weights it meets want it.
  struct RoundedInput {
    cpu::Activations integers, bf16;
  };

  // Null for a weight that is as in the file.
  const cpu::PackedKernels* kernels_of(const Weight& weight) const;
  cpu::Activations round(Mat x, const cpu::PackedKernels& kernels, cpu::ActivationRows& memory);
  void linear_columns(Mat x, const RoundedInput& rounded, const LinearOutput& output, int64_t begin,
                      int64_t end, int worker) const;
  void share_linear(Mat x, const RoundedInput& rounded, std::span<const LinearOutput> outputs,
                    int64_t unit);

  const KernelTable& table_;
  const Activations activations_;
  const cpu::PackedKernels* const packed_kernels_;  // null: weights stay as they are in the file
  cpu::ActivationRows integer_rows_, hidden_rows_, bf16_rows_;
  std::unique_ptr<ThreadPool> pool_;
  const std::shared_ptr<WeightCache> weight_cache_;
  cpu::WeightArena arena_;
  cpu::WorkerScratch scratch_;
  cpu::CpuAttention attention_;
};

const CpuWeight& as_cpu(const Weight& weight) { return static_cast<const CpuWeight&>(weight); }

// The float32 values of a weight that is one row.
const float* vector_of(const Weight& weight) {
  const float* floats = as_cpu(weight).floats();
  WEFT_CHECK(floats != nullptr, "a vector of " + std::to_string(weight.rows()) + " rows");
  return floats;
}

void CpuBackend::embed(const Weight& table, std::span<const int32_t> ids, Mat out) {
  const CpuWeight& weight = as_cpu(table);
  for_rows(out.rows, out.cols, [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) {
      const int32_t id = ids[static_cast<std::size_t>(t)];
      WEFT_CHECK(id >= 0 && id < weight.rows(), "embed: token id " + std::to_string(id));
      weight.read_row(id, out.row(t));
    }
  });
}

void CpuBackend::rms_norm(Mat x, const Weight& gain, float eps, Mat out) {
  const float* gains = vector_of(gain);
  WEFT_CHECK(gain.cols() == x.cols, "rms_norm: gain of " + std::to_string(gain.cols()) +
                                        " for rows of " + std::to_string(x.cols));
  for_rows(x.rows, x.cols, [&](int64_t begin, int64_t end, int) {
    table_.rms_norm(x.row(begin), gains, eps, out.row(begin), end - begin, x.cols);
  });
}

const cpu::PackedKernels* CpuBackend::kernels_of(const Weight& weight) const {
  if (!as_cpu(weight).packed().present()) return nullptr;
  if (cpu::find_float_format(weight.type()) != nullptr) return &table_.bf16;
  WEFT_CHECK(packed_kernels_ != nullptr, "linear: a weight packed for other activations");
  return packed_kernels_;
}

cpu::Activations CpuBackend::round(Mat x, const cpu::PackedKernels& kernels,
                                   cpu::ActivationRows& memory) {
  const cpu::Activations to = memory.prepare(x.rows, x.cols, kernels);
  for_rows(x.rows, x.cols, [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) {
      kernels.quantize_row(x.row(t), x.cols, to.from(t));
    }
  });
  return to;
}

// Columns [begin, end) of one output, for all rows; begin is a multiple of the weight's unit.
void CpuBackend::linear_columns(Mat x, const RoundedInput& rounded, const LinearOutput& output,
                                int64_t begin, int64_t end, int worker) const {
  const CpuWeight& weight = as_cpu(*output.weight);
  const float* bias = output.bias != nullptr ? vector_of(*output.bias) : nullptr;
  if (const cpu::PackedKernels* kernels = kernels_of(weight)) {
    const cpu::PackedLinearArgs args = {
        .weight = weight.packed().data(),
        .k = x.cols,
        .columns = output.out.cols,
        .x = kernels == &table_.bf16 ? rounded.bf16 : rounded.integers,
        .rows = x.rows,
        .bias = bias,
        .out = output.out.data,
        .out_stride = output.out.cols};
    kernels->linear(weight.type())(args, begin / cpu::kGroupColumns,
                                   (end + cpu::kGroupColumns - 1) / cpu::kGroupColumns,
                                   scratch_.bytes(worker));
    return;
  }
  const cpu::LinearArgs args = {.type = weight.type(),
                                .decode = weight.decode(),
                                .weight = weight.row(0),
                                .weight_row_bytes = weight.row_bytes(),
                                .bias = bias,
                                .k = x.cols,
                                .x = x.data,
                                .rows = x.rows,
                                .out = output.out.data,
                                .out_stride = output.out.cols};
  table_.linear(args, begin, end, scratch_.floats(worker));
}

void CpuBackend::linear(Mat x, std::span<const LinearOutput> outputs) {
  if (x.rows == 0) return;
  RoundedInput rounded;
  int64_t unit = kPackedUnit;
  for (const LinearOutput& output : outputs) {
    const Weight& weight = *output.weight;
    WEFT_CHECK(
        weight.cols() == x.cols && weight.rows() == output.out.cols && output.out.rows == x.rows,
        "linear: x [" + std::to_string(x.rows) + ", " + std::to_string(x.cols) + "], weight [" +
            std::to_string(weight.cols()) + ", " + std::to_string(weight.rows()) + "]");
    const cpu::PackedKernels* kernels = kernels_of(weight);
    if (kernels == nullptr || kernels == &table_.bf16) unit = kFloatUnit;
    if (kernels == &table_.bf16) {
      if (rounded.bf16.blocks == nullptr) rounded.bf16 = round(x, *kernels, bf16_rows_);
    } else if (kernels != nullptr && rounded.integers.blocks == nullptr) {
      rounded.integers = round(x, *kernels, integer_rows_);
    }
  }
  share_linear(x, rounded, outputs, unit);
}

// Shares out the columns of all outputs, in multiples of `unit`.
void CpuBackend::share_linear(Mat x, const RoundedInput& rounded,
                              std::span<const LinearOutput> outputs, int64_t unit) {
  int64_t columns = 0;
  for (const LinearOutput& output : outputs) columns += output.out.cols;
  const bool integers = unit == kPackedUnit;
  // Whole units, large enough to be worth sharing out.
  int64_t slice = std::min(columns / (kLinearSlices * pool_->size()), 4 * kFloatUnit);
  if (integers && x.rows >= kManyRows) {
    slice = std::max(slice, std::min(columns / (kManyRowsSlices * pool_->size()),
                                     cpu::batch_groups(x.cols) * cpu::kGroupColumns));
  }
  slice = std::max({slice, kLinearGrain / (x.rows * x.cols), int64_t{1}});
  slice = (slice + unit - 1) / unit * unit;
  const auto slices_of = [&](const LinearOutput& output) {
    return (output.out.cols + slice - 1) / slice;
  };
  int64_t slices = 0;
  for (const LinearOutput& output : outputs) slices += slices_of(output);
  // Integer kernels take the weights anew for so many rows anyhow.
  const int64_t chunk = integers ? cpu::kBatchRows : x.rows;
  const int64_t chunks = (x.rows + chunk - 1) / chunk;
  pool_->parallel_for(slices * chunks, 1, [&](int64_t first, int64_t last, int worker) {
    for (int64_t i = first; i < last; ++i) {
      int64_t index = i / chunks;
      const LinearOutput* output = outputs.data();
      for (; index >= slices_of(*output); ++output) index -= slices_of(*output);
      const int64_t row = i % chunks * chunk;
      const int64_t rows = std::min(chunk, x.rows - row);
      const int64_t begin = index * slice;
      linear_columns(x.slice(row, rows), {rounded.integers.from(row), rounded.bf16.from(row)},
                     {output->weight, output->bias, output->out.slice(row, rows)}, begin,
                     std::min(begin + slice, output->out.cols), worker);
    }
  });
}

// With many rows, what lies between the matrices is larger than the caches: it is made, multiplied
// and rounded a piece at a time.
void CpuBackend::feed_forward(Mat x, const FeedForward& weights, std::span<const Mat, 2> hidden,
                              Mat out) {
  const int64_t columns = weights.gate.rows();
  const int64_t slices = (columns + kHiddenColumns - 1) / kHiddenColumns;
  const bool integers = packed_kernels_ != nullptr && kernels_of(weights.gate) == packed_kernels_ &&
                        kernels_of(weights.up) == packed_kernels_ &&
                        kernels_of(weights.down) == packed_kernels_;
  if (!integers || x.rows < kManyRows || slices < 2 * pool_->size()) {
    return Backend::feed_forward(x, weights, hidden, out);
  }
  const cpu::Activations rounded = round(x, *packed_kernels_, integer_rows_);
  const cpu::Activations products = hidden_rows_.prepare(x.rows, columns, *packed_kernels_);
  const int64_t chunks = (x.rows + cpu::kBatchRows - 1) / cpu::kBatchRows;
  pool_->parallel_for(slices * chunks, 1, [&](int64_t first, int64_t last, int worker) {
    float* const gate = scratch_.floats(worker);
    float* const up = gate + cpu::kBatchRows * kHiddenColumns;
    auto* const scratch = reinterpret_cast<std::byte*>(up + cpu::kBatchRows * kHiddenColumns);
    for (int64_t i = first; i < last; ++i) {
      const int64_t slice = i / chunks;
      const int64_t begin = slice * kHiddenColumns;
      const int64_t n = std::min(columns - begin, kHiddenColumns);
      const int64_t row = i % chunks * cpu::kBatchRows;
      const int64_t rows = std::min<int64_t>(x.rows - row, cpu::kBatchRows);
      const auto multiply = [&](const Weight& weight, float* to) {
        const cpu::PackedFormat& format = *cpu::find_packed_format(weight.type());
        const int64_t group = begin / cpu::kGroupColumns;
        const cpu::PackedLinearArgs args = {
            .weight = as_cpu(weight).packed().data() + group * format.group_size(x.cols),
            .k = x.cols,
            .columns = n,
            .x = rounded.from(row),
            .rows = rows,
            .out = to,
            .out_stride = n};
        packed_kernels_->linear(weight.type())(
            args, 0, (n + cpu::kGroupColumns - 1) / cpu::kGroupColumns, scratch);
      };
      multiply(weights.gate, gate);
      multiply(weights.up, up);
      table_.glu(gate, up, gate, rows * n, weights.activation);
      for (int64_t r = 0; r < rows; ++r) {
        packed_kernels_->quantize_row(gate + r * n, n, products.from(row + r, slice));
      }
    }
  });
  const LinearOutput output = {&weights.down, nullptr, out};
  share_linear({hidden[0].data, x.rows, columns}, {.integers = products, .bf16 = {}}, {&output, 1},
               kPackedUnit);
}

void CpuBackend::rope_table(const RopeFrequencies& rope, std::span<const int32_t> positions,
                            Mat table) {
  const std::size_t pairs = rope.inverse.size();
  // A sine and a cosine are as much work as some 64 elements elsewhere.
  for_rows(table.rows, table.cols * 64, [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) {
      const double position = positions[static_cast<std::size_t>(t)];
      float* row = table.row(t);
      for (std::size_t i = 0; i < pairs; ++i) {
        const double angle = position * rope.inverse[i];
        row[i] = static_cast<float>(std::cos(angle) * rope.magnitude);
        row[pairs + i] = static_cast<float>(std::sin(angle) * rope.magnitude);
      }
    }
  });
}

void CpuBackend::rope(Mat x, int32_t head_dim, const RopeFrequencies& rope, Mat table) {
  const auto heads = static_cast<int32_t>(x.cols / head_dim);
  for_rows(x.rows, x.cols, [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) {
      table_.rope(x.row(t), heads, head_dim, rope.kind, rope.dims, table.row(t));
    }
  });
}

void CpuBackend::kv_store(KvCache& cache, int32_t layer, Mat k, Mat v,
                          std::span<const int32_t> slots) {
  const auto& cpu_cache = static_cast<const CpuKvCache&>(cache);
  const int32_t head_dim = cache.spec().head_dim;
  scratch_.reserve(cpu_cache.row_bytes());
  for_rows(k.rows, 2 * k.cols, [&](int64_t begin, int64_t end, int worker) {
    auto* row = reinterpret_cast<std::byte*>(scratch_.floats(worker));
    for (int64_t t = begin; t < end; ++t) {
      for (int32_t head = 0; head < cache.spec().n_kv_heads; ++head) {
        const int64_t first = int64_t{head} * head_dim;
        cpu_cache.store(table_, layer, slots[static_cast<std::size_t>(t)], head, k.row(t) + first,
                        v.row(t) + first, row);
      }
    }
  });
}

void CpuBackend::copy_blocks(KvCache& cache, std::span<const BlockCopy> copies) {
  const auto& cpu_cache = static_cast<const CpuKvCache&>(cache);
  const std::size_t size = cpu_cache.block_bytes();
  for (const BlockCopy& copy : copies) {
    const int32_t n = cache.spec().num_blocks;
    WEFT_CHECK(
        copy.from != copy.to && copy.from >= 0 && copy.from < n && copy.to >= 0 && copy.to < n,
        "block " + std::to_string(copy.from) + " to " + std::to_string(copy.to) + " of " +
            std::to_string(n));
  }
  // K and V of a layer are an item each; within one the copies keep their order.
  pool_->parallel_for(2 * int64_t{cache.spec().n_layers}, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const auto layer = static_cast<int32_t>(i / 2);
      std::byte* const blocks = i % 2 == 0 ? cpu_cache.k(layer) : cpu_cache.v(layer);
      for (const BlockCopy& copy : copies) {
        std::memcpy(blocks + static_cast<std::size_t>(copy.to) * size,
                    blocks + static_cast<std::size_t>(copy.from) * size, size);
      }
    }
  });
}

void CpuBackend::glu(Mat gate, Mat up, Activation activation, Mat out) {
  pool_->parallel_for(gate.rows * gate.cols, kElementGrain, [&](int64_t begin, int64_t end, int) {
    table_.glu(gate.data + begin, up.data + begin, out.data + begin, end - begin, activation);
  });
}

void CpuBackend::add(Mat x, Mat y) {
  pool_->parallel_for(x.rows * x.cols, kElementGrain, [&](int64_t begin, int64_t end, int) {
    table_.add(x.data + begin, y.data + begin, end - begin);
  });
}

void CpuBackend::gather_rows(Mat x, std::span<const int32_t> rows, Mat out) {
  for_rows(out.rows, out.cols, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      std::copy_n(x.row(rows[static_cast<std::size_t>(i)]), x.cols, out.row(i));
    }
  });
}

struct ActivationsName {
  Activations activations;
  std::string_view name;
};
constexpr ActivationsName kActivationsNames[] = {{Activations::kAuto, "auto"},
                                                 {Activations::kF32, "f32"},
                                                 {Activations::kI16, "i16"},
                                                 {Activations::kBf16, "bf16"},
                                                 {Activations::kInt8, "int8"}};

}  // namespace

std::string_view activations_name(Activations activations) {
  for (const ActivationsName& row : kActivationsNames) {
    if (row.activations == activations) return row.name;
  }
  return "?";
}

std::string cpu_kernels_identity(const KernelTable& table, Activations activations) {
  std::string name = "cpu " + std::string(table.isa) + ", activations ";
  name += activations_name(activations);
  if (packed_kernels(table, activations) == &table.int16) {
    name += " revision " + std::to_string(cpu::kInt16Revision);
  }
  const std::string order = activations == Activations::kBf16 ? table.bf16.order : "";
  return order.empty() ? name : name + " by " + order;
}

Result<Activations> parse_activations(std::string_view name) {
  std::string names;
  for (const ActivationsName& row : kActivationsNames) {
    if (row.name == name) return row.activations;
    names += (names.empty() ? "" : ", ") + std::string(row.name);
  }
  return fail(ErrorCode::kInvalidArgument,
              "activations: \"" + std::string(name) + "\", expected one of " + names);
}

std::span<const Activations> all_activations() {
  static constexpr Activations kAll[] = {Activations::kF32, Activations::kI16, Activations::kBf16,
                                         Activations::kInt8};
  return kAll;
}

Result<std::unique_ptr<Backend>> create_cpu_backend(const CpuOptions& options) {
  WEFT_TRY_ASSIGN(const KernelTable* table, cpu::choose_table(options.isa, detect_cpu_features()));
  const int threads = options.threads != 0
                          ? options.threads
                          : std::min(platform::usable_cpus(), ThreadPool::kMaxThreads);
  WEFT_TRY_ASSIGN(std::unique_ptr<ThreadPool> pool,
                  ThreadPool::create(threads, options.thread_setup));
  Activations activations = options.activations;
  if (activations == Activations::kAuto) {
    activations = std::string_view(table->isa) == "scalar" ? Activations::kF32 : Activations::kI16;
  }
  // Weights of floats and exact arithmetic are read as the file has them.
  const bool packs = activations != Activations::kF32;
  return std::make_unique<CpuBackend>(*table, activations, std::move(pool),
                                      packs ? options.weight_cache : nullptr);
}

std::string cpu_weight_layout() { return std::string("cpu, ") + cpu::kPackedLayout; }

}  // namespace weft
