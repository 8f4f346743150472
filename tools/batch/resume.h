// Finding out what an interrupted batch has done already.
#pragma once

#include <cstdint>

#include "core/error.h"
#include "tools/batch/line_reader.h"
#include "tools/batch/output_file.h"

namespace weft::tools {

// Reads the lines of `output` beside those of `input`, which is left behind the last request that
// is done, and drops a torn last line. Returns how many are done. Fails with kInvalidArgument,
// having changed nothing, where the output does not belong to this input.
Result<int64_t> skip_done(OutputFile& output, LineReader& input);

}  // namespace weft::tools
