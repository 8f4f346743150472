// From what a user calls a model to the file that holds it. Nothing is ever downloaded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weft {

// A file that `name` means: a path that exists, or a name ("Qwen/Qwen3-0.6B", "llama3.2:1b")
// found as a .gguf file below `models_dir`, upper and lower case and separators (/ : _ - . and
// space) forgiven. A name may leave out the end of a file's name from a separator on ("llama3.2:1b"
// finds Llama-3.2-1B-Q4_K_M.gguf, "llama3" Llama-3.2 too, "ll" nothing); of several the shortest,
// then the first by name, is taken, and of a split file the first part. Nothing if there is none.
// An empty `models_dir` is not searched.
std::optional<std::string> find_model(std::string_view name, const std::string& models_dir);

// The folder named by the environment variable WEFT_MODELS; "" where it is not set.
std::string models_directory();

}  // namespace weft
