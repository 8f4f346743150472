#include "scheduler/generation_state.h"

#include <gtest/gtest.h>

namespace weft {
namespace {

TEST(GenerationState, DecodesFromItsFirstTokenOn) {
  GenerationState state;
  state.sequence.ids = {1, 2, 3};
  state.num_prompt = 3;
  state.sequence.num_computed = 2;
  EXPECT_FALSE(state.decoding());  // the prompt's last token is prompt
  state.sequence.num_computed = 3;
  state.sequence.ids.push_back(4);
  EXPECT_TRUE(state.decoding());
  state.sequence.num_computed = 0;  // preempted
  EXPECT_FALSE(state.decoding());
  EXPECT_EQ(state.num_to_compute(), 4);
  EXPECT_EQ(state.num_generated(), 1);
}

TEST(GenerationState, KnowsItsStopIds) {
  GenerationState state;
  EXPECT_FALSE(state.is_stop(2));
  state.limits.stop_ids = {2, 7, 100};
  EXPECT_TRUE(state.is_stop(7));
  EXPECT_FALSE(state.is_stop(8));
}

}  // namespace
}  // namespace weft
