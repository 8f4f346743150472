// Holds the sources of this very tree to the rules of the house, and the rules to planted
// breaches.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/layering/floors.h"
#include "tests/layering/source_file.h"
#include "tests/support/source_root.h"

namespace weft::layering {
namespace {

using Rule = std::vector<std::string> (*)(const SourceFile&);

void expect_clean_tree(const std::vector<std::string>& folders, Rule rule) {
  const std::vector<SourceFile> files = load_sources(test::source_root(), folders);
  ASSERT_GT(files.size(), 10U) << "looked in " << test::source_root();
  for (const SourceFile& file : files) {
    for (const std::string& breach : rule(file)) ADD_FAILURE() << breach;
  }
}

std::size_t breaches(Rule rule, const std::string& path, const std::string& text) {
  return rule(parse_source(path, text)).size();
}

TEST(Layering, IncludesPointDownward) { expect_clean_tree(all_folders(), check_includes); }

TEST(Layering, LibraryNeverExitsOrPrints) {
  expect_clean_tree(library_folders(), check_no_exit_no_print);
}

TEST(Layering, LibraryReadsTheEnvironmentInOnePlace) {
  expect_clean_tree(library_folders(), check_environment);
}

TEST(Layering, LibraryCallsTheSystemInOnePlace) {
  expect_clean_tree(library_folders(), check_platform);
}

TEST(LayeringRules, UpwardIncludeIsABreach) {
  EXPECT_EQ(breaches(check_includes, "core/a.h", "#include \"gguf/b.h\"\n"), 1U);
  EXPECT_EQ(breaches(check_includes, "gguf/a.h", "#  include \"api/b.h\" // why\n"), 1U);
  EXPECT_EQ(breaches(check_includes, "api/a.h", "#include \"tests/support/b.h\"\n"), 1U);
  EXPECT_EQ(breaches(check_includes, "tools/a.h", "#include \"tests/support/b.h\"\n"), 1U);
}

TEST(LayeringRules, NeighbourIncludeIsABreach) {
  EXPECT_EQ(breaches(check_includes, "gguf/a.h", "#include \"scheduler/b.h\"\n"), 1U);
  EXPECT_EQ(breaches(check_includes, "kernels/cuda/a.cu", "#include \"kernels/cpu/b.h\"\n"), 1U);
  EXPECT_EQ(breaches(check_includes, "bench/a.cpp", "#include \"tools/b.h\"\n"), 1U);
}

TEST(LayeringRules, DownwardAndOwnFolderAreFine) {
  EXPECT_EQ(breaches(check_includes, "gguf/a.cpp",
                     "#include \"gguf/a.h\"\n#include <vector>\n#include \"core/error.h\"\n"),
            0U);
  EXPECT_EQ(breaches(check_includes, "tests/a.cpp", "#include \"tools/b.h\"\n"), 0U);
}

TEST(LayeringRules, OnlyTheFactoryNamesABackend) {
  const std::string text = "#include \"kernels/cpu/backend.h\"\n#include \"gguf/loader.h\"\n";
  EXPECT_EQ(breaches(check_includes, "api/engine.cpp", text), 2U);
  EXPECT_EQ(breaches(check_includes, "api/engine_factory.cpp", text), 0U);
}

TEST(LayeringRules, SchedulerIncludesNoText) {
  EXPECT_EQ(breaches(check_includes, "scheduler/a.cpp", "#include \"core/text/bpe.h\"\n"), 1U);
}

TEST(LayeringRules, RelativeAndAngledProjectIncludesAreBreaches) {
  EXPECT_EQ(breaches(check_includes, "core/a.cpp", "#include \"error.h\"\n"), 1U);
  EXPECT_EQ(breaches(check_includes, "core/a.cpp", "#include <core/error.h>\n"), 1U);
}

TEST(LayeringRules, InstalledHeadersAreForExamplesOnly) {
  EXPECT_EQ(breaches(check_includes, "tools/a.cpp", "#include <weft/engine.h>\n"), 1U);
  EXPECT_EQ(breaches(check_includes, "examples/a.cpp", "#include <weft/engine.h>\n"), 0U);
}

TEST(LayeringRules, IncludeInACommentOrStringDoesNotCount) {
  EXPECT_EQ(breaches(check_includes, "core/a.h",
                     "// #include \"api/b.h\"\n"
                     "/*\n#include \"api/b.h\"\n*/\n"
                     "const char* s = R\"x(\n#include \"api/b.h\"\n)x\";\n"),
            0U);
}

TEST(LayeringRules, ExitingAndPrintingAreBreachesOfTheLibraryOnly) {
  const std::string text = "void f() { std::abort(); exit (1); std::cerr << 1; printf(\"x\"); }";
  EXPECT_EQ(breaches(check_no_exit_no_print, "gguf/a.cpp", text), 4U);
  EXPECT_EQ(breaches(check_no_exit_no_print, "tools/a.cpp", text), 0U);
  EXPECT_EQ(breaches(check_no_exit_no_print, "core/check.cpp", text), 0U);
}

TEST(LayeringRules, WordsThatOnlyLookAlikeAreFine) {
  EXPECT_EQ(breaches(check_no_exit_no_print, "core/a.cpp",
                     "// abort() is not for us\n"
                     "int n = 1'000; char q = '\"'; snprintf(b, n, \"exit(%d)\", 1);\n"
                     "bool exit = on_exit(loop); /* printf( */ int abort_ = exit;\n"),
            0U);
}

TEST(LayeringRules, EnvironmentAndSystemCallsAreBreaches) {
  EXPECT_EQ(breaches(check_environment, "core/a.cpp", "auto* p = std::getenv(\"X\");"), 1U);
  EXPECT_EQ(breaches(check_environment, "core/platform/environment.cpp", "getenv(\"X\");"), 0U);
  EXPECT_EQ(breaches(check_platform, "gguf/a.cpp", "#include <sys/mman.h>\n"), 1U);
  EXPECT_EQ(breaches(check_platform, "core/platform/a.cpp", "#include <sys/mman.h>\n"), 0U);
}

}  // namespace
}  // namespace weft::layering
