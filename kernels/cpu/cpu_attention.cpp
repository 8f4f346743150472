#include "kernels/cpu/cpu_attention.h"

#include <algorithm>
#include <limits>
#include <numbers>

#include "core/check.h"
#include "kernels/cpu/cpu_memory.h"

namespace weft::cpu {
namespace {

static_assert(kSplit == kAttentionSplit);

// Rows of a tile: what is loaded and converted from the cache serves so many. At 96 converting
// half floats is a few percent of the work, and the scores take 96 KiB of the second cache level.
constexpr int32_t kTileRows = 96;

// Splits for each thread before long items' partial results are merged: bounds their memory, and
// what the slowest thread keeps the others waiting.
constexpr int64_t kWaveSplits = 32;

// Pieces of work a thread should find, so that all end at about the same time.
constexpr int64_t kPiecesPerThread = 4;

// Runs of kKeyGroup keys of the next split that are asked for during one.
constexpr int32_t kNextGroups = 4;

}  // namespace

// One attention() call, with what its items share.
struct CpuAttention::Call {
  Mat q, out;
  const CpuKvCache& cache;
  int32_t layer;
  const AttentionShape& shape;
  const StepBatch& batch;

  int32_t group() const { return shape.n_heads / shape.n_kv_heads; }  // heads of a KV head
  int32_t row() const { return cache.row_elements(); }
  int32_t tile_tokens() const { return std::max(kTileRows / group(), 1); }
  int32_t tile_rows() const { return tile_tokens() * group(); }
  int32_t rows(const Item& item) const { return item.kv_heads * item.tokens * group(); }
  int64_t partial_floats() const { return kPartialHeader + int64_t{row()}; }  // of a row

  int32_t position(int32_t token) const { return batch.positions[static_cast<size_t>(token)]; }
  int32_t first_position(int32_t token) const {
    return shape.window > 0 ? std::max(position(token) - shape.window + 1, 0) : 0;
  }
  // Where the query heads of a token that share a KV head begin in q and out.
  int64_t offset(int32_t token, int32_t kv_head) const {
    return token * q.cols + int64_t{kv_head} * group() * shape.head_dim;
  }
};

// A thread's memory, and what it does with an item. Partial results of an item are
// [kv heads, tokens, heads of a KV head], each partial_floats().
class CpuAttention::Worker {
 public:
  static std::size_t scratch_bytes(const Call& call) {
    const int64_t rows = call.tile_rows();
    const int64_t floats = attend_scratch(rows, call.row()) + 2 * rows * call.partial_floats();
    return static_cast<std::size_t>(floats) * sizeof(float) + sizeof(Groups) +
           static_cast<std::size_t>(rows) * (sizeof(float*) + 2 * sizeof(int32_t));
  }

  Worker(const KernelTable& table, const Call& call, float* memory) : table_(table), call_(call) {
    const int64_t rows = call.tile_rows();
    scratch_ = memory;
    total_ = scratch_ + attend_scratch(rows, call.row());
    next_ = total_ + rows * call.partial_floats();
    groups_ = reinterpret_cast<Groups*>(next_ + rows * call.partial_floats());
    q_ = reinterpret_cast<const float**>(groups_ + 1);
    begin_ = reinterpret_cast<int32_t*>(q_ + rows);
    end_ = begin_ + rows;
  }

  void whole(const Item& item) {
    for (int32_t split = item.first_split; split < item.end_split; ++split) {
      attend(item, split, next_);
      for (int32_t head = 0; head < item.kv_heads; ++head) merge(item, head, split, total_, next_);
    }
    for (int32_t head = 0; head < item.kv_heads; ++head) finish(item, head, total_);
  }

  // Partial results of one split, of the tokens that see any of it.
  void attend(const Item& item, int32_t split, float* partials);
  // Adds them to the totals of one of the item's KV heads, which the first split sets up.
  void merge(const Item& item, int32_t head, int32_t split, float* total,
             const float* partials) const;
  // Totals to the output.
  void finish(const Item& item, int32_t head, const float* total) const;

 private:
  struct Groups {
    const std::byte* keys[kSplit];
    const std::byte* values[kSplit];
    const std::byte* next_keys[kNextGroups];
  };
  // The positions of a split that a token sees, counted from its first one.
  struct View {
    int32_t begin, end;
    bool empty() const { return begin >= end; }
  };
  struct Tokens {
    int32_t first, end;
  };

  View view(int32_t token, int32_t split) const {
    const int32_t base = split * kSplit;
    return {std::max(call_.first_position(token) - base, 0),
            std::min(call_.position(token) + 1 - base, kSplit)};
  }
  // The item's tokens that see any of the split.
  Tokens tokens_of(const Item& item, int32_t split) const {
    Tokens tokens = {item.first_token, item.first_token + item.tokens};
    while (view(tokens.first, split).empty()) ++tokens.first;
    while (view(tokens.end - 1, split).empty()) --tokens.end;
    return tokens;
  }
  // Where a token's partial results of a KV head of the item begin.
  int64_t partial_offset(const Item& item, int32_t head, int32_t token) const {
    const int32_t row = (head * item.tokens + token - item.first_token) * call_.group();
    return row * call_.partial_floats();
  }
  void find_groups(const Item& item, int32_t split, int32_t begin, int32_t end);
  int32_t find_next_keys(const Item& item, int32_t split);
  // From the cache's first byte to the group of a position of the item's first head.
  std::size_t group_offset(const Item& item, int32_t position) const;

  const KernelTable& table_;
  const Call& call_;
  float* scratch_;
  float* total_;
  float* next_;
  Groups* groups_;
  const float** q_;
  int32_t* begin_;
  int32_t* end_;
};

void CpuAttention::Worker::attend(const Item& item, int32_t split, float* partials) {
  const Tokens tokens = tokens_of(item, split);
  const int32_t group = call_.group();
  const int32_t rows = (tokens.end - tokens.first) * group;
  for (int32_t row = 0; row < rows; ++row) {
    const int32_t token = tokens.first + row / group;
    const View seen = view(token, split);
    begin_[row] = seen.begin;
    end_[row] = seen.end;
    for (int32_t head = 0; head < item.kv_heads; ++head) {
      q_[head * rows + row] = call_.q.data + call_.offset(token, item.first_head + head) +
                              int64_t{row % group} * call_.shape.head_dim;
    }
  }
  find_groups(item, split, begin_[0], end_[rows - 1]);
  const CpuKvCache& cache = call_.cache;
  const AttentionTile tile = {.type = cache.spec().type,
                              .group = cache.group(),
                              .keys = groups_->keys,
                              .values = groups_->values,
                              .next_keys = groups_->next_keys,
                              .next_groups = find_next_keys(item, split + 1),
                              .group_bytes = cache.group_bytes(),
                              .head_bytes = cache.head_bytes(),
                              .head_dim = call_.shape.head_dim,
                              .row = call_.row(),
                              .scale = call_.shape.scale * std::numbers::log2e_v<float>,
                              .kv_heads = item.kv_heads,
                              .rows = rows,
                              .q = q_,
                              .begin = begin_,
                              .end = end_};
  table_.attend(tile, partials, scratch_);
}

void CpuAttention::Worker::find_groups(const Item& item, int32_t split, int32_t begin,
                                       int32_t end) {
  const CpuKvCache& cache = call_.cache;
  const int32_t group = cache.group();
  // Whole runs of kKeyGroup positions, whatever the group.
  const int32_t first = begin / kKeyGroup * kKeyGroup;
  const int32_t last = (end + kKeyGroup - 1) / kKeyGroup * kKeyGroup;
  for (int32_t p = first; p < last; p += group) {
    const auto i = static_cast<std::size_t>(p / group);
    groups_->keys[i] = groups_->values[i] = nullptr;
    if (p + group <= begin || p >= end) continue;
    const std::size_t offset = group_offset(item, split * kSplit + p);
    groups_->keys[i] = cache.k(call_.layer) + offset;
    groups_->values[i] = cache.v(call_.layer) + offset;
  }
}

std::size_t CpuAttention::Worker::group_offset(const Item& item, int32_t position) const {
  const int32_t block_size = call_.cache.spec().block_size;
  const int32_t* blocks = call_.batch.block_tables.data() +
                          call_.batch.block_table_starts[static_cast<std::size_t>(item.sequence)];
  const int64_t slot = int64_t{blocks[position / block_size]} * block_size + position % block_size;
  return call_.cache.group_offset(slot, item.first_head);
}

// The first groups of a split, to be asked for before it is its turn; how many.
int32_t CpuAttention::Worker::find_next_keys(const Item& item, int32_t split) {
  if (split >= item.end_split || call_.cache.group() != kKeyGroup) return 0;
  const int32_t end = view(item.first_token + item.tokens - 1, split).end;
  int32_t found = 0;
  for (int32_t p = 0; p < end && found < kNextGroups; p += kKeyGroup) {
    groups_->next_keys[found++] =
        call_.cache.k(call_.layer) + group_offset(item, split * kSplit + p);
  }
  return found;
}

void CpuAttention::Worker::merge(const Item& item, int32_t head, int32_t split, float* total,
                                 const float* partials) const {
  if (split == item.first_split) {
    float* partial = total + partial_offset(item, head, item.first_token);
    const int32_t rows = item.tokens * call_.group();
    std::fill_n(partial, rows * call_.partial_floats(), 0.0f);
    for (int32_t row = 0; row < rows; ++row, partial += call_.partial_floats()) {
      partial[0] = -std::numeric_limits<float>::infinity();
    }
  }
  const Tokens tokens = tokens_of(item, split);
  const int32_t rows = (tokens.end - tokens.first) * call_.group();
  table_.merge(total + partial_offset(item, head, tokens.first),
               partials + head * rows * call_.partial_floats(), rows, call_.row());
}

void CpuAttention::Worker::finish(const Item& item, int32_t head, const float* total) const {
  const int32_t head_dim = call_.shape.head_dim;
  const float* partial = total + partial_offset(item, head, item.first_token);
  for (int32_t t = 0; t < item.tokens; ++t) {
    float* out = call_.out.data + call_.offset(item.first_token + t, item.first_head + head);
    for (int32_t row = 0; row < call_.group(); ++row) {
      for (int32_t i = 0; i < head_dim; ++i) out[i] = partial[kPartialHeader + i] / partial[1];
      out += head_dim;
      partial += call_.partial_floats();
    }
  }
}

void CpuAttention::run(Mat q, const CpuKvCache& cache, int32_t layer, const AttentionShape& shape,
                       const StepBatch& batch, Mat out) {
  const Call call{q, out, cache, layer, shape, batch};
  scratch_.reserve(Worker::scratch_bytes(call));
  items_.clear();
  long_items_.clear();
  make_items(call, heads_together(call));
  if (pool_.size() > 1) set_long_items_apart();
  run_long_items(call);
  pool_.parallel_for(static_cast<int64_t>(items_.size()), 1,
                     [&](int64_t begin, int64_t end, int thread) {
                       Worker worker(table_, call, scratch_.floats(thread));
                       for (int64_t i = begin; i < end; ++i) {
                         worker.whole(items_[static_cast<std::size_t>(i)]);
                       }
                     });
}

// Many tokens fill a tile with the rows of one KV head. Few take as many KV heads as fit, which lie
// together in a block, as long as there is work for all threads.
int32_t CpuAttention::heads_together(const Call& call) const {
  const StepBatch& batch = call.batch;
  int32_t tokens = 1;  // of the longest piece of a sequence
  int64_t splits = 0;
  for (std::size_t s = 0; s + 1 < batch.seq_starts.size(); ++s) {
    const int32_t last = batch.seq_starts[s + 1] - 1;
    tokens = std::max(tokens, last + 1 - batch.seq_starts[s]);
    splits += call.position(last) / kSplit - call.first_position(last) / kSplit + 1;
  }
  const int32_t all = call.shape.n_kv_heads;
  int32_t heads = std::clamp(call.tile_tokens() / tokens, 1, all);
  while (heads > 1 && splits * ((all + heads - 1) / heads) < kPiecesPerThread * pool_.size()) {
    heads = (heads + 1) / 2;
  }
  return heads;
}

void CpuAttention::make_items(const Call& call, int32_t heads_together) {
  const StepBatch& batch = call.batch;
  for (int32_t sequence = 0; sequence < batch.num_sequences(); ++sequence) {
    const int32_t first = batch.seq_starts[static_cast<std::size_t>(sequence)];
    const int32_t end = batch.seq_starts[static_cast<std::size_t>(sequence) + 1];
    // Head by head, so that neighbours in time read the same part of the cache.
    for (int32_t head = 0; head < call.shape.n_kv_heads; head += heads_together) {
      const int32_t heads = std::min(heads_together, call.shape.n_kv_heads - head);
      for (int32_t token = first; token < end; token += call.tile_tokens()) {
        const int32_t tokens = std::min(call.tile_tokens(), end - token);
        items_.push_back({sequence, head, heads, token, tokens, call.first_position(token) / kSplit,
                          call.position(token + tokens - 1) / kSplit + 1});
      }
    }
  }
}

// Those with more than half of a thread's fair share of the splits.
void CpuAttention::set_long_items_apart() {
  int64_t splits = 0;
  for (const Item& item : items_) splits += item.splits();
  std::erase_if(items_, [&](const Item& item) {
    const bool is_long = item.splits() > 1 && 2 * item.splits() * int64_t{pool_.size()} > splits;
    if (is_long) long_items_.push_back(item);
    return is_long;
  });
}

// Some splits of every long item, then their merges, and so on: memory is bounded by the number
// of threads, whatever the context.
void CpuAttention::run_long_items(const Call& call) {
  if (long_items_.empty()) return;
  const auto items = static_cast<int64_t>(long_items_.size());
  int32_t splits = 0;
  int32_t rows = 0;
  int32_t heads = 0;
  for (const Item& item : long_items_) {
    splits = std::max(splits, item.splits());
    rows = std::max(rows, call.rows(item));
    heads = std::max(heads, item.kv_heads);
  }
  const int64_t at_most = std::max<int64_t>(kWaveSplits * pool_.size() / items, 1);
  const int64_t waves = (splits + at_most - 1) / at_most;
  const auto wave = static_cast<int32_t>((splits + waves - 1) / waves);

  // Of each item its totals, then the partial results of a wave.
  const int64_t part_floats = rows * call.partial_floats();
  const int64_t item_floats = (1 + wave) * part_floats;
  const auto size = static_cast<std::size_t>(items * item_floats) * sizeof(float);
  if (partials_.size_bytes() < size) {
    Result<Buffer> larger = allocate_zeroed(size);
    WEFT_CHECK(larger.has_value(), larger.error().message);
    partials_ = std::move(*larger);
  }
  const auto item_at = [&](int64_t i) { return long_items_[static_cast<std::size_t>(i)]; };
  const auto totals = [&](int64_t i) { return partials_.as<float>() + i * item_floats; };
  const auto part = [&](int64_t i, int64_t w) { return totals(i) + (1 + w) * part_floats; };

  for (int32_t done = 0; done < splits; done += wave) {
    pool_.parallel_for(items * wave, 1, [&](int64_t begin, int64_t end, int thread) {
      Worker worker(table_, call, scratch_.floats(thread));
      for (int64_t i = begin; i < end; ++i) {
        const Item item = item_at(i / wave);
        const int32_t split = item.first_split + done + static_cast<int32_t>(i % wave);
        if (split < item.end_split) worker.attend(item, split, part(i / wave, i % wave));
      }
    });
    pool_.parallel_for(items * heads, 1, [&](int64_t begin, int64_t end, int thread) {
      const Worker worker(table_, call, scratch_.floats(thread));
      for (int64_t i = begin; i < end; ++i) {
        const Item item = item_at(i / heads);
        const auto head = static_cast<int32_t>(i % heads);
        if (head >= item.kv_heads) continue;
        const int32_t first = item.first_split + done;
        for (int32_t s = first; s < std::min(first + wave, item.end_split); ++s) {
          worker.merge(item, head, s, totals(i / heads), part(i / heads, s - first));
        }
        if (done + wave >= splits) worker.finish(item, head, totals(i / heads));
      }
    });
  }
}

}  // namespace weft::cpu
