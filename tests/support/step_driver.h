// Runs sequences through a decoder by any schedule: which sequences share a step, how many tokens
// each advances, and where in the KV pool its blocks lie. Independent of the scheduler, so that
// tests reach batches the scheduler would not make.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/model/decoder.h"
#include "tests/support/compare.h"
#include "tests/support/test_model.h"

namespace weft::test {

// A sequence's share of one step.
struct Piece {
  int32_t sequence;
  int32_t num_tokens;
};
using Step = std::vector<Piece>;
using TokenIds = std::vector<int32_t>;

struct DriverOptions {
  int32_t block_size = 16;
  DType kv_type = DType::kF32;
  uint64_t block_order_seed = 0;  // 0: blocks in ascending order; else shuffled
  int32_t spare_blocks = 3;       // beyond what the sequences need
};

// Throws std::runtime_error with the error's message where a Result failed.
std::unique_ptr<Decoder> make_decoder(const TestModel& model, Backend& backend);

// Logits of every token of every sequence. The schedule must advance each sequence by exactly
// its length, by at least one token a piece.
std::vector<Logits> run_schedule(const Decoder& decoder, Backend& backend,
                                 std::span<const TokenIds> sequences,
                                 std::span<const Step> schedule, const DriverOptions& options = {});

// One sequence, in pieces of `chunk` tokens; 0: all at once.
Logits run_chunked(const Decoder& decoder, Backend& backend, const TokenIds& ids, int32_t chunk,
                   const DriverOptions& options = {});

// Steps that advance one sequence by `chunk` tokens each.
std::vector<Step> chunked(int64_t num_tokens, int32_t chunk, int32_t sequence = 0);

// Random steps of up to `max_piece` tokens of each of the sequences, in random order, until all
// are done.
std::vector<Step> random_schedule(std::span<const TokenIds> sequences, int32_t max_piece,
                                  uint64_t seed);

}  // namespace weft::test
