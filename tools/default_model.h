// Which model a command works on.
#pragma once

#include <string>

#include "core/error.h"

namespace weft::tools {

// The file of a model given by path or name, below $WEFT_MODELS or beside the model in the box.
// Fails with kNotFound, saying where was looked.
Result<std::string> require_model(const std::string& name);

// Whether a lone argument means a model and not a prompt: it names one that exists, or is plainly
// a path to a GGUF file.
bool looks_like_model(const std::string& word);

// The model used when none is named: the one that comes with weft (docs/demo_model.md), as
// installed with this program or in the tree it was built in. Says on stderr which that is. Fails
// with kNotFound, naming the folders, where it is in neither.
Result<std::string> default_model();

}  // namespace weft::tools
