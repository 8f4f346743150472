// The rows of `infer bench`, and the forms they are printed in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "kernels/cpu/peaks.h"
#include "tools/bench/measure.h"

namespace weft::tools {

struct BenchRow {
  std::string test;  // as BenchCase::name(), "prefix:…", "stall:…" or "probe:…"
  int threads = 0;
  std::string isa, activations, kv_type, logits_hash;  // "" of a probe
  double tokens_per_second = 0, tokens_per_second_stddev = 0;
  double gb_per_second = 0, flops_per_second = 0;
  double weights_gb_per_second = 0;  // a plain read of the weights beside each repetition, median
  double percent_of_limit = 0;       // time at the limit ÷ time, median of the repetitions
  std::string limit;                 // the probe that binds: "dram_read", "dot_i16_avx512", …
  uint64_t peak_rss_bytes = 0;       // of the process until then
  std::string ids_hash;              // "" where nothing was generated
  // What only some tests measure, by its name in JSON ("ttft_ms").
  std::vector<std::pair<std::string, double>> figures;
};

// What all rows share; empty where only probes ran.
struct BenchSubject {
  std::string model, type;
  uint64_t size_bytes = 0;
  int64_t n_params = 0;
};

// A row for each probe.
std::vector<BenchRow> probe_rows(const cpu::Peaks& peaks);

// Mean and standard deviation of what the repetitions reached.
void set_rate(BenchRow& row, const std::vector<double>& tokens_per_second);

// Fills in the rates, from the mean and deviation of the repetitions, and the share of the limit:
// of reading, at the rate that was found beside each repetition, or else the peaks', or of
// computing, whichever would take longer.
void set_rates(BenchRow& row, const BenchSubject& subject, const Measured& measured,
               const cpu::Peaks& peaks);

// Largest resident memory of this process so far.
uint64_t peak_rss_bytes();
// As 16 hexadecimal digits.
std::string hash_text(uint64_t hash);
double median(std::vector<double> values);

// `form`: md, json or csv.
std::string format_rows(const BenchSubject& subject, const std::vector<BenchRow>& rows,
                        std::string_view form);

}  // namespace weft::tools
