// How attention is shared out over threads: which queries make a tile, which positions they see,
// where those lie, and in which order partial results are merged. The sums are the kernel table's.
// Owned by the step thread.
#pragma once

#include <cstddef>
#include <vector>

#include "core/backend.h"
#include "core/thread_pool.h"
#include "kernels/cpu/cpu_kv_cache.h"
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
  // Neighbouring tokens of one sequence and neighbouring KV heads: the unit of work.
  struct Item {
    int32_t sequence;
    int32_t first_head, kv_heads;
    int32_t first_token, tokens;
    int32_t first_split, end_split;  // that hold what the tokens see

    int32_t splits() const { return end_split - first_split; }
  };
  struct Call;
  class Worker;

  int32_t heads_together(const Call& call) const;
  void make_items(const Call& call, int32_t heads_together);
  void set_long_items_apart();
  void run_long_items(const Call& call);

  const KernelTable& table_;
  ThreadPool& pool_;
  WorkerScratch& scratch_;
  std::vector<Item> items_;       // a worker takes all of one
  std::vector<Item> long_items_;  // whose splits are shared out
  Buffer partials_;               // of those
};

}  // namespace weft::cpu
