#include "api/model_path.h"

#include <cctype>
#include <filesystem>
#include <system_error>

#include "core/platform/environment.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

bool is_separator(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u < 0x80 && std::isalnum(u) == 0;
}

// Lower case, without separators: "Qwen/Qwen3-0.6B" → "qwenqwen306b".
std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (!is_separator(c)) out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

// Whether `name` is what is wanted (folded), or goes on after it from a separator: a prompt of one
// word is not to be taken for a model whose name happens to begin with it.
bool begins_with(std::string_view name, std::string_view wanted) {
  size_t end = 0;
  for (size_t folded_size = 0; end < name.size() && folded_size < wanted.size(); ++end) {
    if (!is_separator(name[end])) ++folded_size;
  }
  return folded(name.substr(0, end)) == wanted && (end == name.size() || is_separator(name[end]));
}

// How a file may be called: by its path below the models' folder or by its name alone.
bool means(const fs::path& below, std::string_view wanted) {
  return begins_with(below.string(), wanted) || begins_with(below.filename().string(), wanted);
}

bool is_later_split(const std::string& stem) {
  const size_t of = stem.rfind("-of-");
  return of != std::string::npos && of >= 6 && stem.substr(of - 6, 6) != "-00001";
}

}  // namespace

std::optional<std::string> find_model(std::string_view name, const std::string& models_dir) {
  std::error_code error;
  if (name.empty()) return std::nullopt;
  if (fs::exists(fs::path(name), error)) return std::string(name);
  if (models_dir.empty()) return std::nullopt;

  std::string_view bare = name;
  if (bare.ends_with(".gguf")) bare.remove_suffix(5);
  const std::string whole = folded(bare);
  // The owner in "Qwen/Qwen3-0.6B" need not be a folder.
  const std::string last = folded(bare.substr(bare.rfind('/') + 1));
  if (last.empty()) return std::nullopt;

  std::optional<std::string> best;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator it(models_dir, options, error), end; !error && it != end;
       it.increment(error)) {
    const fs::path& path = it->path();
    if (path.extension() != ".gguf" || is_later_split(path.stem().string())) continue;
    const fs::path below = path.lexically_relative(models_dir).replace_extension();
    if (!means(below, whole) && !means(below, last)) continue;
    std::string found = path.string();
    if (!best || found.size() < best->size() || (found.size() == best->size() && found < *best)) {
      best = std::move(found);
    }
  }
  return best;
}

std::string models_directory() { return platform::environment("WEFT_MODELS"); }

}  // namespace weft
