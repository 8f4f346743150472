#include "api/step_trace.h"

#include <string>
#include <utility>

namespace weft {
namespace {

constexpr int32_t kStepTrack = 0;

std::string field(const char* name, int64_t value) {
  return std::string("\"") + name + "\":" + std::to_string(value);
}

}  // namespace

StepTrace::StepTrace(std::shared_ptr<Trace> trace, std::string_view group)
    : trace_(std::move(trace)), group_(trace_->add_group(group)) {
  trace_->name_track(group_, kStepTrack, "steps");
}

void StepTrace::step(const StepPlan& plan, Trace::Clock::time_point begin,
                     Trace::Clock::time_point end, const StepScheduler::Counts& counts,
                     const BlockManager::Ledger& blocks) {
  if (std::exchange(preemptions_, counts.preemptions) != counts.preemptions) {
    for (auto& [state, lane] : lanes_) mark_preemptions(*state, lane, begin);
  }
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    Lane& lane = lane_of(*plan.states[i], begin);
    if (static_cast<int32_t>(i) < plan.num_decodes) {
      if (!lane.decoding_since) lane.decoding_since = begin;
      ++lane.decoded;
    } else {
      close_decoding(lane);
      const int64_t tokens = plan.steps[i].num_tokens;
      trace_->span(group_, lane.track, "prompt chunk", begin, end,
                   field("tokens", tokens) + "," +
                       field("position", plan.steps[i].sequence->num_computed - tokens));
    }
    lane.last = end;
  }
  const int64_t prompt_tokens = int64_t{plan.num_tokens()} - plan.num_decodes;
  trace_->span(group_, kStepTrack, "step", begin, end,
               field("step", static_cast<int64_t>(++steps_)) + "," +
                   field("decodes", plan.num_decodes) + "," +
                   field("prompt_tokens", prompt_tokens));
  trace_->counter(group_, "requests", begin,
                  field("running", counts.running) + "," + field("waiting", counts.waiting));
  trace_->counter(group_, "KV blocks", begin,
                  field("owned", blocks.owned) + "," + field("cached", blocks.cached) + "," +
                      field("free", blocks.free));
}

void StepTrace::ended(const GenerationState& state, std::string_view reason) {
  const auto found = lanes_.find(&state);
  if (found == lanes_.end()) return;  // it never ran
  Lane& lane = found->second;
  close_decoding(lane);
  trace_->end(group_, lane.track, lane.last,
              field("prompt_tokens", state.num_prompt) + "," +
                  field("cached_tokens", state.num_cached) + "," +
                  field("generated_tokens", state.num_generated()) + "," +
                  field("preemptions", state.num_preemptions) + ",\"finish_reason\":\"" +
                  std::string(reason) + "\"");
  free_tracks_.insert(lane.track);
  lanes_.erase(found);
}

// The lane of a sequence; the first free one for a new sequence, so that there are no more tracks
// than sequences under way at once.
StepTrace::Lane& StepTrace::lane_of(const GenerationState& state, Trace::Clock::time_point now) {
  const auto [found, is_new] = lanes_.try_emplace(&state);
  Lane& lane = found->second;
  if (!is_new) return lane;
  if (free_tracks_.empty()) {
    lane.track = kStepTrack + ++tracks_;
    trace_->name_track(group_, lane.track, "sequence " + std::to_string(tracks_));
  } else {
    lane.track = free_tracks_.extract(free_tracks_.begin()).value();
  }
  trace_->begin(group_, lane.track, "request " + std::to_string(++sequences_), now);
  mark_preemptions(state, lane, now);  // a further sample that was preempted before its first step
  return lane;
}

void StepTrace::close_decoding(Lane& lane) {
  if (!lane.decoding_since) return;
  trace_->span(group_, lane.track, "decode", *lane.decoding_since, lane.last,
               field("tokens", std::exchange(lane.decoded, 0)));
  lane.decoding_since.reset();
}

void StepTrace::mark_preemptions(const GenerationState& state, Lane& lane,
                                 Trace::Clock::time_point at) {
  for (; lane.preemptions < state.num_preemptions; ++lane.preemptions) {
    close_decoding(lane);
    trace_->instant(group_, lane.track, "preempted", at);
  }
}

}  // namespace weft
