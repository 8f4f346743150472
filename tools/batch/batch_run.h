// The loop of a batch: keeps an engine supplied with requests, gathers what they give, and writes
// results in the order of the input, as soon as all before them are written.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>

#include "api/engine.h"
#include "core/error.h"
#include "tools/batch/line_reader.h"
#include "tools/batch/output_file.h"
#include "tools/batch/progress.h"

namespace weft::tools {

struct BatchRunOptions {
  int32_t parallel = 64;    // the engine's max_sequences
  uint64_t input_done = 0;  // bytes of the input that an earlier run has done
  std::stop_token stop;
  std::function<void(const BatchFigures&)> on_progress;  // may be empty; called often
};

struct BatchOutcome {
  BatchFigures figures;
  bool interrupted = false;
};

// Runs what `input` still holds. A request that is wrong or fails is an error in its own line. The
// batch itself fails, leaving whole lines behind, where the input cannot be read, the output cannot
// be written, or the engine can do nothing more (kShutDown, kDeviceError, kOutOfMemory).
Result<BatchOutcome> run_batch(Engine& engine, LineReader& input, OutputFile& output,
                               const BatchRunOptions& options);

}  // namespace weft::tools
