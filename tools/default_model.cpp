#include "tools/default_model.h"

#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "api/model_path.h"

namespace weft::tools {
namespace {

namespace fs = std::filesystem;

constexpr char kFileName[] = "weft-tales-3M-Q8_0.gguf";

// Folders above the program in which a source tree is looked for: build/release/bin/infer has its
// own three folders up.
constexpr int kMostLevels = 4;

// Where the model in the box may lie. Installed, beside the program's folder (PREFIX/bin/infer,
// PREFIX/share/weft/models); built, in the tree that holds the build folder. Both may be moved.
std::vector<fs::path> box_folders() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return {};
  fs::path folder = program.parent_path();
  std::vector<fs::path> folders = {folder.parent_path() / "share" / "weft" / "models"};
  for (int level = 0; level < kMostLevels && folder.has_relative_path(); ++level) {
    folder = folder.parent_path();
    folders.push_back(folder / "models");
  }
  return folders;
}

// The folder that holds the model in the box; "" where there is none.
std::string box_folder() {
  std::error_code error;
  for (const fs::path& folder : box_folders()) {
    if (fs::is_regular_file(folder / kFileName, error)) return folder.string();
  }
  return "";
}

// Below $WEFT_MODELS first: what a user has set up goes before what came with the program.
std::optional<std::string> find_anywhere(const std::string& name) {
  if (auto path = find_model(name, models_directory())) return path;
  return find_model(name, box_folder());
}

}  // namespace

Result<std::string> require_model(const std::string& name) {
  if (auto path = find_anywhere(name)) return *path;
  const std::string folder = models_directory();
  const std::string where = folder.empty()
                                ? "no such file, and WEFT_MODELS names no folder to look in"
                                : "no such file, and no .gguf file of that name below " + folder;
  return fail(ErrorCode::kNotFound, "model \"" + name + "\": " + where);
}

bool looks_like_model(const std::string& word) {
  std::error_code error;
  if (fs::is_directory(word, error)) return false;  // a prompt may well be called like a folder
  return word.ends_with(".gguf") || find_anywhere(word).has_value();
}

Result<std::string> default_model() {
  const std::string folder = box_folder();
  if (folder.empty()) {
    std::string looked;
    for (const fs::path& place : box_folders())
      looked += (looked.empty() ? "" : ", ") + place.string();
    return fail(ErrorCode::kNotFound, std::string("no model is named, and the one in the box, ") +
                                          kFileName + ", is in none of " + looked +
                                          "; name one with -m FILE");
  }
  std::fprintf(stderr, "infer: no model is named: using %s, a small teller of tales\n", kFileName);
  return (fs::path(folder) / kFileName).string();
}

}  // namespace weft::tools
