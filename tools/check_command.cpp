// infer check: a verdict on a model file, for people and for programs.
#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api/model_path.h"
#include "gguf/check.h"
#include "gguf/printable.h"
#include "tools/byte_size.h"
#include "tools/command.h"
#include "tools/progress.h"

namespace weft::tools {
namespace {

struct CheckFlags {
  std::string file;
  bool json = false, deep = false, no_mmap = false;
};

void print_json(const std::string& path, bool deep, const gguf::CheckReport& report) {
  const nlohmann::ordered_json object = {
      {"file", path},
      {"ok", report.ok},
      {"code", report.ok ? "ok" : error_code_name(report.code)},
      {"message", report.message},
      {"warnings", report.warnings},
      {"deep", deep},
      {"architecture", report.architecture},
      {"vocabulary_only", report.vocabulary_only},
      {"tensors", report.tensor_count},
      {"bytes", report.size_bytes},
  };
  fmt::print("{}\n", object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void print_text(const std::string& path, bool deep, const gguf::CheckReport& report) {
  constexpr size_t kLongest = 4096;
  for (const std::string& warning : report.warnings) {
    fmt::print("warning: {}\n", gguf::printable(warning, kLongest));
  }
  if (report.ok) {
    fmt::print("ok: {}: {}, {} tensors, {}{}\n", gguf::printable(path, kLongest),
               report.architecture.empty() ? "no architecture" : report.architecture,
               report.tensor_count, byte_size(report.size_bytes),
               deep ? ", every weight finite" : "");
  } else {
    fmt::print("{}: {}\n", error_code_name(report.code), gguf::printable(report.message, kLongest));
  }
}

}  // namespace

void add_check_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<CheckFlags>();
  CLI::App* command = app.add_subcommand("check", "Whether a model file is sound");
  command->add_option("file", flags->file, "A path or a name below $WEFT_MODELS")->required();
  command->add_flag("--json", flags->json, "One JSON object with a stable error code");
  command->add_flag("--deep", flags->deep, "Look at every weight for NaN and infinity");
  command->add_flag("--no-mmap", flags->no_mmap,
                    "Read the file into memory: safe while others write to it");
  command->callback([flags, &exit_code] {
    // What cannot be found is judged too: the verdict is that there is no such file.
    const std::string path = find_model(flags->file, models_directory()).value_or(flags->file);
    gguf::CheckReport report;
    {
      Progress progress("check");
      report =
          gguf::check_file(path, {.deep = flags->deep, .use_mmap = !flags->no_mmap},
                           [&](uint64_t done, uint64_t total) { progress.report(done, total); });
    }
    if (flags->json) {
      print_json(path, flags->deep, report);
    } else {
      print_text(path, flags->deep, report);
    }
    exit_code = report.ok ? kExitOk : kExitFailed;
  });
}

}  // namespace weft::tools
