#include "tools/progress.h"

#include <cstdio>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "tools/byte_size.h"

namespace weft::tools {

Progress::Progress(std::string work)
    : work_(std::move(work)), terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (shown_ && terminal_) std::fputc('\n', stderr);
}

void Progress::report(uint64_t done, uint64_t total) {
  if (total == 0 || Clock::now() - start_ < std::chrono::seconds(1)) return;
  const auto percent =
      static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(total));
  const int step = terminal_ ? percent : percent / 10;
  if (step == last_step_) return;
  last_step_ = step;
  shown_ = true;
  const std::string line = fmt::format("infer: {}: {:3} % of {}", work_, percent, byte_size(total));
  std::fprintf(stderr, terminal_ ? "\r%s" : "%s\n", line.c_str());
}

}  // namespace weft::tools
