// The draw, as Sampler::draw() has it: of the ids in their order of rank, the first `kept` are
//   min(top_k, all), at most those that weigh min_p of the best, at most the first whose sum
//   exceeds top_p of what top_k left;
// the id is the first with which the sum of weights exceeds random × (sum of the kept) / 2^64.
//
// A block is a row. Each of these questions ends at one rank, which the row's histogram places in
// a bucket. The logits up to that bucket, or if they are many those of the bucket alone, are
// gathered and sorted: the window, in which the questions that follow mostly end too. A bucket of
// very many (equal logits, say) is narrowed first, by eight bits of rank a pass.
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/sample_kernels.h"

namespace weft::cuda {
namespace {

// floor(a × b / 2^64).
WEFT_DEVICE uint64_t multiply_high(uint64_t a, uint64_t b) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b) >> 64);
}

struct ChooseId {
  static constexpr const char* kName = "choose_id";
  // A row of 128,256 is read by one multiprocessor: so many threads keep its path to the second
  // cache busy.
  static constexpr int kThreads = 512;
  static constexpr int kWarps = kThreads / kWarp;
  static constexpr int kWindow = 4 * kThreads;  // 32 KiB, with the sums
  static constexpr int kDigitBits = 8;
  static constexpr int kDigits = 1 << kDigitBits;

  struct Shared {
    SharedArray<uint64_t, kWindow> orders;  // sorted, the first in rank first
    SharedArray<uint64_t, kWindow> sums;    // of weights, from the row's first up to each
    // Of each bucket: how many ids up to its last, and their weight.
    SharedArray<int32_t, kSampleBuckets> count_ends;
    SharedArray<uint64_t, kSampleBuckets> weight_ends;
    SharedArray<uint64_t, kWarps> warp_sums;
    SharedArray<uint64_t, 4> found;  // by one thread, for all
    SharedArray<int32_t, 1> taken;
  };

  enum class By : uint8_t { kCount, kWeight };
  // The first rank with which the count of ids, or the sum of weights, exceeds `target`.
  struct Place {
    int count;        // with it
    uint64_t weight;  // with it
    int32_t id;
  };
  // Stretches of ranks, in numbers that ascend with them.
  struct Range {
    int first_bucket, last_bucket;
    uint64_t low, high;  // orders, inclusive
  };
  // What is sorted in shared memory; the same in every thread.
  struct Window {
    int count_before = 0;
    int count = 0;
    uint64_t weight_before = 0;
    uint64_t weight_end = 0;

    WEFT_DEVICE bool covers(By by, uint64_t target) const {
      if (by == By::kWeight) return target >= weight_before && target < weight_end;
      const auto first = static_cast<uint64_t>(count_before);
      return target >= first && target < first + static_cast<uint64_t>(count);
    }
  };

  // One row's draw. All threads take the same way through it.
  struct Draw {
    SampleRow row;
    Shared& shared;
    int n_vocab;
    float best;
    Window window;

    WEFT_DEVICE uint64_t scan(uint64_t value);
    template <class Take>
    WEFT_DEVICE void for_each_in(const Range& range, const Take& take) const;
    WEFT_DEVICE void load_histogram();
    WEFT_DEVICE int find_bucket(By by, uint64_t target);
    WEFT_DEVICE void narrow(By by, uint64_t target, Range& range);
    WEFT_DEVICE void gather(const Range& range);
    WEFT_DEVICE void sort();
    WEFT_DEVICE void weigh();
    WEFT_DEVICE void move_window(By by, uint64_t target);
    WEFT_DEVICE Place locate(By by, uint64_t target);
    WEFT_DEVICE int32_t draw();
  };

  const SampleRow* rows;
  int n_vocab;
  int slices;

  WEFT_DEVICE void operator()(Shared& shared) const {
    const SampleRow row = load(rows + block_index().x);
    if (!row.draws()) return;
    const uint64_t key = best_of(row, slices);
    int32_t id = -1;
    if (can_be_drawn(key)) {
      id = row.ranks() ? Draw{row, shared, n_vocab, logit_of(key), {}}.draw() : id_of(key);
    }
    if (thread_index() == 0) store(row.drawn, DrawnRow{.id = id});
  }
};

// The sum of the values of this thread and those before it.
WEFT_DEVICE uint64_t ChooseId::Draw::scan(uint64_t value) {
  const int lane = lane_index();
  WEFT_UNROLL
  for (int step = 1; step < kWarp; step *= 2) {
    const uint64_t other = shuffle(value, lane >= step ? lane - step : lane);
    if (lane >= step) value += other;
  }
  sync_threads();  // the last scan's sums have been read
  if (lane == kWarp - 1) shared.warp_sums[warp_index()] = value;
  sync_threads();
  for (int warp = 0; warp < warp_index(); ++warp) value += shared.warp_sums[warp];
  return value;
}

// take(order, logit) for every logit of the row that lies in the range.
template <class Take>
WEFT_DEVICE void ChooseId::Draw::for_each_in(const Range& range, const Take& take) const {
  constexpr int kAtATime = 8;  // loads on their way
  for (int first = thread_index(); first < n_vocab; first += kAtATime * kThreads) {
    float logits[kAtATime];
    WEFT_UNROLL
    for (int j = 0; j < kAtATime; ++j) {
      const int i = first + j * kThreads;
      logits[j] = i < n_vocab ? load(row.logits + i) : -INFINITY;
    }
    WEFT_UNROLL
    for (int j = 0; j < kAtATime; ++j) {
      const int bucket = bucket_of(row, best, logits[j]);
      if (bucket < range.first_bucket || bucket > range.last_bucket) continue;
      const uint64_t order = ~rank_key(logits[j], first + j * kThreads);
      if (order >= range.low && order <= range.high) take(order, logits[j]);
    }
  }
}

WEFT_DEVICE void ChooseId::Draw::load_histogram() {
  constexpr int kEach = kSampleBuckets / kThreads;
  uint64_t counts = 0;
  uint64_t weights = 0;
  const int first = thread_index() * kEach;
  for (int b = first; b < first + kEach; ++b) {
    counts += static_cast<uint64_t>(load(row.counts + b));
    weights += load(row.weights + b);
  }
  uint64_t count = scan(counts) - counts;
  uint64_t weight = scan(weights) - weights;
  for (int b = first; b < first + kEach; ++b) {
    count += static_cast<uint64_t>(load(row.counts + b));
    weight += load(row.weights + b);
    shared.count_ends[b] = static_cast<int32_t>(count);
    shared.weight_ends[b] = weight;
  }
  sync_threads();
}

WEFT_DEVICE int ChooseId::Draw::find_bucket(By by, uint64_t target) {
  const auto end = [&](int b) {
    if (by == By::kWeight) return uint64_t{shared.weight_ends[b]};
    return static_cast<uint64_t>(int32_t{shared.count_ends[b]});
  };
  for (int b = thread_index(); b < kSampleBuckets; b += kThreads) {
    if (target < end(b) && (b == 0 || target >= end(b - 1))) {
      shared.found[0] = static_cast<uint64_t>(b);
    }
  }
  sync_threads();
  const auto bucket = static_cast<int>(uint64_t{shared.found[0]});
  sync_threads();
  return bucket;
}

// Cuts the range, of which window.count are too many, down to one that fits and has the place.
WEFT_DEVICE void ChooseId::Draw::narrow(By by, uint64_t target, Range& range) {
  const int thread = thread_index();
  for (int shift = 64 - kDigitBits; window.count > kWindow; shift -= kDigitBits) {
    if (thread < kDigits) {
      shared.orders[thread] = 0;  // counts, until there is a window
      shared.sums[thread] = 0;
    }
    sync_threads();
    for_each_in(range, [&](uint64_t order, float logit) {
      const int digit = static_cast<int>(order >> shift) & (kDigits - 1);
      shared.orders.atomic_add(digit, uint64_t{1});
      shared.sums.atomic_add(digit, weight_of(row, best, logit));
    });
    sync_threads();
    const uint64_t count = thread < kDigits ? uint64_t{shared.orders[thread]} : 0;
    const uint64_t weight = thread < kDigits ? uint64_t{shared.sums[thread]} : 0;
    const uint64_t count_end = static_cast<uint64_t>(window.count_before) + scan(count);
    const uint64_t weight_end = window.weight_before + scan(weight);
    const uint64_t end = by == By::kWeight ? weight_end : count_end;
    const uint64_t own = by == By::kWeight ? weight : count;
    if (target < end && target >= end - own) {
      shared.found[0] = static_cast<uint64_t>(thread);
      shared.found[1] = count_end - count;
      shared.found[2] = count;
      shared.found[3] = weight_end - weight;
    }
    sync_threads();
    range.low |= uint64_t{shared.found[0]} << shift;
    range.high = range.low | ((uint64_t{1} << shift) - 1);
    window.count_before = static_cast<int>(uint64_t{shared.found[1]});
    window.count = static_cast<int>(uint64_t{shared.found[2]});
    window.weight_before = shared.found[3];
    sync_threads();
  }
}

// In any order.
WEFT_DEVICE void ChooseId::Draw::gather(const Range& range) {
  if (thread_index() == 0) shared.taken[0] = 0;
  sync_threads();
  for_each_in(range,
              [&](uint64_t order, float) { shared.orders[shared.taken.atomic_add(0, 1)] = order; });
  sync_threads();
}

// Bitonic (Batcher, 1968).
WEFT_DEVICE void ChooseId::Draw::sort() {
  int padded = 1;
  while (padded < window.count) padded *= 2;
  for (int i = window.count + thread_index(); i < padded; i += kThreads) {
    shared.orders[i] = ~uint64_t{0};
  }
  sync_threads();
  for (int size = 2; size <= padded; size *= 2) {
    for (int stride = size / 2; stride > 0; stride /= 2) {
      for (int i = thread_index(); i < padded / 2; i += kThreads) {
        const int at = 2 * i - (i & (stride - 1));
        const uint64_t a = shared.orders[at];
        const uint64_t b = shared.orders[at + stride];
        if ((a > b) == ((at & size) == 0)) {
          shared.orders[at] = b;
          shared.orders[at + stride] = a;
        }
      }
      sync_threads();
    }
  }
}

WEFT_DEVICE void ChooseId::Draw::weigh() {
  constexpr int kEach = kWindow / kThreads;
  const int first = thread_index() * kEach;
  uint64_t weights[kEach];
  uint64_t own = 0;
  WEFT_UNROLL
  for (int j = 0; j < kEach; ++j) {
    weights[j] = first + j < window.count
                     ? weight_of(row, best, logit_of(~uint64_t{shared.orders[first + j]}))
                     : 0;
    own += weights[j];
  }
  uint64_t sum = window.weight_before + scan(own) - own;
  WEFT_UNROLL
  for (int j = 0; j < kEach; ++j) {
    sum += weights[j];
    if (first + j < window.count) shared.sums[first + j] = sum;
  }
  sync_threads();
  window.weight_end = shared.sums[window.count - 1];
}

WEFT_DEVICE void ChooseId::Draw::move_window(By by, uint64_t target) {
  const int bucket = find_bucket(by, target);
  const int end = shared.count_ends[bucket];
  Range range{.first_bucket = 0, .last_bucket = bucket, .low = 0, .high = ~uint64_t{0}};
  window = {.count = end};
  if (end > kWindow && bucket > 0) {
    range.first_bucket = bucket;
    window.count_before = shared.count_ends[bucket - 1];
    window.weight_before = shared.weight_ends[bucket - 1];
    window.count = end - window.count_before;
  }
  narrow(by, target, range);
  gather(range);
  sort();
  weigh();
}

WEFT_DEVICE ChooseId::Place ChooseId::Draw::locate(By by, uint64_t target) {
  if (!window.covers(by, target)) move_window(by, target);
  int at = static_cast<int>(target) - window.count_before;
  if (by == By::kWeight) {
    for (int i = thread_index(); i < window.count; i += kThreads) {
      const uint64_t before = i == 0 ? window.weight_before : uint64_t{shared.sums[i - 1]};
      if (target >= before && target < shared.sums[i]) {
        shared.found[0] = static_cast<uint64_t>(i);
      }
    }
    sync_threads();
    at = static_cast<int>(uint64_t{shared.found[0]});
    sync_threads();
  }
  return {.count = window.count_before + at + 1,
          .weight = shared.sums[at],
          .id = id_of(~uint64_t{shared.orders[at]})};
}

WEFT_DEVICE int32_t ChooseId::Draw::draw() {
  load_histogram();
  const int all = shared.count_ends[kSampleBuckets - 1];
  const uint64_t weight_of_all = shared.weight_ends[kSampleBuckets - 1];
  const auto weight_of_first = [&](int count) {
    if (count == all) return weight_of_all;
    return locate(By::kCount, static_cast<uint64_t>(count - 1)).weight;
  };
  int kept = row.top_k < all ? row.top_k : all;
  const uint64_t total = weight_of_first(kept);
  if (row.min_p > 0.0f) {
    const int likely = load(row.likely);
    kept = likely < kept ? likely : kept;
    kept = kept < 1 ? 1 : kept;
  }
  if (row.top_p < 1.0f) {
    const auto nucleus =
        static_cast<uint64_t>(static_cast<double>(total) * static_cast<double>(row.top_p));
    // The one that crosses it is in.
    const int count = locate(By::kWeight, nucleus > 0 ? nucleus - 1 : 0).count;
    kept = count < kept ? count : kept;
  }
  return locate(By::kWeight, multiply_high(row.random, weight_of_first(kept))).id;
}

}  // namespace

void choose_id(Stream& stream, const SampleRow* rows, int count, int n_vocab) {
  launch(stream, {.x = count},
         ChooseId{.rows = rows, .n_vocab = n_vocab, .slices = sample_slices(n_vocab)});
}

}  // namespace weft::cuda
