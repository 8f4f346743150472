#include "api/stop_matcher.h"

#include <gtest/gtest.h>

namespace weft {
namespace {

std::string through(StopMatcher& matcher, std::initializer_list<const char*> pieces) {
  std::string out;
  for (const char* piece : pieces) out += matcher.push(piece);
  return out;
}

TEST(StopMatcher, WithoutStopStringsEverythingPassesAtOnce) {
  StopMatcher matcher({"", ""});
  EXPECT_EQ(matcher.push("abc"), "abc");
  EXPECT_FALSE(matcher.stopped());
}

TEST(StopMatcher, AStopStringSpanningPiecesIsNeverEmitted) {
  StopMatcher matcher({"END"});
  EXPECT_EQ(through(matcher, {"one E", "N", "D two"}), "one ");
  EXPECT_TRUE(matcher.stopped());
  EXPECT_EQ(matcher.push("more"), "");
  EXPECT_EQ(matcher.finish(), "");
}

TEST(StopMatcher, WhatOnlyLookedLikeABeginningIsEmittedLater) {
  StopMatcher matcher({"END"});
  EXPECT_EQ(matcher.push("E"), "");
  EXPECT_EQ(matcher.push("Nx"), "ENx");
  EXPECT_EQ(matcher.push("EEN"), "E");
  EXPECT_EQ(matcher.finish(), "EN");
}

TEST(StopMatcher, TheFirstOfSeveralMatchesEnds) {
  StopMatcher matcher({"bb", "a"});
  EXPECT_EQ(matcher.push("xabb"), "x");
  StopMatcher nested({"abab", "b"});
  EXPECT_EQ(nested.push("ab"), "a");
}

TEST(StopMatcher, OverlappingBeginningsAreHeldBackAtTheirLongest) {
  StopMatcher matcher({"aab"});
  EXPECT_EQ(matcher.push("aaa"), "a");
  EXPECT_EQ(matcher.push("b"), "");
  EXPECT_TRUE(matcher.stopped());
}

}  // namespace
}  // namespace weft
