#include "tests/support/step_driver.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/check.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

template <class T>
T unwrap(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

struct SequenceState {
  int32_t num_computed = 0;
  std::vector<int32_t> blocks;
};

// The flat arrays of one step, with the logits of every row wanted.
struct StepArrays {
  std::vector<int32_t> token_ids, positions, slots, logit_rows, block_tables;
  std::vector<int32_t> seq_starts = {0};
  std::vector<int32_t> block_table_starts = {0};
  std::vector<int32_t> sequence_of_row;

  StepBatch batch() const {
    return {.token_ids = token_ids,
            .positions = positions,
            .slots = slots,
            .seq_starts = seq_starts,
            .block_tables = block_tables,
            .block_table_starts = block_table_starts,
            .logit_rows = logit_rows};
  }
};

void append(StepArrays& arrays, int32_t sequence, SequenceState& state, const TokenIds& ids,
            int32_t num_tokens, int32_t block_size, std::vector<int32_t>& free_blocks) {
  WEFT_CHECK(num_tokens > 0 && state.num_computed + num_tokens <= std::ssize(ids),
             "sequence " + std::to_string(sequence) + " advanced by " + std::to_string(num_tokens));
  for (int32_t i = 0; i < num_tokens; ++i) {
    const int32_t position = state.num_computed++;
    if (position / block_size == std::ssize(state.blocks)) {
      WEFT_CHECK(!free_blocks.empty(), "the pool is too small");
      state.blocks.push_back(free_blocks.back());
      free_blocks.pop_back();
    }
    arrays.logit_rows.push_back(static_cast<int32_t>(arrays.token_ids.size()));
    arrays.token_ids.push_back(ids[position]);
    arrays.positions.push_back(position);
    arrays.slots.push_back(state.blocks.back() * block_size + position % block_size);
    arrays.sequence_of_row.push_back(sequence);
  }
  arrays.seq_starts.push_back(static_cast<int32_t>(arrays.token_ids.size()));
  arrays.block_tables.insert(arrays.block_tables.end(), state.blocks.begin(), state.blocks.end());
  arrays.block_table_starts.push_back(static_cast<int32_t>(arrays.block_tables.size()));
}

// Hands each row's logits to the sequence it belongs to.
class Collector : public LogitSink {
 public:
  Collector(const StepArrays& arrays, std::vector<Logits>& results)
      : arrays_(arrays), results_(results) {}

  void consume(Backend& backend, int64_t first_row, Mat logits) override {
    std::vector<float> row(logits.cols);
    for (int64_t r = 0; r < logits.rows; ++r) {
      backend.download(row.data(), logits.row(r), row.size() * sizeof(float));
      auto& values = results_[arrays_.sequence_of_row[first_row + r]].values;
      values.insert(values.end(), row.begin(), row.end());
    }
  }

 private:
  const StepArrays& arrays_;
  std::vector<Logits>& results_;
};

int32_t tokens_of(const Step& step) {
  return std::accumulate(step.begin(), step.end(), 0,
                         [](int32_t sum, const Piece& piece) { return sum + piece.num_tokens; });
}

// Free blocks, the last is used next.
std::vector<int32_t> free_blocks_of(int32_t num_blocks, uint64_t seed) {
  std::vector<int32_t> blocks(num_blocks);
  std::iota(blocks.rbegin(), blocks.rend(), 0);
  if (seed != 0) Random(seed, "blocks").shuffle(blocks);
  return blocks;
}

}  // namespace

std::unique_ptr<Decoder> make_decoder(const TestModel& model, Backend& backend) {
  return unwrap(Decoder::create(model.config, model.tensors, backend));
}

std::vector<Logits> run_schedule(const Decoder& decoder, Backend& backend,
                                 std::span<const TokenIds> sequences,
                                 std::span<const Step> schedule, const DriverOptions& options) {
  int32_t num_blocks = options.spare_blocks;
  for (const TokenIds& ids : sequences) {
    num_blocks += (static_cast<int32_t>(ids.size()) + options.block_size - 1) / options.block_size;
  }
  StepLimits limits{.max_tokens = 1, .max_logit_rows = 1};
  for (const Step& step : schedule)
    limits.max_tokens = std::max(limits.max_tokens, tokens_of(step));
  limits.max_logit_rows = limits.max_tokens;
  const auto state = unwrap(DecoderState::create(
      decoder, backend, limits,
      {.block_size = options.block_size, .num_blocks = num_blocks, .type = options.kv_type}));

  std::vector<int32_t> free_blocks = free_blocks_of(num_blocks, options.block_order_seed);
  std::vector<SequenceState> states(sequences.size());
  std::vector<Logits> results(sequences.size(), Logits{decoder.config().n_vocab, {}});
  for (const Step& step : schedule) {
    StepArrays arrays;
    for (const Piece& piece : step) {
      append(arrays, piece.sequence, states[piece.sequence], sequences[piece.sequence],
             piece.num_tokens, options.block_size, free_blocks);
    }
    const StepBatch batch = arrays.batch();
    Collector collector(arrays, results);
    unwrap(backend.wait(backend.submit_step(decoder, *state, batch, &collector)));
  }
  for (size_t i = 0; i < sequences.size(); ++i) {
    WEFT_CHECK(states[i].num_computed == std::ssize(sequences[i]),
               "the schedule leaves sequence " + std::to_string(i) + " unfinished");
  }
  return results;
}

std::vector<Step> chunked(int64_t num_tokens, int32_t chunk, int32_t sequence) {
  std::vector<Step> steps;
  for (int64_t done = 0; done < num_tokens; done += chunk) {
    steps.push_back(
        {{sequence, static_cast<int32_t>(std::min<int64_t>(chunk, num_tokens - done))}});
  }
  return steps;
}

Logits run_chunked(const Decoder& decoder, Backend& backend, const TokenIds& ids, int32_t chunk,
                   const DriverOptions& options) {
  const auto size = static_cast<int32_t>(ids.size());
  const auto steps = chunked(size, chunk == 0 ? size : chunk);
  return run_schedule(decoder, backend, {&ids, 1}, steps, options).front();
}

std::vector<Step> random_schedule(std::span<const TokenIds> sequences, int32_t max_piece,
                                  uint64_t seed) {
  Random random(seed, "schedule");
  std::vector<int32_t> left, order(sequences.size());
  for (const TokenIds& ids : sequences) left.push_back(static_cast<int32_t>(ids.size()));
  std::iota(order.begin(), order.end(), 0);
  std::vector<Step> steps;
  while (std::any_of(left.begin(), left.end(), [](int32_t n) { return n > 0; })) {
    random.shuffle(order);
    Step step;
    for (const int32_t sequence : order) {
      const int32_t n = std::min(left[sequence], random.below(max_piece + 1));
      if (n == 0) continue;
      left[sequence] -= n;
      step.push_back({sequence, n});
    }
    if (!step.empty()) steps.push_back(step);
  }
  return steps;
}

}  // namespace weft::test
