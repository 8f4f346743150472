// Makes the runner that a context or an engine owns: backend, KV pool and workspace, refused
// before anything is allocated where they cannot fit.
#pragma once

#include <memory>
#include <string>

#include "api/model.h"
#include "core/model/decoder.h"
#include "core/thread_setup.h"
#include "scheduler/model_runner.h"

namespace weft {

struct RunnerSpec {
  StepLimits limits;
  int32_t block_size = 16;
  int32_t num_blocks = 0;
  std::string kv_type = "auto";  // auto, f32, f16, bf16, q8_0, fp8 (cuda)
  bool prefix_cache = true;
  int threads = 0;  // 0: as the model was loaded with
  ThreadSetup thread_setup;
};

struct RunnerAndLedger {
  std::unique_ptr<ModelRunner> runner;
  MemoryLedger ledger;
};

// Fails with kInvalidArgument, kOutOfMemory (with the ledger's numbers) or as create_backend().
Result<RunnerAndLedger> create_runner(const Model& model, const RunnerSpec& spec);

// What create_runner() would take; fails with kInvalidArgument.
Result<MemoryLedger> runner_memory(const Model& model, const RunnerSpec& spec);

// Bytes of KV cache that one block takes.
Result<uint64_t> kv_block_bytes(const Model& model, const RunnerSpec& spec);

// Blocks for `num_tokens`, or as many as half of the memory that is available now holds, of the
// host's and of a GPU's, each for its layers; at least one. Fails with kInvalidArgument.
Result<int32_t> default_num_blocks(const Model& model, const RunnerSpec& spec, int64_t num_tokens);

// kInvalidArgument, naming the field, unless value ≥ 1.
Result<void> check_at_least_one(const char* field, int64_t value);

}  // namespace weft
