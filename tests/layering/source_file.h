// The project's sources as a test sees them: paths, project includes, and the text
// without comments and literals. Knows nothing of the rules (floors.h).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace weft::layering {

struct Include {
  std::string path;  // As written between the quotes or angle brackets.
  bool quoted;       // "…", a project header; otherwise <…>.
  int line;
};

struct SourceFile {
  std::string path;  // Relative to the project root, with forward slashes.
  std::vector<Include> includes;
  // The text with comments and the insides of string and character literals blanked;
  // line breaks are kept, so offsets still give line numbers.
  std::string code;
};

// Splits one file's text. `path` is only carried along.
SourceFile parse_source(std::string path, std::string_view text);

// Every .h, .cpp, .cu and .cuh file under the named folders of `root`, sorted by path.
std::vector<SourceFile> load_sources(const std::filesystem::path& root,
                                     const std::vector<std::string>& folders);

// The 1-based lines of `file.code` on which `word` stands as a whole identifier and, where
// `called`, is followed by an opening parenthesis.
std::vector<int> lines_with_word(const SourceFile& file, std::string_view word, bool called);

}  // namespace weft::layering
