#include "api/engine/rounds.h"

#include <algorithm>

namespace weft::engine {
namespace {

using std::chrono::milliseconds;

// A step's time is what one that is waited for in vain costs in proportion. The least is what a
// busy machine needs to wake a few dozen threads; the most is still hardly seen by a reader.
constexpr Rounds::Duration kLeast = milliseconds(5);
constexpr Rounds::Duration kMost = milliseconds(50);

}  // namespace

void Rounds::given(Member& member, Time at) {
  member.given_at = at;
  if (member.late || member.awaited) return;
  member.awaited = true;
  awaited_.push_back(&member);
}

void Rounds::asked(Member& member, Time at) {
  left(member);
  if (at - member.given_at <= patience()) member.late = false;
}

void Rounds::left(Member& member) {
  if (!member.awaited) return;
  member.awaited = false;
  std::erase(awaited_, &member);
}

Rounds::Duration Rounds::patience(bool closing) const {
  if (bound_ > Duration::zero() && !closing) return bound_;
  return std::clamp(step_, kLeast, kMost);
}

void Rounds::go_without() {
  for (Member* member : awaited_) {
    member->awaited = false;
    member->late = true;
  }
  awaited_.clear();
}

}  // namespace weft::engine
