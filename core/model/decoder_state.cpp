#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/model/decoder.h"
#include "core/model/device_memory.h"
#include "core/model/elsewhere.h"

namespace weft {

namespace {

// The head's logits are held in chunks of about this size, so that a long prompt whose every
// logit is wanted does not need rows × vocabulary at once. 16 MiB is 32 rows of a 128k vocabulary:
// enough rows to read the head's weights rarely, little enough to stay near the caches. A device
// has no such caches, but steps of its own that are best in one piece: there it is 128 rows.
constexpr int64_t kHeadChunkBytes = int64_t{16} << 20;
constexpr int64_t kDeviceHeadChunkBytes = int64_t{64} << 20;

// Layers that follow each other on one backend; null: the one that has embedding and head.
struct StagePlan {
  size_t first, end;
  Backend* backend;
};

std::vector<StagePlan> plan_stages(const ModelConfig& config, const Backend& backend) {
  std::vector<StagePlan> stages;
  for (size_t i = 0; i < config.layers.size(); ++i) {
    Backend* const its_backend = backend.layer_backend(static_cast<int32_t>(i));
    if (stages.empty() || stages.back().backend != its_backend) {
      stages.push_back({i, i, its_backend});
    }
    ++stages.back().end;
  }
  return stages;
}

// The KV caches a model needs: layers of one shape on one backend share one.
struct KvPlan {
  struct Cache {
    KvCacheSpec spec;
    Backend* backend;
  };
  std::vector<Cache> caches;
  std::vector<std::pair<size_t, int32_t>> places;  // [layers]: cache, layer in it
};

KvPlan plan_kv(const ModelConfig& config, const Backend& backend, const KvPoolSpec& pool) {
  KvPlan plan;
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const LayerConfig& layer = config.layers[i];
    Backend* const its_backend = backend.layer_backend(static_cast<int32_t>(i));
    auto same = std::find_if(plan.caches.begin(), plan.caches.end(), [&](const KvPlan::Cache& c) {
      return c.backend == its_backend && c.spec.n_kv_heads == layer.n_kv_heads &&
             c.spec.head_dim == layer.head_dim;
    });
    if (same == plan.caches.end()) {
      plan.caches.push_back({{.n_kv_heads = layer.n_kv_heads,
                              .head_dim = layer.head_dim,
                              .block_size = pool.block_size,
                              .num_blocks = pool.num_blocks,
                              .type = pool.type},
                             its_backend});
      same = plan.caches.end() - 1;
    }
    plan.places.emplace_back(same - plan.caches.begin(), same->spec.n_layers++);
  }
  return plan;
}

// Row widths of one backend's workspace of one token, and of the head.
struct WorkspacePlan {
  Backend* backend;
  int64_t max_tokens, embd;
  int64_t q = 0, kv = 0, ffn = 0;
  std::vector<int64_t> ropes;
  int64_t vocab = 0, head_chunk_rows = 0;  // 0: no head

  // outer: the model's, which has embedding and head itself; so has the plan whose backend is null.
  WorkspacePlan(const ModelConfig& config, const StepLimits& limits, const Backend& outer,
                Backend* its_backend)
      : backend(its_backend), max_tokens(limits.max_tokens), embd(config.n_embd) {
    for (const RopeConfig& rope : config.ropes) ropes.push_back(rope.dims);
    if (backend != nullptr) return;
    vocab = config.n_vocab;
    const int64_t row_bytes = std::max<int64_t>(1, vocab) * int64_t{sizeof(float)};
    const int64_t bytes = outer.memory_is_hosts() ? kHeadChunkBytes : kDeviceHeadChunkBytes;
    head_chunk_rows = std::clamp<int64_t>(bytes / row_bytes, 1, std::max(1, limits.max_logit_rows));
  }

  void widen_for(const LayerConfig& layer) {
    q = std::max(q, int64_t{layer.n_heads} * layer.head_dim);
    kv = std::max(kv, int64_t{layer.n_kv_heads} * layer.head_dim);
    ffn = std::max(ffn, int64_t{layer.ffn_dim});
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

  StepExtent extent() const {
    return {.max_tokens = max_tokens, .widest_row = std::max({embd, q, ffn})};
  }

  size_t bytes() const {
    size_t total = 0;
    for_each([&](int64_t rows, int64_t cols) { total += aligned_bytes(rows, cols); });
    return total;
  }
};

// One for each backend, first that of embedding and head.
std::vector<WorkspacePlan> plan_workspaces(const ModelConfig& config, const StepLimits& limits,
                                           const Backend& backend) {
  const std::vector<StagePlan> stages = plan_stages(config, backend);
  std::vector<WorkspacePlan> plans = {{config, limits, backend, nullptr}};
  for (const StagePlan& stage : stages) {
    auto its_plan = std::ranges::find(plans, stage.backend, &WorkspacePlan::backend);
    if (its_plan == plans.end()) {
      its_plan = plans.insert(plans.end(), WorkspacePlan(config, limits, backend, stage.backend));
    }
    for (size_t i = stage.first; i < stage.end; ++i) its_plan->widen_for(config.layers[i]);
  }
  return plans;
}

// All that a state puts on the backend of `plan`.
StateNeed need_of(const WorkspacePlan& plan, const KvPlan& kv_plan) {
  StateNeed need{.workspace_bytes = plan.bytes(), .steps = plan.extent()};
  for (const auto& [spec, its_backend] : kv_plan.caches) {
    if (its_backend == plan.backend) need.caches.push_back(spec);
  }
  return need;
}

Result<std::unique_ptr<Workspace>> create_workspace(const WorkspacePlan& plan, Backend& backend) {
  auto work = std::make_unique<Workspace>();
  WEFT_TRY_ASSIGN(work->memory, backend.allocate(plan.bytes()));
  std::vector<Mat*> views = {&work->x,        &work->normed,    &work->q,    &work->k, &work->v,
                             &work->attended, &work->projected, &work->gate, &work->up};
  work->rope_tables.resize(plan.ropes.size());
  for (Mat& table : work->rope_tables) views.push_back(&table);
  views.push_back(&work->head_rows);
  views.push_back(&work->logits);
  auto* next = work->memory.as<std::byte>();
  auto view = views.begin();
  plan.for_each([&](int64_t rows, int64_t cols) {
    **view++ = Mat{reinterpret_cast<float*>(next), rows, cols};
    next += WorkspacePlan::aligned_bytes(rows, cols);
  });
  return work;
}

}  // namespace

MemoryLedger DecoderState::ledger(const ModelConfig& config, size_t weight_bytes,
                                  const Backend& backend, const StepLimits& limits,
                                  const KvPoolSpec& kv) {
  MemoryLedger ledger{.weight_bytes = weight_bytes};
  const auto count = [&](size_t bytes, const Backend* elsewhere, size_t& sum) {
    sum += bytes;
    if (!elsewhere_or(elsewhere, backend).memory_is_hosts()) ledger.device_bytes += bytes;
  };
  for (const KvPlan::Cache& cache : plan_kv(config, backend, kv).caches) {
    count(elsewhere_or(cache.backend, backend).kv_cache_bytes(cache.spec), cache.backend,
          ledger.kv_bytes);
  }
  for (const WorkspacePlan& plan : plan_workspaces(config, limits, backend)) {
    count(plan.bytes(), plan.backend, ledger.workspace_bytes);
    const DeviceMemory* const device = device_memory_of(elsewhere_or(plan.backend, backend));
    if (device == nullptr) continue;
    count(device->scratch_bytes(plan.extent()), plan.backend, ledger.scratch_bytes);
  }
  return ledger;
}

DecoderState::PoolRoom DecoderState::pool_room(const ModelConfig& config, const Backend& backend,
                                               const StepLimits& limits, const KvPoolSpec& kv) {
  PoolRoom room{.device_blocks = std::numeric_limits<uint64_t>::max()};
  KvPoolSpec one_block = kv;
  one_block.num_blocks = 1;
  const KvPlan kv_plan = plan_kv(config, backend, one_block);
  for (const auto& [spec, its_backend] : kv_plan.caches) {
    const Backend& holds = elsewhere_or(its_backend, backend);
    if (holds.memory_is_hosts()) room.host_block_bytes += holds.kv_cache_bytes(spec);
  }
  for (const WorkspacePlan& plan : plan_workspaces(config, limits, backend)) {
    room.device_blocks =
        std::min(room.device_blocks,
                 blocks_that_fit(need_of(plan, kv_plan), elsewhere_or(plan.backend, backend)));
  }
  return room;
}

Result<std::unique_ptr<DecoderState>> DecoderState::create(const Decoder& decoder, Backend& backend,
                                                           const StepLimits& limits,
                                                           const KvPoolSpec& kv) {
  const ModelConfig& config = decoder.config();
  auto state = std::unique_ptr<DecoderState>(new DecoderState());
  state->limits_ = limits;
  state->kv_spec_ = kv;

  const KvPlan kv_plan = plan_kv(config, backend, kv);
  const std::vector<StagePlan> stages = plan_stages(config, backend);
  const std::vector<WorkspacePlan> plans = plan_workspaces(config, limits, backend);
  for (const WorkspacePlan& plan : plans) {
    WEFT_TRY(check_state_fits(need_of(plan, kv_plan), elsewhere_or(plan.backend, backend)));
  }
  for (const auto& [spec, its_backend] : kv_plan.caches) {
    WEFT_TRY_ASSIGN(auto cache, elsewhere_or(its_backend, backend).create_kv_cache(spec));
    state->caches_.push_back({std::move(cache), its_backend});
  }
  for (const auto& [cache, layer] : kv_plan.places) {
    state->kv_places_.push_back({state->caches_[cache].kv.get(), layer});
  }

  for (const WorkspacePlan& plan : plans) {
    WEFT_TRY_ASSIGN(auto work, create_workspace(plan, elsewhere_or(plan.backend, backend)));
    state->workspaces_.push_back(std::move(work));
  }
  for (const auto& [first, end, its_backend] : stages) {
    const auto plan = std::ranges::find(plans, its_backend, &WorkspacePlan::backend);
    Workspace& work = *state->workspaces_[static_cast<size_t>(plan - plans.begin())];
    state->stages_.push_back({first, end, its_backend, &work});
  }
  state->head_chunk_rows_ = plans.front().head_chunk_rows;
  return state;
}

void DecoderState::copy_blocks(Backend& backend, std::span<const BlockCopy> copies) {
  if (copies.empty()) return;
  for (const Cache& c : caches_) elsewhere_or(c.backend, backend).copy_blocks(*c.kv, copies);
}

std::string DecoderState::kv_identity(const Backend& backend) const {
  std::string all;
  for (const Cache& c : caches_) {
    const std::string one = elsewhere_or(c.backend, backend).kv_identity(*c.kv);
    if (one.empty()) return "";
    all += (all.empty() ? "" : "; ") + one;
  }
  return all;
}

size_t DecoderState::kv_block_bytes(const Backend& backend) const {
  size_t bytes = 0;
  for (const Cache& c : caches_) bytes += elsewhere_or(c.backend, backend).kv_block_bytes(*c.kv);
  return bytes;
}

void DecoderState::export_block(Backend& backend, int32_t block, std::span<std::byte> to) const {
  WEFT_CHECK(to.size() == kv_block_bytes(backend), std::to_string(to.size()) + " bytes of a block");
  for (const Cache& c : caches_) {
    Backend& its_backend = elsewhere_or(c.backend, backend);
    its_backend.export_block(*c.kv, block, to.data());
    to = to.subspan(its_backend.kv_block_bytes(*c.kv));
  }
}

void DecoderState::import_block(Backend& backend, int32_t block, std::span<const std::byte> from) {
  WEFT_CHECK(from.size() == kv_block_bytes(backend),
             std::to_string(from.size()) + " bytes of a block");
  for (const Cache& c : caches_) {
    Backend& its_backend = elsewhere_or(c.backend, backend);
    its_backend.import_block(*c.kv, block, from.data());
    from = from.subspan(its_backend.kv_block_bytes(*c.kv));
  }
}

}  // namespace weft
