#include "tests/layering/floors.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace weft::layering {
namespace {

struct Folder {
  std::string_view name;
  int floor;
};

// A path belongs to the first row that it starts with.
constexpr std::array kFolders = {
    Folder{"core/", 0},
    Folder{"gguf/", 1},
    Folder{"kernels/cpu/", 1},
    Folder{"kernels/cuda/", 1},
    Folder{"scheduler/", 1},
    Folder{"api/", 2},
    Folder{"tools/", 3},
    Folder{"bench/", 3},
    Folder{"examples/", 3},
    // Tests may look at everything, the parts of the programs included.
    Folder{"tests/", 4},
};
constexpr std::size_t kNumLibraryFolders = 6;

constexpr std::string_view kFactory = "api/engine_factory.cpp";
constexpr std::string_view kCheck = "core/check.cpp";
constexpr std::string_view kCInterface = "weft/weft.h";
constexpr std::string_view kConsumer = "tests/packaging/consumer/";
constexpr std::string_view kEnvironment = "core/platform/environment.cpp";

std::optional<Folder> folder_of(std::string_view path) {
  for (const Folder& folder : kFolders) {
    if (path.starts_with(folder.name)) return folder;
  }
  return std::nullopt;
}

bool in_library(std::string_view path) {
  const std::optional<Folder> folder = folder_of(path);
  return folder && folder->floor <= 2;
}

std::string breach(const SourceFile& file, int line, const std::string& what) {
  return file.path + ":" + std::to_string(line) + ": " + what;
}

std::vector<std::string> names(std::size_t count) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < count; ++i) result.emplace_back(kFolders[i].name);
  return result;
}

}  // namespace

std::vector<std::string> all_folders() { return names(kFolders.size()); }
std::vector<std::string> library_folders() { return names(kNumLibraryFolders); }

std::vector<std::string> check_includes(const SourceFile& file) {
  std::vector<std::string> breaches;
  const std::optional<Folder> own = folder_of(file.path);
  for (const Include& include : file.includes) {
    const auto report = [&](const std::string& why) {
      breaches.push_back(breach(file, include.line, "includes " + include.path + ": " + why));
    };
    const std::optional<Folder> other = folder_of(include.path);
    if (!include.quoted) {
      if (other) report("a project header is included with quotes");
      // One file by two names would be two files to the compiler; the C interface has but one.
      const bool caller = own && (own->name == "examples/" || file.path.starts_with(kConsumer));
      if (own && !caller && include.path.starts_with("weft/") && include.path != kCInterface) {
        report("the headers as installed are for callers; inside, they go by their own path");
      }
      continue;
    }
    if (!own) continue;
    if (!other) {
      report("project headers are named by their full path, from a folder that has a floor");
    } else if (other->name == own->name) {
      continue;
    } else if (other->floor > own->floor) {
      report("points upward");
    } else if (other->floor == own->floor) {
      report("neighbours on one floor do not know each other");
    } else if (own->name == "api/" && file.path != kFactory &&
               (other->name.starts_with("kernels/") || other->name == "gguf/")) {
      report("only " + std::string(kFactory) + " names a concrete backend or the loader");
    } else if (own->name == "scheduler/" && include.path.starts_with("core/text/")) {
      report("the scheduler sees ids, never text");
    }
  }
  return breaches;
}

std::vector<std::string> check_no_exit_no_print(const SourceFile& file) {
  constexpr std::array<std::string_view, 15> kCalls = {
      "abort", "exit",  "_exit",   "_Exit", "quick_exit", "terminate", "printf", "fprintf",
      "puts",  "fputs", "putchar", "fputc", "vprintf",    "vfprintf",  "perror"};
  constexpr std::array<std::string_view, 3> kStreams = {"cout", "cerr", "clog"};
  std::vector<std::string> breaches;
  if (!in_library(file.path) || file.path == kCheck) return breaches;
  const auto look_for = [&](std::string_view word, bool called) {
    for (const int line : lines_with_word(file, word, called)) {
      breaches.push_back(breach(file, line,
                                std::string(word) + ": the library returns errors and logs to the "
                                                    "caller's sink; it never exits or prints"));
    }
  };
  for (const std::string_view word : kCalls) look_for(word, true);
  for (const std::string_view word : kStreams) look_for(word, false);
  return breaches;
}

std::vector<std::string> check_environment(const SourceFile& file) {
  std::vector<std::string> breaches;
  if (!in_library(file.path) || file.path == kEnvironment) return breaches;
  for (const std::string_view word : {"getenv", "secure_getenv", "environ"}) {
    for (const int line : lines_with_word(file, word, false)) {
      breaches.push_back(breach(file, line,
                                std::string(word) + ": the environment is read in " +
                                    std::string(kEnvironment) + " only"));
    }
  }
  return breaches;
}

std::vector<std::string> check_platform(const SourceFile& file) {
  constexpr std::array<std::string_view, 8> kHeaders = {
      "unistd.h", "fcntl.h", "dlfcn.h", "pthread.h", "sched.h", "signal.h", "windows.h", "csignal"};
  std::vector<std::string> breaches;
  if (!in_library(file.path) || file.path.starts_with("core/platform/")) return breaches;
  for (const Include& include : file.includes) {
    if (include.path.starts_with("sys/") || include.path.starts_with("linux/") ||
        std::ranges::find(kHeaders, include.path) != kHeaders.end()) {
      breaches.push_back(breach(file, include.line,
                                "includes " + include.path +
                                    ": the operating system is called in "
                                    "core/platform/ only"));
    }
  }
  return breaches;
}

}  // namespace weft::layering
