// That the check of traces sees what a viewer would drop or show elsewhere.
#include "tests/tools/trace_check.h"

#include <string>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

namespace weft {
namespace {

const std::string kTrack =
    R"({"ph":"M","pid":1,"tid":7,"name":"thread_name","args":{"name":"steps"}})";

std::string span(int begin, int duration) {
  return R"({"ph":"X","pid":1,"tid":7,"name":"x","ts":)" + std::to_string(begin) + R"(,"dur":)" +
         std::to_string(duration) + "}";
}
std::string mark(const char* phase, int at) {
  return std::string(R"({"ph":")") + phase + R"(","pid":1,"tid":7,"name":"y","ts":)" +
         std::to_string(at) + "}";
}
test::TraceSummary check(const std::string& events) {
  return test::check_trace("[" + kTrack + "," + events + "]");
}

TEST(TraceCheck, SpansNest) {
  const auto trace = check(mark("B", 0) + "," + span(1, 4) + "," + span(5, 5) + "," +
                           mark("E", 10) + "," + mark("B", 11) + "," + mark("E", 12));
  ASSERT_EQ(trace.spans.at(7).size(), 4u);
  EXPECT_EQ(trace.named("x")[1].depth, 1);
  EXPECT_EQ(trace.named("y")[1].depth, 0);
}

TEST(TraceCheck, WhatAViewerCannotShowFails) {
  EXPECT_NONFATAL_FAILURE(check(span(0, 10) + "," + span(5, 10)), "overlaps");
  EXPECT_NONFATAL_FAILURE(check(span(0, 5) + "," + span(0, 10)), "overlaps");
  EXPECT_NONFATAL_FAILURE(check(mark("B", 0)), "has no end");
  EXPECT_NONFATAL_FAILURE(check(mark("B", 0) + "," + span(0, 5) + "," + mark("E", 10)), "outlasts");
  EXPECT_NONFATAL_FAILURE(
      test::check_trace(
          R"([{"ph":"M","pid":1,"tid":1,"name":"thread_name","args":{"name":"steps"}},)"
          R"({"ph":"X","pid":1,"tid":1,"name":"x","ts":0,"dur":1}])"),
      "tid != event");
  EXPECT_FATAL_FAILURE(check(mark("E", 3)), "without a beginning");
  EXPECT_NONFATAL_FAILURE(check(span(-1, 5)), "ts");
  EXPECT_NONFATAL_FAILURE(test::check_trace("[" + span(0, 1) + "]"), "track_names");
  EXPECT_NONFATAL_FAILURE(test::check_trace("[" + span(0, 1)), "is_array");
}

}  // namespace
}  // namespace weft
