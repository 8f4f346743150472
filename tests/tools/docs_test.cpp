// What the pages say of the programs: docs/cli.md names every command and every flag, and README
// quotes the example as it is compiled.
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/tools/program.h"

namespace weft {
namespace {

std::string read(const std::string& page) {
  std::ifstream file(WEFT_SOURCE_DIR "/" + page);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::set<std::string> all_matches(const std::string& text, const std::regex& wanted) {
  std::set<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), wanted), end; it != end; ++it) {
    found.insert((*it)[1]);
  }
  return found;
}

// The part of the page from the command's own paragraph to the next command or heading.
std::string section(const std::string& page, const std::string& command) {
  const size_t start = page.find("**`infer " + command + " ");
  if (start == std::string::npos) return "";
  const size_t end = page.find("\n**`infer ", start);
  return page.substr(start, std::min(end, page.find("\n## ", start)) - start);
}

TEST(Docs, ReadmeQuotesTheExampleAsItIsCompiled) {
  const std::string example = read("examples/hello.cpp");
  EXPECT_NE(read("README.md").find("```cpp\n" + example.substr(example.find("#include")) + "```"),
            std::string::npos);
}

// Lines without their indentation.
std::string flat(const std::string& code) {
  std::istringstream in(code);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    const size_t start = line.find_first_not_of(' ');
    out += (start == std::string::npos ? "" : line.substr(start)) + "\n";
  }
  return out;
}

TEST(Docs, EverySnippetOfTheEmbeddingGuideIsCompiled) {
  namespace fs = std::filesystem;
  std::string compiled;
  for (const char* folder : {"examples", "tests/api", "tests/async"}) {
    const fs::path path = fs::path(WEFT_SOURCE_DIR) / folder;
    if (!fs::exists(path)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (entry.path().extension() == ".cpp") {
        compiled += flat(read(fs::relative(entry.path(), WEFT_SOURCE_DIR).string()));
      }
    }
  }
  const std::string page = read("docs/embedding.md");
  const std::string begin = "```cpp\n", end = "```";
  int snippets = 0;
  for (size_t at = page.find(begin); at != std::string::npos; at = page.find(begin, at)) {
    at += begin.size();
    const std::string snippet = page.substr(at, page.find(end, at) - at);
    EXPECT_NE(compiled.find(flat(snippet)), std::string::npos) << snippet;
    ++snippets;
  }
  EXPECT_GE(snippets, 8);
}

TEST(Docs, EveryFlagOfEveryCommandIsDocumented) {
  const std::string page = read("docs/cli.md");
  const std::string help = test::run_infer({"--help"}).out;
  const auto commands =
      all_matches(help.substr(help.find("Subcommands:")), std::regex("\n  ([a-z]+) "));
  ASSERT_GE(commands.size(), 7u);
  for (const std::string& command : commands) {
    const std::string text = section(page, command);
    EXPECT_NE(text, "") << "infer " << command;
    const std::string flags = test::run_infer({command, "--help"}).out;
    for (const std::string& flag : all_matches(flags, std::regex("(--[a-z][a-z-]*)"))) {
      if (flag == "--help") continue;
      EXPECT_TRUE(std::regex_search(text, std::regex(flag + "(?![a-z-])")))
          << "infer " << command << " " << flag;
    }
  }
}

}  // namespace
}  // namespace weft
