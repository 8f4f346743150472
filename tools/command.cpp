#include "tools/command.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace weft::tools {
namespace {

// Messages quote names from files: control characters must not reach the terminal.
std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

}  // namespace

int report(const Error& error) {
  if (error.code == ErrorCode::kCancelled) return report_interrupt();
  std::fprintf(stderr, "infer: %s\n", one_line(error.message).c_str());
  return kExitFailed;
}

int report_interrupt() {
  std::fputs("infer: interrupted\n", stderr);
  return kExitInterrupted;
}

int report_usage(std::string_view message) {
  std::fprintf(stderr, "infer: %s\n", one_line(message).c_str());
  return kExitUsage;
}

int finish_stdout(int exit_code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit_code;
  return report({ErrorCode::kIoError, "standard output: cannot be written"});
}

Result<std::string> read_stdin() {
  std::string text;
  std::array<char, 1 << 16> buffer;
  size_t n;
  while ((n = std::fread(buffer.data(), 1, buffer.size(), stdin)) > 0) {
    text.append(buffer.data(), n);
  }
  if (std::ferror(stdin) != 0) {
    return fail(ErrorCode::kIoError, std::string("standard input: ") + std::strerror(errno));
  }
  return text;
}

}  // namespace weft::tools
