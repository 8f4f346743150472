#include "tests/tools/trace_check.h"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

namespace weft::test {
namespace {

using nlohmann::json;

// The spans of one track as a viewer stacks them.
class Track {
 public:
  explicit Track(std::vector<TraceSpan>& spans) : spans_(spans) {}

  void begin(const std::string& name, double at) {
    close_until(at);
    open(name, at, -1, json::object());
  }
  void end(double at, const json& args) {
    close_until(at);
    ASSERT_FALSE(open_.empty()) << "an end at " << at << " without a beginning";
    TraceSpan& span = spans_[open_.back()];
    ASSERT_LT(span.end, 0) << "an end at " << at << " within " << span.name;
    span.end = at;
    span.args = args;
    open_.pop_back();
    if (open_.empty()) return;
    const TraceSpan& around = spans_[open_.back()];
    EXPECT_TRUE(around.end < 0 || at <= around.end + kRounding)
        << span.name << " at " << span.begin << " outlasts " << around.name;
  }
  void whole(const std::string& name, double at, double duration, const json& args) {
    close_until(at);
    if (!open_.empty()) {
      const TraceSpan& around = spans_[open_.back()];
      EXPECT_TRUE(around.end < 0 || at + duration <= around.end + kRounding)
          << name << " at " << at << " overlaps " << around.name << " at " << around.begin;
    }
    open(name, at, at + duration, args);
  }
  void finish() {
    for (const size_t i : open_) EXPECT_GE(spans_[i].end, 0) << spans_[i].name << " has no end";
  }

 private:
  // Times have three digits after the point.
  static constexpr double kRounding = 5e-4;

  void open(const std::string& name, double begin, double end, const json& args) {
    const auto depth = static_cast<int>(open_.size());
    open_.push_back(spans_.size());
    spans_.push_back({.name = name, .begin = begin, .end = end, .depth = depth, .args = args});
  }
  void close_until(double at) {
    while (!open_.empty()) {
      const TraceSpan& last = spans_[open_.back()];
      if (last.end < 0 || last.end > at + kRounding) return;
      open_.pop_back();
    }
  }

  std::vector<TraceSpan>& spans_;
  std::vector<size_t> open_;
};

}  // namespace

std::vector<TraceSpan> TraceSummary::named(const std::string& beginning) const {
  std::vector<TraceSpan> found;
  for (const auto& [track, all] : spans) {
    std::ranges::copy_if(all, std::back_inserter(found),
                         [&](const TraceSpan& span) { return span.name.starts_with(beginning); });
  }
  return found;
}

TraceSummary check_trace(const std::string& text) {
  TraceSummary summary;
  const json events = json::parse(text, nullptr, false);
  EXPECT_TRUE(events.is_array()) << text.substr(0, 200);
  if (!events.is_array()) return summary;
  std::vector<json> timed;
  for (const json& event : events) {
    EXPECT_EQ(event["pid"], 1);
    const std::string phase = event["ph"];
    if (phase != "M") {
      EXPECT_GE(event["ts"].get<double>(), 0) << event;
      timed.push_back(event);
    } else if (event["name"] == "thread_name") {
      summary.track_names[event["tid"]] = event["args"]["name"];
    }
  }
  // Of what is at one time Perfetto takes whole spans before beginnings, wherever they stand.
  std::ranges::stable_sort(timed, {}, [](const json& event) {
    return std::pair(event["ts"].get<double>(), event["ph"] == "B");
  });
  std::map<int, Track> tracks;
  for (const json& event : timed) {
    const std::string phase = event["ph"], name = event.value("name", "");
    const int tid = event["tid"];
    const double ts = event["ts"];
    const json args = event.value("args", json::object());
    if (phase == "C") {
      ++summary.counters[name];
      for (const auto& [key, value] : args.items()) EXPECT_TRUE(value.is_number()) << event;
      continue;
    }
    EXPECT_TRUE(summary.track_names.contains(tid)) << event;
    // Idle, and main: no tracks of their own.
    EXPECT_TRUE(tid != 0 && tid != event["pid"]) << event;
    Track& track = tracks.try_emplace(tid, summary.spans[tid]).first->second;
    if (phase == "X") {
      EXPECT_GE(event["dur"].get<double>(), 0) << event;
      track.whole(name, ts, event["dur"], args);
    } else if (phase == "B") {
      track.begin(name, ts);
    } else if (phase == "E") {
      track.end(ts, args);
    } else {
      EXPECT_EQ(phase, "i") << event;
      EXPECT_EQ(event["s"], "t");
      ++summary.instants[name];
    }
  }
  for (auto& [tid, track] : tracks) track.finish();
  return summary;
}

}  // namespace weft::test
