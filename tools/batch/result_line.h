// A line of a batch's output. It holds what a request gave and nothing of how it was run (no
// times, no cache counts), so that two runs can be compared byte for byte.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/engine.h"
#include "core/error.h"

namespace weft::tools {

// What one generation gave.
struct Sample {
  std::vector<int32_t> tokens;
  std::string text;
  std::optional<FinishReason> finish_reason;
  std::vector<TokenLogprob> logprobs;                   // [tokens], where asked for
  std::vector<std::vector<TokenLogprob>> alternatives;  // [tokens], where asked for
  std::optional<Error> error;                           // in place of a finish_reason
};

struct RequestResult {
  std::string id;  // as JSON
  bool with_logprobs = false;
  bool with_alternatives = false;
  std::optional<std::vector<TokenLogprob>> prompt_logprobs;
  int32_t prompt_tokens = 0;
  std::vector<Sample> samples;  // at least one
};

// One line, ending in a newline; always valid JSON and UTF-8.
std::string result_line(const RequestResult& result);
// Of a request that did not run.
std::string error_line(const std::string& id, const Error& error);

// The id of an output line, as JSON; nothing where it is not a whole line of ours.
std::optional<std::string> id_of_result_line(std::string_view line);

}  // namespace weft::tools
