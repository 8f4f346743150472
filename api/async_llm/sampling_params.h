// What AsyncLLM's callers say about sampling, with the defaults and presets they know.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weft::llm {

// How a request's tokens are drawn, and where it ends.
struct SamplingParams {
  float temperature = 1.0f;                 // ≥ 0; 0 takes the most likely token
  float top_p = 1.0f;                       // (0, 1]; keep the smallest set of at least this mass
  int32_t top_k = -1;                       // keep the k most likely; ≤ 0: all
  int32_t max_tokens = 100;                 // generated at most
  int32_t min_tokens = 0;                   // before that many nothing but max_tokens ends it
  std::vector<std::string> stop_sequences;  // the text ends before the first of them
  std::vector<int32_t> stop_token_ids;      // beside the model's own
  float repetition_penalty = 1.0f;          // > 0; 1: none
  uint64_t seed = 42;                       // equal seeds give equal texts

  // The most likely token each time.
  static SamplingParams greedy() { return {.temperature = 0.0f}; }
  // Temperature 0.8, top-p 0.9, top-k 50.
  static SamplingParams creative() { return {.temperature = 0.8f, .top_p = 0.9f, .top_k = 50}; }
  // Temperature 0.7, top-p 0.9, top-k 40.
  static SamplingParams balanced() { return {.temperature = 0.7f, .top_p = 0.9f, .top_k = 40}; }
};

}  // namespace weft::llm
