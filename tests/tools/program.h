// Runs the built `infer` as a user does: its own process, its streams and its exit code.
#pragma once

#include <string>
#include <vector>

namespace weft::test {

struct ProgramRun {
  int exit_code = -1;  // 128 + N where signal N ended it
  std::string out, err;
};

// When it gets a SIGINT.
enum class Interrupt { kNever, kAtFirstOutput, kAtFirstError };

struct ProgramInput {
  std::string in;                     // standard input
  std::string out_path;               // standard output goes to this file instead of `out`
  std::vector<std::string> settings;  // "NAME=VALUE", on top of the environment
  int file_limit_bytes = 0;           // largest size of a file it may write; 0: as it is
  Interrupt interrupt = Interrupt::kNever;
};

ProgramRun run_infer(const std::vector<std::string>& arguments, const ProgramInput& input = {});

}  // namespace weft::test
