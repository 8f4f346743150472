#include "kernels/cuda/sample.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "core/check.h"
#include "kernels/cuda/sample_kernels.h"

namespace weft::cuda {
namespace {

// Farther away than so many temperatures, a logit weighs nothing (fixed_exp(), and a little for
// the rounding of buckets).
constexpr float kFarthest = 28.01f;

// Where each array of a call lies in one piece of memory.
class Layout {
 public:
  template <class T>
  std::size_t add(std::size_t count) {
    const std::size_t at = (size_ + alignof(T) - 1) / alignof(T) * alignof(T);
    size_ = at + count * sizeof(T);
    return at;
  }
  std::size_t size_bytes() const { return size_; }

 private:
  std::size_t size_ = 0;
};

std::size_t total(std::span<const RowDraw> draws, std::size_t (*of)(const RowDraw&)) {
  std::size_t sum = 0;
  for (const RowDraw& draw : draws) sum += of(draw);
  return sum;
}

// Takes consecutive arrays for one row after the other.
template <class T>
class Supply {
 public:
  Supply(std::byte* memory, std::size_t at) : next_(reinterpret_cast<T*>(memory + at)) {}
  T* take(std::size_t count) {
    T* const taken = next_;
    next_ += count;
    return taken;
  }

 private:
  T* next_;
};

void set_options(const RowDraw& draw, int n_vocab, SampleRow& row) {
  constexpr float kPerDistance = kSampleBuckets / kFarthest;
  row.given = draw.given;
  row.wants_logprob = draw.wants_logprob || draw.given >= 0;
  row.repetition_penalty = draw.repetition_penalty;
  row.presence_penalty = draw.presence_penalty;
  row.frequency_penalty = draw.frequency_penalty;
  row.temperature = draw.temperature;
  row.inverse_temperature = 1.0 / static_cast<double>(draw.temperature);
  row.bucket_scale = std::min(static_cast<float>(row.inverse_temperature) * kPerDistance,
                              std::numeric_limits<float>::max());
  row.top_k = draw.top_k <= 0 ? n_vocab : std::min(draw.top_k, n_vocab);
  row.top_p = draw.top_p;
  row.min_p = draw.min_p;
  row.min_weight =
      static_cast<uint64_t>(static_cast<double>(kFixedExpOne) * static_cast<double>(draw.min_p));
  row.random = draw.random;
}

}  // namespace

void RowSampler::sample(Gpu& gpu, Mat logits, std::span<const RowDraw> draws,
                        std::span<DrawnRow> drawn, Result<void>& error) {
  WEFT_CHECK(draws.size() == drawn.size(), "sample: " + std::to_string(draws.size()) + " draws, " +
                                               std::to_string(drawn.size()) + " results");
  std::ranges::fill(drawn, DrawnRow{});
  if (draws.empty()) return;
  const auto n_vocab = static_cast<int>(logits.cols);
  const std::size_t n = draws.size();
  const auto slices = static_cast<std::size_t>(sample_slices(n_vocab));
  const std::size_t seen = total(draws, [](const RowDraw& d) { return d.seen.size(); });
  const std::size_t forbidden = total(draws, [](const RowDraw& d) { return d.forbidden.size(); });

  Layout layout;
  const std::size_t rows_at = layout.add<SampleRow>(n);
  const std::size_t seen_at = layout.add<TokenCount>(seen);
  const std::size_t forbidden_at = layout.add<int32_t>(forbidden);
  const std::size_t uploaded_bytes = layout.size_bytes();  // up to here
  const std::size_t drawn_at = layout.add<DrawnRow>(n);
  const std::size_t saved_at = layout.add<float>(seen + forbidden);
  const std::size_t bests_at = layout.add<uint64_t>(n * slices);
  const std::size_t weights_at = layout.add<uint64_t>(n * kSampleBuckets);
  const std::size_t counts_at = layout.add<int32_t>(n * kSampleBuckets);
  const std::size_t likely_at = layout.add<int32_t>(n);
  std::byte* const device = memory_.at_least(gpu, static_cast<int64_t>(layout.size_bytes()), error);
  if (device == nullptr) return;

  uploaded_.resize(uploaded_bytes);
  std::byte* const host = uploaded_.data();
  Supply<TokenCount> host_seen(host, seen_at), device_seen(device, seen_at);
  Supply<int32_t> host_forbidden(host, forbidden_at), device_forbidden(device, forbidden_at);
  Supply<float> saved(device, saved_at);
  Supply<uint64_t> bests(device, bests_at), weights(device, weights_at);
  Supply<int32_t> counts(device, counts_at), likely(device, likely_at);
  Supply<DrawnRow> device_drawn(device, drawn_at);
  bool edits = false, any_draws = false, ranks = false, scores = false;
  for (std::size_t i = 0; i < n; ++i) {
    const RowDraw& draw = draws[i];
    WEFT_CHECK(draw.row >= 0 && draw.row < logits.rows && draw.given < n_vocab,
               "sample: row " + std::to_string(draw.row) + ", id " + std::to_string(draw.given) +
                   " of logits [" + std::to_string(logits.rows) + ", " + std::to_string(n_vocab) +
                   "]");
    SampleRow row{};
    set_options(draw, n_vocab, row);
    row.logits = logits.row(draw.row);
    std::ranges::copy(draw.seen, host_seen.take(draw.seen.size()));
    row.seen = device_seen.take(draw.seen.size());
    row.num_seen = static_cast<int32_t>(draw.seen.size());
    // Each once: what was there must be kept once.
    int32_t* const ids = host_forbidden.take(draw.forbidden.size());
    row.num_forbidden =
        static_cast<int32_t>(std::ranges::unique_copy(draw.forbidden, ids).out - ids);
    row.forbidden = device_forbidden.take(draw.forbidden.size());
    row.saved = saved.take(draw.seen.size() + draw.forbidden.size());
    row.bests = bests.take(slices);
    row.weights = weights.take(kSampleBuckets);
    row.counts = counts.take(kSampleBuckets);
    row.likely = likely.take(1);
    row.drawn = device_drawn.take(1);
    edits |= row.num_seen > 0 || row.num_forbidden > 0;
    any_draws |= row.draws();
    ranks |= row.ranks();
    scores |= row.wants_logprob;
    std::memcpy(host + rows_at + i * sizeof(SampleRow), &row, sizeof(SampleRow));
  }
  gpu.upload(device, host, uploaded_bytes);

  const auto* const rows = reinterpret_cast<const SampleRow*>(device + rows_at);
  const auto count = static_cast<int>(n);
  Stream& stream = gpu.stream();
  if (edits) edit_logits(stream, rows, count);
  if (any_draws) {
    find_best(stream, rows, count, n_vocab, SamplePass::kDraw);
    if (ranks) count_and_weigh(stream, rows, count, n_vocab);
    choose_id(stream, rows, count, n_vocab);
  }
  if (edits) restore_logits(stream, rows, count);
  if (scores) {
    find_best(stream, rows, count, n_vocab, SamplePass::kScore);
    sum_weights(stream, rows, count, n_vocab);
  }
  gpu.download(drawn.data(), device + drawn_at, n * sizeof(DrawnRow));
}

}  // namespace weft::cuda
