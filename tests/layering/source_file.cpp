#include "tests/layering/source_file.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

namespace weft::layering {
namespace {

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_space(char c) { return c == ' ' || c == '\t'; }

// Blanks [begin, end) but keeps line breaks.
void blank(std::string& text, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end && i < text.size(); ++i) {
    if (text[i] != '\n') text[i] = ' ';
  }
}

// The offset just after the literal that opens with the quote at `start`; an unclosed one
// ends with its line.
std::size_t end_of_quoted(std::string_view text, std::size_t start) {
  const char quote = text[start];
  std::size_t i = start + 1;
  while (i < text.size() && text[i] != quote && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;
  return std::min(i + 1, text.size());
}

// R"tag( … )tag": `quote` is the offset of its opening quote.
std::size_t end_of_raw_string(std::string_view text, std::size_t quote) {
  const std::size_t open = text.find('(', quote);
  if (open == std::string_view::npos) return text.size();
  const std::string close = ")" + std::string(text.substr(quote + 1, open - quote - 1)) + "\"";
  const std::size_t end = text.find(close, open);
  return end == std::string_view::npos ? text.size() : end + close.size();
}

std::string without_comments_and_literals(std::string_view text) {
  std::string code(text);
  std::size_t i = 0;
  while (i < text.size()) {
    const std::string_view rest = text.substr(i);
    std::size_t end = i;
    if (rest.starts_with("//")) {
      end = std::min(text.find('\n', i), text.size());
      blank(code, i, end);
    } else if (rest.starts_with("/*")) {
      const std::size_t close = text.find("*/", i + 2);
      end = close == std::string_view::npos ? text.size() : close + 2;
      blank(code, i, end);
    } else if (rest.starts_with("R\"") && (i == 0 || !is_word_char(text[i - 1]))) {
      end = end_of_raw_string(text, i + 1);
      blank(code, i, end);
    } else if (text[i] == '"' ||
               // Not the digit separator of 1'000.
               (text[i] == '\'' && (i == 0 || !is_word_char(text[i - 1])))) {
      end = end_of_quoted(text, i);
      blank(code, i + 1, end - 1);
    } else {
      end = i + 1;
    }
    i = end;
  }
  return code;
}

// `#include "x"` or `#include <x>`; false for any other line.
bool parse_include(std::string_view line, Include& include) {
  const auto skip_spaces = [&line] {
    while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
  };
  skip_spaces();
  if (!line.starts_with('#')) return false;
  line.remove_prefix(1);
  skip_spaces();
  if (!line.starts_with("include")) return false;
  line.remove_prefix(7);
  skip_spaces();
  if (line.empty() || (line.front() != '"' && line.front() != '<')) return false;
  include.quoted = line.front() == '"';
  const std::size_t close = line.find(include.quoted ? '"' : '>', 1);
  if (close == std::string_view::npos) return false;
  include.path = line.substr(1, close - 1);
  return true;
}

}  // namespace

SourceFile parse_source(std::string path, std::string_view text) {
  SourceFile file{std::move(path), {}, without_comments_and_literals(text)};
  int line_number = 1;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    Include include{{}, false, line_number};
    // The '#' is gone from `code` where the directive stands in a comment or a literal.
    if (file.code.substr(begin, end - begin).find('#') != std::string::npos &&
        parse_include(text.substr(begin, end - begin), include)) {
      file.includes.push_back(include);
    }
    begin = end + 1;
    ++line_number;
  }
  return file;
}

std::vector<SourceFile> load_sources(const std::filesystem::path& root,
                                     const std::vector<std::string>& folders) {
  constexpr std::array kExtensions = {".h", ".cpp", ".cu", ".cuh"};
  std::vector<SourceFile> files;
  for (const std::string& folder : folders) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension().string();
      if (!entry.is_regular_file() ||
          std::ranges::find(kExtensions, extension) == kExtensions.end())
        continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
      files.push_back(
          parse_source(std::filesystem::relative(entry.path(), root).generic_string(), text));
    }
  }
  std::ranges::sort(files, {}, &SourceFile::path);
  return files;
}

std::vector<int> lines_with_word(const SourceFile& file, std::string_view word, bool called) {
  std::vector<int> lines;
  const std::string_view code = file.code;
  for (std::size_t at = code.find(word); at != std::string_view::npos;
       at = code.find(word, at + word.size())) {
    std::size_t after = at + word.size();
    if (at > 0 && is_word_char(code[at - 1])) continue;
    if (after < code.size() && is_word_char(code[after])) continue;
    while (after < code.size() && is_space(code[after])) ++after;
    if (called && (after >= code.size() || code[after] != '(')) continue;
    lines.push_back(1 + static_cast<int>(std::ranges::count(code.substr(0, at), '\n')));
  }
  return lines;
}

}  // namespace weft::layering
