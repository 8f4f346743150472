#include "tools/default_model.h"

#include <filesystem>

#include "api/model_path.h"

namespace weft::tools {

Result<std::string> require_model(const std::string& name) {
  const std::string folder = models_directory();
  if (auto path = find_model(name, folder)) return *path;
  const std::string where = folder.empty()
                                ? "no such file, and WEFT_MODELS names no folder to look in"
                                : "no such file, and no .gguf file of that name below " + folder;
  return fail(ErrorCode::kNotFound, "model \"" + name + "\": " + where);
}

bool looks_like_model(const std::string& word) {
  return word.ends_with(".gguf") || find_model(word, models_directory()).has_value();
}

Result<std::string> default_model() {
  return fail(ErrorCode::kNotFound, "no model is named (infer run MODEL PROMPT)");
}

}  // namespace weft::tools
