#include "api/runner_factory.h"

#include <algorithm>

#include "api/engine_factory.h"
#include "core/platform/memory.h"

namespace weft {
namespace {

Result<DType> kv_type_of(const Model& model, const std::string& name) {
  if (name == "auto") return kv_type_of(model, model.info().kv_type);
  if (name == "f32") return DType::kF32;
  if (name == "f16") return DType::kF16;
  if (name == "bf16") return DType::kBF16;
  if (name == "q8_0") return DType::kQ8_0;
  if (name == "fp8") return DType::kF8_E4M3;
  return fail(ErrorCode::kInvalidArgument,
              "kv_type: \"" + name + "\", expected auto, f32, f16, bf16, q8_0 or fp8");
}

Result<std::shared_ptr<Backend>> backend_of(const Model& model, int threads = 0,
                                            const ThreadSetup& setup = {}) {
  const ModelOptions& options = model.options();
  return create_backend({.device = options.device,
                         .gpu_layers = options.gpu_layers.value_or(0),
                         .n_layers = model.info().n_layer,
                         .threads = threads != 0 ? threads : options.threads,
                         .isa = options.isa,
                         .activations = options.activations,
                         .math = options.math,
                         .thread_setup = setup});
}

Result<KvPoolSpec> kv_pool_spec(const Model& model, const RunnerSpec& spec) {
  WEFT_TRY(check_at_least_one("block_size", spec.block_size));
  KvPoolSpec kv{.block_size = spec.block_size, .num_blocks = spec.num_blocks};
  WEFT_TRY_ASSIGN(kv.type, kv_type_of(model, spec.kv_type));
  return kv;
}

MemoryLedger ledger_of(const Model& model, const Backend& backend, const StepLimits& limits,
                       const KvPoolSpec& kv) {
  const Decoder& decoder = *model.decoder();
  return DecoderState::ledger(decoder.config(), decoder.weight_memory_bytes(), backend, limits, kv);
}

std::string mib(uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

// Refuses what cannot fit before any of it is allocated: a system that overcommits would end the
// process later. The weights are mapped from the file and need not be resident at once. What a GPU
// lacks it says itself when it is asked for it.
Result<void> check_memory(const MemoryLedger& ledger) {
  const uint64_t available = platform::available_memory_bytes();
  if (ledger.total_bytes() - ledger.weight_bytes - ledger.device_bytes <= available) return {};
  return fail(ErrorCode::kOutOfMemory, "context: KV cache " + mib(ledger.kv_bytes) +
                                           " + workspace " + mib(ledger.workspace_bytes) +
                                           " (beside weights " + mib(ledger.weight_bytes) +
                                           ") wanted, " + mib(available) + " are available");
}

}  // namespace

Result<RunnerAndLedger> create_runner(const Model& model, const RunnerSpec& spec) {
  WEFT_TRY_ASSIGN(const KvPoolSpec kv, kv_pool_spec(model, spec));
  WEFT_TRY_ASSIGN(auto backend, backend_of(model, spec.threads, spec.thread_setup));
  RunnerAndLedger made{.ledger = ledger_of(model, *backend, spec.limits, kv)};
  WEFT_TRY(check_memory(made.ledger));
  WEFT_TRY_ASSIGN(made.runner, ModelRunner::create(model.decoder(), std::move(backend), spec.limits,
                                                   kv, spec.prefix_cache));
  return made;
}

Result<MemoryLedger> runner_memory(const Model& model, const RunnerSpec& spec) {
  WEFT_TRY_ASSIGN(const KvPoolSpec kv, kv_pool_spec(model, spec));
  WEFT_TRY_ASSIGN(const auto backend, backend_of(model, 1));  // how many threads is all the same
  return ledger_of(model, *backend, spec.limits, kv);
}

Result<uint64_t> kv_block_bytes(const Model& model, const RunnerSpec& spec) {
  RunnerSpec one_block = spec;
  one_block.num_blocks = 1;
  WEFT_TRY_ASSIGN(const MemoryLedger ledger, runner_memory(model, one_block));
  return ledger.kv_bytes;
}

Result<int32_t> default_num_blocks(const Model& model, const RunnerSpec& spec, int64_t num_tokens) {
  WEFT_TRY_ASSIGN(const KvPoolSpec kv, kv_pool_spec(model, spec));
  WEFT_TRY_ASSIGN(const auto backend, backend_of(model, 1));
  const auto room = DecoderState::pool_room(model.decoder()->config(), *backend, spec.limits, kv);
  auto blocks = static_cast<uint64_t>((num_tokens - 1) / spec.block_size + 1);
  if (room.host_block_bytes > 0) {
    blocks = std::min(blocks, platform::available_memory_bytes() / 2 / room.host_block_bytes);
  }
  blocks = std::min(blocks, room.device_blocks / 2);
  return static_cast<int32_t>(std::max<uint64_t>(1, blocks));
}

Result<void> check_at_least_one(const char* field, int64_t value) {
  if (value >= 1) return {};
  return fail(ErrorCode::kInvalidArgument,
              std::string(field) + ": " + std::to_string(value) + ", expected at least 1");
}

}  // namespace weft
