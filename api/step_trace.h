// StepTrace: the steps and sequences of an engine, or of a context, as a Trace shows them. One
// track for the steps; a track for each sequence that is under way, on which lie its prompt chunks,
// its decoding (one span until something else happens to it) and its preemptions. Owned by the
// thread that runs the steps.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>

#include "api/trace.h"
#include "scheduler/block_manager.h"
#include "scheduler/step_scheduler.h"

namespace weft {

class StepTrace {
 public:
  // `group`: what the tracks together are called.
  StepTrace(std::shared_ptr<Trace> trace, std::string_view group);

  // A step that ran, before StepScheduler::complete().
  void step(const StepPlan& plan, Trace::Clock::time_point begin, Trace::Clock::time_point end,
            const StepScheduler::Counts& counts, const BlockManager::Ledger& blocks);
  // Before the state is removed. `reason`: the name of how it finished, or of its error.
  void ended(const GenerationState& state, std::string_view reason);

 private:
  struct Lane {
    int32_t track = 0;
    Trace::Clock::time_point last;  // its last step's end
    std::optional<Trace::Clock::time_point> decoding_since;
    int64_t decoded = 0;  // tokens since then
    int32_t preemptions = 0;
  };
  Lane& lane_of(const GenerationState& state, Trace::Clock::time_point now);
  void close_decoding(Lane& lane);
  void mark_preemptions(const GenerationState& state, Lane& lane, Trace::Clock::time_point at);

  std::shared_ptr<Trace> trace_;
  int32_t group_;
  std::unordered_map<const GenerationState*, Lane> lanes_;
  std::set<int32_t> free_tracks_;  // used before
  int32_t tracks_ = 0;             // ever used, beside that of the steps
  uint64_t sequences_ = 0;
  uint64_t steps_ = 0;
  uint64_t preemptions_ = 0;
};

}  // namespace weft
