// Which model a command works on.
#pragma once

#include <string>

#include "core/error.h"

namespace weft::tools {

// The file of a model given by path or name. Fails with kNotFound, saying where was looked.
Result<std::string> require_model(const std::string& name);

// Whether a lone argument means a model and not a prompt: it names one that exists, or is plainly
// a path to a GGUF file.
bool looks_like_model(const std::string& word);

// The model used when none is named: a small one with random weights, made on the spot (its text
// means nothing), which is said on stderr.
Result<std::string> default_model();

}  // namespace weft::tools
