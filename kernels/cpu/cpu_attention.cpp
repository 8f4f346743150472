#include "kernels/cpu/cpu_attention.h"

#include <algorithm>
#include <cstring>

namespace weft::cpu {

static_assert(kSplit == kAttentionSplit);

// One attention() call, with what its items share.
struct CpuAttention::Call {
  Mat q, out;
  const CpuKvCache& cache;
  int32_t layer;
  const AttentionShape& shape;
  const StepBatch& batch;
  const std::vector<int32_t>& sequence_of;

  int32_t group() const { return shape.n_heads / shape.n_kv_heads; }
  int32_t row() const { return cache.row_elements(); }
  // Floats of the partial results of one KV head's queries.
  int64_t partial_floats() const { return int64_t{group()} * (kPartialHeader + row()); }
  int32_t position(int64_t token) const { return batch.positions[static_cast<size_t>(token)]; }
  // The first position that the token sees, and the splits that hold what it sees.
  int32_t first_position(int64_t token) const {
    return shape.window > 0 ? std::max(position(token) - shape.window + 1, 0) : 0;
  }
  int32_t first_split(int64_t token) const { return first_position(token) / kAttentionSplit; }
  int32_t end_split(int64_t token) const { return position(token) / kAttentionSplit + 1; }
};

// A worker's memory, cut up.
struct CpuAttention::Scratch {
  static std::size_t size_bytes(const Call& call) {
    const int64_t floats =
        call.group() * (int64_t{kAttentionSplit} + call.row()) + 2 * call.partial_floats();
    return kAttentionSplit * sizeof(int64_t) + static_cast<std::size_t>(floats) * sizeof(float);
  }
  Scratch(const Call& call, float* memory)
      : offsets(reinterpret_cast<int64_t*>(memory)),
        scores(memory + 2 * kAttentionSplit),
        q(scores + int64_t{call.group()} * kAttentionSplit),
        total(q + int64_t{call.group()} * call.row()),
        next(total + call.partial_floats()) {}

  int64_t* offsets;
  float* scores;
  float* q;  // queries, where they need padding
  float* total;
  float* next;
};

void CpuAttention::run(Mat q, const CpuKvCache& cache, int32_t layer, const AttentionShape& shape,
                       const StepBatch& batch, Mat out) {
  sequence_of_.resize(static_cast<std::size_t>(batch.num_tokens()));
  for (int32_t s = 0; s < batch.num_sequences(); ++s) {
    const auto sequence = static_cast<std::size_t>(s);
    std::fill(sequence_of_.begin() + batch.seq_starts[sequence],
              sequence_of_.begin() + batch.seq_starts[sequence + 1], s);
  }
  const Call call{q, out, cache, layer, shape, batch, sequence_of_};
  scratch_.reserve(Scratch::size_bytes(call));

  const int64_t tokens = batch.num_tokens();
  const int64_t items = tokens * shape.n_kv_heads;
  int64_t splits = 1;
  for (int64_t t = 0; t < tokens; ++t) {
    splits = std::max<int64_t>(splits, call.end_split(t) - call.first_split(t));
  }
  // Enough items keep all threads busy; else the splits are shared out too.
  const bool by_split = splits > 1 && pool_.size() > 1 && items < 4 * pool_.size();
  if (!by_split) {
    pool_.parallel_for(items, 1, [&](int64_t begin, int64_t end, int worker) {
      const Scratch scratch(call, scratch_.floats(worker));
      for (int64_t i = begin; i < end; ++i) {
        whole_context(call, i / shape.n_kv_heads, static_cast<int32_t>(i % shape.n_kv_heads),
                      scratch);
      }
    });
    return;
  }

  const auto size =
      static_cast<std::size_t>(items * splits * call.partial_floats()) * sizeof(float);
  if (partials_.size_bytes() < size) {
    Result<Buffer> larger = allocate_zeroed(size);
    WEFT_CHECK(larger.has_value(), larger.error().message);
    partials_ = std::move(*larger);
  }
  const auto partials_of = [&](int64_t item, int64_t split) {
    return partials_.as<float>() + (item * splits + split) * call.partial_floats();
  };
  pool_.parallel_for(items * splits, 1, [&](int64_t begin, int64_t end, int worker) {
    const Scratch scratch(call, scratch_.floats(worker));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t item = i / splits;
      const int64_t token = item / shape.n_kv_heads;
      const auto split = static_cast<int32_t>(call.first_split(token) + i % splits);
      if (split >= call.end_split(token)) continue;
      one_split(call, token, static_cast<int32_t>(item % shape.n_kv_heads), split,
                partials_of(item, i % splits), scratch);
    }
  });
  for (int64_t item = 0; item < items; ++item) {
    const int64_t token = item / shape.n_kv_heads;
    float* total = partials_of(item, 0);
    for (int64_t s = 1; s < call.end_split(token) - call.first_split(token); ++s) {
      table_.merge(total, partials_of(item, s), call.group(), call.row());
    }
    finish(call, token, static_cast<int32_t>(item % shape.n_kv_heads), total);
  }
}

void CpuAttention::whole_context(const Call& call, int64_t token, int32_t kv_head,
                                 Scratch scratch) const {
  const int32_t first = call.first_split(token);
  one_split(call, token, kv_head, first, scratch.total, scratch);
  for (int32_t split = first + 1; split < call.end_split(token); ++split) {
    one_split(call, token, kv_head, split, scratch.next, scratch);
    table_.merge(scratch.total, scratch.next, call.group(), call.row());
  }
  finish(call, token, kv_head, scratch.total);
}

void CpuAttention::one_split(const Call& call, int64_t token, int32_t kv_head, int32_t split,
                             float* partials, Scratch scratch) const {
  const int32_t base = split * kAttentionSplit;
  AttentionArgs args;
  args.type = call.cache.spec().type;
  args.k = call.cache.k(call.layer);
  args.v = call.cache.v(call.layer);
  args.offsets = scratch.offsets;
  args.begin = std::max(call.first_position(token) - base, 0);
  args.end = std::min(call.position(token) + 1 - base, kAttentionSplit);
  args.heads = call.group();
  args.head_dim = call.row();
  args.scale = call.shape.scale;

  const auto sequence = static_cast<std::size_t>(call.sequence_of[static_cast<size_t>(token)]);
  const int32_t* blocks = call.batch.block_tables.data() + call.batch.block_table_starts[sequence];
  const int32_t block_size = call.cache.spec().block_size;
  for (int32_t p = args.begin; p < args.end;) {
    const int32_t offset_in_block = (base + p) % block_size;
    const int64_t slot = int64_t{blocks[(base + p) / block_size]} * block_size + offset_in_block;
    int64_t offset = call.cache.row_offset(slot, kv_head);
    const int32_t end = std::min(p + block_size - offset_in_block, args.end);
    for (; p < end; ++p, offset += args.head_dim) scratch.offsets[p] = offset;
  }
  const int64_t any = scratch.offsets[args.begin];
  for (int32_t p = args.begin; p % kLanes != 0; --p) scratch.offsets[p - 1] = any;
  for (int32_t p = args.end; p % kLanes != 0; ++p) scratch.offsets[p] = any;

  const int32_t head_dim = call.shape.head_dim;
  const float* q = call.q.row(token) + int64_t{kv_head} * args.heads * head_dim;
  args.q = q;
  if (args.head_dim != head_dim) {
    std::fill_n(scratch.q, int64_t{args.heads} * args.head_dim, 0.0f);
    for (int32_t head = 0; head < args.heads; ++head) {
      std::copy_n(q + int64_t{head} * head_dim, head_dim,
                  scratch.q + int64_t{head} * args.head_dim);
    }
    args.q = scratch.q;
  }
  table_.attend(args, partials, scratch.scores);
}

void CpuAttention::finish(const Call& call, int64_t token, int32_t kv_head,
                          const float* partials) const {
  const int32_t head_dim = call.shape.head_dim;
  float* out = call.out.row(token) + int64_t{kv_head} * call.group() * head_dim;
  for (int32_t head = 0; head < call.group(); ++head, out += head_dim) {
    const float* partial = partials + int64_t{head} * (kPartialHeader + call.row());
    for (int32_t i = 0; i < head_dim; ++i) out[i] = partial[kPartialHeader + i] / partial[1];
  }
}

}  // namespace weft::cpu
