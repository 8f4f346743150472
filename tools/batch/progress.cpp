#include "tools/batch/progress.h"

#include <cstdio>
#include <string>
#include <unistd.h>

namespace weft::tools {
namespace {

constexpr double kTerminalSeconds = 0.2;
constexpr double kSparseSeconds = 10;

std::string clock_time(double seconds) {
  const auto whole = static_cast<long long>(seconds + 0.5);
  char text[48];
  if (whole >= 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60,
                  whole % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld", whole / 60, whole % 60);
  }
  return text;
}

std::string bar(double share) {
  constexpr int kWidth = 20;
  const int full = static_cast<int>(share * kWidth);
  return "[" + std::string(full, '#') + std::string(kWidth - full, '.') + "] ";
}

}  // namespace

BatchProgress::BatchProgress() : terminal_(::isatty(STDERR_FILENO) == 1) {}

void BatchProgress::update(const BatchFigures& figures) {
  const auto now = Clock::now();
  const double since = std::chrono::duration<double>(now - printed_).count();
  if (since < (terminal_ ? kTerminalSeconds : kSparseSeconds)) return;
  printed_ = now;
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  std::string line;
  if (terminal_ && figures.done_share > 0) line += bar(figures.done_share);
  char text[128];
  std::snprintf(text, sizeof text, "%lld requests, %lld errors, %.1f tokens/s",
                static_cast<long long>(figures.requests), static_cast<long long>(figures.errors),
                static_cast<double>(figures.generated_tokens) / elapsed);
  line += text;
  if (figures.done_share > 0) {
    std::snprintf(text, sizeof text, ", %.0f %%, ETA ", 100 * figures.done_share);
    line += text + clock_time(elapsed * (1 - figures.done_share) / figures.done_share);
  }
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    line_open_ = true;
  } else {
    std::fprintf(stderr, "infer: batch: %s\n", line.c_str());
  }
  std::fflush(stderr);
}

void BatchProgress::finish() {
  if (line_open_) std::fprintf(stderr, "\r\033[K");
  line_open_ = false;
}

}  // namespace weft::tools
