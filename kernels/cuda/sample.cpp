#include "kernels/cuda/sample.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "core/check.h"
#include "kernels/cuda/sample_kernels.h"

namespace weft::cuda {
namespace {

// Farther away than so many temperatures, a logit weighs nothing (fixed_exp(), and a little for
// the rounding of buckets).
constexpr float kFarthest = 28.01f;

bool ranks(const RowDraw& draw) { return draw.given < 0 && draw.temperature > 0.0f; }
bool edits(const RowDraw& draw) { return !draw.seen.empty() || !draw.forbidden.empty(); }
bool scores(const RowDraw& draw) { return draw.given >= 0 || draw.wants_logprob; }

// An array of each kind for every row, all rows' one after another, in one piece of memory. What
// is uploaded comes first and lies in a copy of the host's as it will on the device.
struct Arrays {
  template <class T>
  struct Array {
    std::size_t at = 0;  // bytes from the beginning
    std::size_t taken = 0;

    // `memory` is where all arrays lie, the device's or the host's copy.
    T* next(std::byte* memory) const { return reinterpret_cast<T*>(memory + at) + taken; }
    T* take(std::byte* memory, std::size_t count) {
      T* const first = next(memory);
      taken += count;
      return first;
    }
  };

  Arrays(std::span<const RowDraw> draws, std::size_t slices) {
    std::size_t num_seen = 0, num_forbidden = 0, num_ranked = 0;
    for (const RowDraw& draw : draws) {
      num_seen += draw.seen.size();
      num_forbidden += draw.forbidden.size();
      num_ranked += ranks(draw) ? 1 : 0;
    }
    place(rows, draws.size());
    place(seen, num_seen);
    place(forbidden, num_forbidden);
    uploaded_bytes = size_bytes;
    place(saved, num_seen + num_forbidden);
    place(bests, draws.size() * slices);
    place(weights, num_ranked * kSampleBuckets);
    place(counts, num_ranked * kSampleBuckets);
    place(likely, draws.size());
  }

  Array<SampleRow> rows;
  Array<TokenCount> seen;
  Array<int32_t> forbidden;
  Array<float> saved;
  Array<uint64_t> bests, weights;
  Array<int32_t> counts, likely;
  std::size_t uploaded_bytes = 0;
  std::size_t size_bytes = 0;

 private:
  template <class T>
  void place(Array<T>& array, std::size_t count) {
    array.at = (size_bytes + alignof(T) - 1) / alignof(T) * alignof(T);
    size_bytes = array.at + count * sizeof(T);
  }
};

void set_options(const RowDraw& draw, int n_vocab, SampleRow& row) {
  constexpr float kPerDistance = kSampleBuckets / kFarthest;
  row.given = draw.given;
  row.wants_logprob = scores(draw);
  row.repetition_penalty = draw.repetition_penalty;
  row.presence_penalty = draw.presence_penalty;
  row.frequency_penalty = draw.frequency_penalty;
  row.temperature = draw.temperature;
  row.inverse_temperature = 1.0 / static_cast<double>(draw.temperature);
  // Of the least temperatures it would be infinite, and the best's own distance no number.
  row.bucket_scale = std::min(static_cast<float>(row.inverse_temperature) * kPerDistance,
                              std::numeric_limits<float>::max());
  row.top_k = draw.top_k <= 0 ? n_vocab : std::min(draw.top_k, n_vocab);
  row.top_p = draw.top_p;
  row.min_p = draw.min_p;
  row.min_weight =
      static_cast<uint64_t>(static_cast<double>(kFixedExpOne) * static_cast<double>(draw.min_p));
  row.random = draw.random;
}

// Writes what the row uploads into `host` and gives it its share of every array.
void pack(const RowDraw& draw, Mat logits, std::byte* host, std::byte* device, Arrays& arrays,
          DrawnRow* drawn) {
  const auto n_vocab = static_cast<int>(logits.cols);
  WEFT_CHECK(draw.row >= 0 && draw.row < logits.rows && draw.given < n_vocab,
             "sample: row " + std::to_string(draw.row) + ", id " + std::to_string(draw.given) +
                 " of logits [" + std::to_string(logits.rows) + ", " + std::to_string(n_vocab) +
                 "]");
  SampleRow row{};
  set_options(draw, n_vocab, row);
  row.logits = logits.row(draw.row);
  std::ranges::copy(draw.seen, arrays.seen.next(host));
  row.num_seen = static_cast<int32_t>(draw.seen.size());
  row.seen = arrays.seen.take(device, draw.seen.size());
  // Each once: what was there must be kept once.
  int32_t* const ids = arrays.forbidden.next(host);
  row.num_forbidden = static_cast<int32_t>(std::ranges::unique_copy(draw.forbidden, ids).out - ids);
  row.forbidden = arrays.forbidden.take(device, draw.forbidden.size());
  row.saved = arrays.saved.take(device, draw.seen.size() + draw.forbidden.size());
  row.bests = arrays.bests.take(device, static_cast<std::size_t>(sample_slices(n_vocab)));
  if (ranks(draw)) {
    row.weights = arrays.weights.take(device, kSampleBuckets);
    row.counts = arrays.counts.take(device, kSampleBuckets);
  }
  row.likely = arrays.likely.take(device, 1);
  row.drawn = drawn;
  std::memcpy(arrays.rows.next(host), &row, sizeof(SampleRow));
  arrays.rows.take(device, 1);
}

void launch_all(Stream& stream, std::span<const RowDraw> draws, const SampleRow* rows,
                int n_vocab) {
  const auto count = static_cast<int>(draws.size());
  const bool any_edits = std::ranges::any_of(draws, edits);
  if (any_edits) edit_logits(stream, rows, count);
  if (std::ranges::any_of(draws, [](const RowDraw& draw) { return draw.given < 0; })) {
    find_best(stream, rows, count, n_vocab, SamplePass::kDraw);
    if (std::ranges::any_of(draws, ranks)) count_and_weigh(stream, rows, count, n_vocab);
    choose_id(stream, rows, count, n_vocab);
  }
  if (any_edits) restore_logits(stream, rows, count);
  if (std::ranges::any_of(draws, scores)) {
    find_best(stream, rows, count, n_vocab, SamplePass::kScore);
    sum_weights(stream, rows, count, n_vocab);
  }
}

}  // namespace

const DrawnRow* RowSampler::queue(Gpu& gpu, Mat logits, std::span<const RowDraw> draws,
                                  std::size_t first, std::size_t total, Result<void>& error) {
  num_drawn_ = total;
  const auto n_vocab = static_cast<int>(logits.cols);
  Arrays arrays(draws, static_cast<std::size_t>(sample_slices(n_vocab)));
  std::byte* const device = memory_.at_least(gpu, static_cast<int64_t>(arrays.size_bytes), error);
  auto* const drawn = reinterpret_cast<DrawnRow*>(
      drawn_.at_least(gpu, static_cast<int64_t>(std::bit_ceil(total) * sizeof(DrawnRow)), error));
  if (device == nullptr || drawn == nullptr) return nullptr;
  const SampleRow* const rows = arrays.rows.next(device);
  uploaded_.resize(arrays.uploaded_bytes);
  for (std::size_t i = 0; i < draws.size(); ++i) {
    pack(draws[i], logits, uploaded_.data(), device, arrays, drawn + first + i);
  }
  gpu.upload(device, uploaded_.data(), uploaded_.size());
  launch_all(gpu.stream(), draws, rows, n_vocab);
  return drawn;
}

void RowSampler::sample(Gpu& gpu, Mat logits, std::span<const RowDraw> draws,
                        std::span<DrawnRow> drawn, Result<void>& error) {
  WEFT_CHECK(draws.size() == drawn.size(), "sample: " + std::to_string(draws.size()) + " draws, " +
                                               std::to_string(drawn.size()) + " results");
  std::ranges::fill(drawn, DrawnRow{});
  if (draws.empty()) return;
  const DrawnRow* const results = queue(gpu, logits, draws, 0, draws.size(), error);
  if (results != nullptr) gpu.download(drawn.data(), results, drawn.size_bytes());
}

// Both at once: what follows has no more rows, and must find room.
bool RowSampler::make_landings(Gpu& gpu, std::size_t num_draws) {
  if (num_draws <= landing_rows_) return true;
  if (refused_) return false;
  const std::size_t rows = std::bit_ceil(num_draws);
  for (Later& later : later_) {
    auto landing = gpu.create_landing(rows * sizeof(DrawnRow));
    if (!landing) {
      refused_ = true;
      return false;
    }
    later.landing = std::move(*landing);
  }
  landing_rows_ = rows;
  return true;
}

std::optional<DrawTicket> RowSampler::sample_later(Gpu& gpu, Mat logits,
                                                   std::span<const RowDraw> draws,
                                                   std::size_t first, std::size_t total,
                                                   Result<void>& error) {
  WEFT_CHECK(!draws.empty() && first + draws.size() <= total,
             "sample_later: " + std::to_string(draws.size()) + " draws after " +
                 std::to_string(first) + " of " + std::to_string(total));
  if (first == 0) {
    if (!make_landings(gpu, total)) return std::nullopt;
    ++calls_;
  }
  Later& later = later_[calls_ % later_.size()];
  const DrawnRow* const results = queue(gpu, logits, draws, first, total, error);
  later.call = calls_;
  later.error = error;
  const bool whole = first + draws.size() == total;
  if (whole && results != nullptr) later.landing->download(results, total * sizeof(DrawnRow));
  return DrawTicket{calls_};
}

Result<void> RowSampler::collect(DrawTicket ticket, std::span<DrawnRow> drawn) {
  Later& later = later_[ticket.call % later_.size()];
  WEFT_CHECK(ticket.call > 0 && later.call == ticket.call,
             "collect: ticket " + std::to_string(ticket.call) + ", of " + std::to_string(calls_));
  later.call = 0;
  WEFT_TRY(later.error);
  WEFT_TRY_ASSIGN(const std::byte* const results, later.landing->wait());
  std::memcpy(drawn.data(), results, drawn.size_bytes());
  return {};
}

void RowSampler::take_drawn(Stream& stream, int32_t* ids, int count) const {
  take_drawn_ids(stream, drawn_.as<DrawnRow>(), ids, count);
}

}  // namespace weft::cuda
