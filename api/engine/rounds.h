// Rounds: whom a step waits for, so that the turns of one round are one forward pass. A generation
// that advances by turns was given a token, and its handler is about to ask for the next: a round
// is complete when each of them has asked, or has ended. So rounds are exact, and wait for nothing
// but the handlers themselves.
//
// A handler may also keep its generation and do something else, and nobody can know. So the wait
// has a bound, which such a handler costs the others once: it is late then, and is waited for again
// after it has asked for a turn within the bound. Until then its turns are in the round that is
// next when it asks.
//
// Knows neither threads nor clocks. Owned by the step thread.
#pragma once

#include <chrono>
#include <vector>

namespace weft::engine {

class Rounds {
 public:
  using Duration = std::chrono::steady_clock::duration;
  using Time = std::chrono::steady_clock::time_point;

  // A generation's part. Left before it is destroyed.
  struct Member {
    bool awaited = false;
    bool late = false;
    Time given_at;  // its last token
  };

  // `bound`: the longest wait; zero: as long as the last step took, 5 to 50 ms.
  explicit Rounds(Duration bound) : bound_(bound) {}

  void step_took(Duration step) { step_ = step; }
  // It has a token and will ask for another.
  void given(Member& member, Time at);
  // It asked for a token, its first or the next.
  void asked(Member& member, Time at);
  // It ended, or will not ask again.
  void left(Member& member);

  bool complete() const { return awaited_.empty(); }
  // How long an incomplete round may wait. `closing`: the bound that was asked for is not kept, but
  // the one for zero.
  Duration patience(bool closing = false) const;
  // The round goes without those that have not asked: they are late.
  void go_without();

 private:
  Duration bound_;
  Duration step_{};
  std::vector<Member*> awaited_;
};

}  // namespace weft::engine
