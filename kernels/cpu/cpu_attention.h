// How attention is shared out over threads: which positions a query sees, in which splits, where
// their rows lie, and in which order partial results are merged. The sums are the kernel table's.
// Owned by the step thread.
#pragma once

#include <vector>

#include "core/backend.h"
#include "core/thread_pool.h"
#include "kernels/cpu/cpu_memory.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/worker_scratch.h"

namespace weft::cpu {

class CpuAttention {
 public:
  CpuAttention(const KernelTable& table, ThreadPool& pool, WorkerScratch& scratch)
      : table_(table), pool_(pool), scratch_(scratch) {}

  // Backend::attention.
  void run(Mat q, const CpuKvCache& cache, int32_t layer, const AttentionShape& shape,
           const StepBatch& batch, Mat out);

 private:
  struct Call;
  struct Scratch;

  void whole_context(const Call& call, int64_t token, int32_t kv_head, Scratch scratch) const;
  void one_split(const Call& call, int64_t token, int32_t kv_head, int32_t split, float* partials,
                 Scratch scratch) const;
  void finish(const Call& call, int64_t token, int32_t kv_head, const float* partials) const;

  const KernelTable& table_;
  ThreadPool& pool_;
  WorkerScratch& scratch_;
  std::vector<int32_t> sequence_of_;  // of each token of the batch
  Buffer partials_;                   // of all splits, where they are computed apart
};

}  // namespace weft::cpu
