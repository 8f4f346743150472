// Progress of long work on stderr.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace weft::tools {

// "infer: loading: 40 % of 763.2 MiB", once the work has taken a second: in place on a terminal,
// else a line for each tenth. Owned by one thread.
class Progress {
 public:
  explicit Progress(std::string work);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Bytes done and in all; a smaller `done` than before begins anew (the next file of several).
  void report(uint64_t done, uint64_t total);

 private:
  using Clock = std::chrono::steady_clock;
  const std::string work_;
  const Clock::time_point start_ = Clock::now();
  const bool terminal_;
  bool shown_ = false;
  int last_step_ = -1;
};

}  // namespace weft::tools
