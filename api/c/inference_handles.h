// The handles of section "handlers" that several files take.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/c/boundary.h"
#include "api/inference.h"

struct weft_llama {
  weft::inference::Llama value;
};

struct weft_outputs {
  std::vector<weft::inference::TokenOutput> value;
};

namespace weft::c {

inline weft_output output_of(const inference::TokenOutput& output) {
  return {.struct_size = sizeof(weft_output),
          .token_id = output.token_id,
          .index = output.index,
          .text = output.token.c_str(),
          .size = output.token.size()};
}

// llama.cpp
Result<void> run_alone(weft_alone f, void* user_data, const inference::Llama& llama);

}  // namespace weft::c
