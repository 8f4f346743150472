// The rows of `infer bench`, and the forms they are printed in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "tools/bench/measure.h"

namespace weft::tools {

// What the processor reached in this process, just now.
struct Limits {
  double dram_read = 0;  // bytes a second
  double fma_f32 = 0;    // operations a second, float32 in 256-bit registers
};

struct BenchRow {
  std::string test;  // as BenchCase::name(), "handler:…" or "probe:…"
  double tokens_per_second = 0, tokens_per_second_stddev = 0;
  double gb_per_second = 0, flops_per_second = 0;
  double percent_of_limit = 0;  // time at the limit ÷ median time
  std::string limit;            // the one that binds: "dram_read", "fma_f32"
  uint64_t peak_rss_bytes = 0;  // of the process until then
  std::string ids_hash;         // "" where nothing was generated
};

// What all rows share.
struct BenchSubject {
  std::string model, type;
  uint64_t size_bytes = 0;
  int64_t n_params = 0;
  int threads = 0;
  std::string isa, activations, kv_type, logits_hash;
};

Limits probe_limits(int threads);
std::vector<BenchRow> probe_rows(const Limits& limits);

// Mean and deviation of the repetitions; rates and the share of the limit from the median time.
BenchRow row_of(const std::string& test, const Measured& measured, const Limits& limits,
                uint64_t peak_rss_bytes);

// Largest resident memory of this process so far.
uint64_t peak_rss_bytes();
// As 16 hexadecimal digits.
std::string hash_text(uint64_t hash);
double median(std::vector<double> values);

// `form`: md, json or csv.
std::string format_rows(const BenchSubject& subject, const std::vector<BenchRow>& rows,
                        std::string_view form);

}  // namespace weft::tools
