// Trace: what an engine did and when, as a file that Perfetto and chrome://tracing open (the Trace
// Event Format's array of events). Written as it happens, in bounded memory, under a temporary name
// until it is whole. Thread-safe: several engines may share one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/atomic_file.h"
#include "core/error.h"

namespace weft {

// A trace file that is being written.
class Trace {
 public:
  using Clock = std::chrono::steady_clock;  // what all times are of

  // Fails as AtomicFile::create().
  static Result<std::shared_ptr<Trace>> create(const std::string& path);
  // close().
  ~Trace();

  // Ends the file, which gets its name; what comes later is dropped. Fails with the first error of
  // writing: there is no file then.
  Result<void> close();

  // A number for a group of tracks: an engine takes one.
  int32_t add_group(std::string_view name);
  // What viewers call a track of a group.
  void name_track(int32_t group, int32_t track, std::string_view name);
  // Something that took from `begin` to `end`. `args` is the inside of a JSON object.
  void span(int32_t group, int32_t track, std::string_view name, Clock::time_point begin,
            Clock::time_point end, std::string_view args = {});
  // The same in two calls, around spans of the same track that may begin with it or end with it. It
  // is written a tick longer on both sides: of what begins at one time viewers take spans first.
  void begin(int32_t group, int32_t track, std::string_view name, Clock::time_point at);
  // The end of what begin() began last on that track; `args` as above.
  void end(int32_t group, int32_t track, Clock::time_point at, std::string_view args = {});
  // Something that took no time.
  void instant(int32_t group, int32_t track, std::string_view name, Clock::time_point at);
  // Values over time; `args` as above, each a number.
  void counter(int32_t group, std::string_view name, Clock::time_point at, std::string_view args);

 private:
  explicit Trace(AtomicFile file);
  double microseconds(Clock::time_point time) const;
  void write(const std::string& event);

  std::mutex mutex_;
  AtomicFile file_;
  Result<void> written_;  // the first error
  bool closed_ = false;
  bool any_ = false;
  int32_t groups_ = 0;
  Clock::time_point start_ = Clock::now();
};

}  // namespace weft
