// What a viewer needs of a Chrome trace, and what the tests ask of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace weft::test {

struct TraceSpan {
  std::string name;
  double begin = 0, end = 0;  // microseconds
  int depth = 0;              // 0: nothing of its track encloses it
  nlohmann::json args;
};

struct TraceSummary {
  std::map<int, std::vector<TraceSpan>> spans;  // of each track, by their begin
  std::map<int, std::string> track_names;
  std::map<std::string, int> instants, counters;  // how many of each name

  // All of that name, whatever their track.
  std::vector<TraceSpan> named(const std::string& beginning) const;
};

// Reads a trace of one group as Perfetto does: events by time, those of one time in the order of
// the file; spans of a track nest or follow each other. Adds a failure to the test for each event
// that a viewer would drop or put elsewhere: spans that overlap, ends without a beginning, times
// that are negative or no numbers, tracks without a name.
TraceSummary check_trace(const std::string& text);

}  // namespace weft::test
