// Embeds the lines of a file or a pipe, in order, many at once. Knows nothing of what becomes of
// the vectors.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "api/engine.h"
#include "core/error.h"
#include "tools/batch/line_reader.h"

namespace weft::tools {

struct EmbedLinesOptions {
  bool tokens = false;      // a vector for each token instead of one a line
  bool skip_blank = false;  // pass over lines of nothing but white space
  EmbedOptions embed;
  std::stop_token stop;
};

struct EmbeddedLine {
  int64_t number = 0;  // of the line, from 1
  std::string text;
  Embedding embedding;
};

// use(line) for each line, in order, as soon as all before it are done. Fails with the first error
// (of a line, naming it, or of `use`); what is under way is dropped then. kCancelled once `stop`
// is requested.
Result<void> embed_lines(Engine& engine, LineReader& lines, const EmbedLinesOptions& options,
                         const std::function<Result<void>(EmbeddedLine)>& use);

}  // namespace weft::tools
