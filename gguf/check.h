// Judges a model file: everything that loading it would check, without a backend, and at wish
// every weight.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"
#include "gguf/finite_scan.h"

namespace weft::gguf {

struct CheckOptions {
  bool deep = false;     // also look at every weight for NaN and infinity
  bool use_mmap = true;  // false: read the file into memory
  int threads = 0;       // for the deep check; 0: the usable cores
};

struct CheckReport {
  bool ok = false;
  ErrorCode code{};     // of the first thing that is wrong; means nothing if ok
  std::string message;  // likewise; "" if ok
  std::vector<std::string> warnings;
  // What was seen until then.
  std::string architecture;
  uint64_t size_bytes = 0;
  uint64_t tensor_count = 0;
  bool vocabulary_only = false;  // a file without tensors, which holds a tokenizer alone
};

// Never fails: what goes wrong is the report. `progress` belongs to the deep check.
CheckReport check_file(const std::string& path, const CheckOptions& options,
                       const ScanProgress& progress = {});

}  // namespace weft::gguf
