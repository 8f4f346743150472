#include "tools/default_model.h"

#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "api/model_path.h"
#include "core/platform/environment.h"
#include "tools/synth/model_writer.h"

namespace weft::tools {
namespace {

namespace fs = std::filesystem;

// Changes whenever what write_synthetic_model() makes of it changes.
constexpr char kFileName[] = "weft-synth-tiny-Q8_0-1.gguf";

// Where programs keep what they can make again: the XDG base directory specification.
fs::path cache_folder() {
  const std::string cache = platform::environment("XDG_CACHE_HOME");
  if (!cache.empty()) return fs::path(cache) / "weft";
  const std::string home = platform::environment("HOME");
  if (!home.empty()) return fs::path(home) / ".cache" / "weft";
  std::error_code error;
  return fs::temp_directory_path(error) / "weft";
}

}  // namespace

Result<std::string> require_model(const std::string& name) {
  const std::string folder = models_directory();
  if (auto path = find_model(name, folder)) return *path;
  const std::string where = folder.empty()
                                ? "no such file, and WEFT_MODELS names no folder to look in"
                                : "no such file, and no .gguf file of that name below " + folder;
  return fail(ErrorCode::kNotFound, "model \"" + name + "\": " + where);
}

bool looks_like_model(const std::string& word) {
  std::error_code error;
  if (fs::is_directory(word, error)) return false;  // a prompt may well be called like a folder
  return word.ends_with(".gguf") || find_model(word, models_directory()).has_value();
}

Result<std::string> default_model() {
  const std::string path = (cache_folder() / kFileName).string();
  std::error_code error;
  std::fprintf(stderr,
               "infer: no model is named: using %s, a small one with random weights made on the "
               "spot (its text means nothing); name one with -m FILE\n",
               path.c_str());
  if (fs::exists(path, error)) return path;
  fs::create_directories(cache_folder(), error);
  if (error) {
    return fail(ErrorCode::kIoError, cache_folder().string() + ": cannot be made: " +
                                         error.message() + "; name a model with -m FILE");
  }
  WEFT_TRY_ASSIGN(synth::Shape shape, synth::find_shape("tiny"));
  WEFT_TRY_ASSIGN(synth::FileType type, synth::find_file_type("Q8_0"));
  WEFT_TRY(
      synth::write_synthetic_model({.shape = std::move(shape), .type = std::move(type)}, path));
  return path;
}

}  // namespace weft::tools
