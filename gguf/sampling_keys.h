// How a model's author would draw from it: general.sampling.*, which converters copy from
// generation_config.json.
#pragma once

#include <string>
#include <vector>

#include "core/model/config.h"
#include "gguf/metadata.h"

namespace weft::gguf {

// A recommendation and no more: a value of another type, or that no draw can use, is left out and
// becomes a warning of one line.
SamplingAdvice load_sampling_advice(const Metadata& metadata, std::vector<std::string>& warnings);

}  // namespace weft::gguf
