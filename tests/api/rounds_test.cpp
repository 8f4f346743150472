// Rounds by themselves, in simulated time: handlers that take as long as the test says, and a step
// loop that waits as the engine's does.
#include "api/engine/rounds.h"

#include <algorithm>
#include <functional>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace weft::engine {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr Rounds::Time kStart{};

TEST(Rounds, AreCompleteWhenEveryoneHasAskedOrLeft) {
  Rounds rounds(milliseconds(5));
  Rounds::Member a, b, c;
  EXPECT_TRUE(rounds.complete());
  for (Rounds::Member* member : {&a, &b, &c}) {
    rounds.asked(*member, kStart);  // its first turn
    rounds.given(*member, kStart);
  }
  rounds.asked(b, kStart);
  EXPECT_FALSE(rounds.complete());
  rounds.left(a);
  EXPECT_FALSE(rounds.complete());
  rounds.asked(c, kStart);
  EXPECT_TRUE(rounds.complete());
  rounds.left(c);  // an end after the last turn
  EXPECT_TRUE(rounds.complete());
}

TEST(Rounds, OneThatIsLateIsNotWaitedForUntilItKeepsUpAgain) {
  Rounds rounds(milliseconds(5));
  Rounds::Member member;
  Rounds::Time now = kStart;
  rounds.given(member, now);
  EXPECT_FALSE(rounds.complete());
  rounds.go_without();
  EXPECT_TRUE(rounds.complete());
  for (const int turnaround : {20, 6, 5}) {
    now += milliseconds(turnaround);
    rounds.asked(member, now);
    rounds.given(member, now += milliseconds(1));
    EXPECT_EQ(rounds.complete(), turnaround > 5) << turnaround;
  }
}

TEST(Rounds, TheBoundIsTheOneAskedForOrAsLongAsAStep) {
  Rounds asked_for(milliseconds(700)), automatic(milliseconds(0));
  asked_for.step_took(milliseconds(20));
  EXPECT_EQ(asked_for.patience(), milliseconds(700));
  EXPECT_EQ(asked_for.patience(true), milliseconds(20));
  for (const auto& [step, patience] : {std::pair{1, 5}, {20, 20}, {900, 50}}) {
    automatic.step_took(milliseconds(step));
    EXPECT_EQ(automatic.patience(), milliseconds(patience));
  }
}

// A handler that takes `think()` from a token to asking for the next.
struct Handler {
  std::function<Rounds::Duration()> think;
  int turns_left = 0;
  Rounds::Member member{};
  Rounds::Time asks_at = kStart;  // its next turn
  bool asking = false;            // the engine knows
  int rounds_missed = 0;
  int turns = 0;
};

// The engine's loop with the time of the handlers and of the steps simulated. Returns how many
// steps it took until all had their turns.
struct Simulation {
  Rounds rounds{Rounds::Duration::zero()};
  std::vector<Handler> handlers;
  Rounds::Duration step = milliseconds(20);
  Rounds::Time now = kStart;
  Rounds::Duration waited_in_vain{};

  int run() {
    int steps = 0;
    rounds.step_took(step);
    for (;;) {
      await();
      std::vector<Handler*> round;
      for (Handler& handler : handlers) {
        if (handler.asking) round.push_back(&handler);
      }
      if (round.empty()) {
        Handler* next = nullptr;  // the first that will ask
        for (Handler& handler : handlers) {
          if (handler.turns_left > 0 && (!next || handler.asks_at < next->asks_at)) next = &handler;
        }
        if (!next) return steps;
        now = std::max(now, next->asks_at);
        take();
        continue;
      }
      for (Handler& handler : handlers) {
        handler.rounds_missed += handler.turns > 0 && handler.turns_left > 0 && !handler.asking;
      }
      now += step;
      ++steps;
      for (Handler* handler : round) finish_turn(*handler);
    }
  }

 private:
  void take() {
    for (Handler& handler : handlers) {
      if (handler.turns_left == 0 || handler.asking || handler.asks_at > now) continue;
      handler.asking = true;
      rounds.asked(handler.member, handler.asks_at);
    }
  }
  void await() {
    take();
    const auto since = now, deadline = now + rounds.patience();
    while (!rounds.complete()) {
      auto next = deadline;
      for (const Handler& handler : handlers) {
        if (handler.turns_left > 0 && !handler.asking) next = std::min(next, handler.asks_at);
      }
      now = next;
      take();
      if (now == deadline && !rounds.complete()) {
        waited_in_vain += now - since;
        rounds.go_without();
      }
    }
  }
  void finish_turn(Handler& handler) {
    handler.asking = false;
    ++handler.turns;
    if (--handler.turns_left == 0) return;
    rounds.given(handler.member, now);
    handler.asks_at = now + handler.think();
  }
};

std::function<Rounds::Duration()> always(Rounds::Duration time) {
  return [time] { return time; };
}

TEST(Rounds, HandlersOfAnySpeedWithinTheBoundShareEveryForwardPass) {
  std::mt19937 random(7);
  Simulation simulation;
  constexpr int kTurns = 100;
  for (int i = 0; i < 32; ++i) {
    simulation.handlers.push_back(
        {.think = [&random] { return microseconds(random() % 20000); }, .turns_left = kTurns});
  }
  EXPECT_EQ(simulation.run(), kTurns);
  for (const Handler& handler : simulation.handlers) EXPECT_EQ(handler.rounds_missed, 0);
  EXPECT_EQ(simulation.waited_in_vain, Rounds::Duration::zero());
}

TEST(Rounds, OneThatKeepsItsGenerationAndGoesAwayCostsTheOthersOneWait) {
  Simulation simulation;
  simulation.handlers = {{.think = always(microseconds(10)), .turns_left = 50},
                         {.think = always(microseconds(10)), .turns_left = 50},
                         {.think = always(std::chrono::hours(1)), .turns_left = 2}};
  EXPECT_EQ(simulation.run(), 51);
  EXPECT_EQ(simulation.waited_in_vain, milliseconds(20));
  EXPECT_EQ(simulation.handlers[0].rounds_missed, 0);
  EXPECT_EQ(simulation.handlers[2].turns, 2);
}

TEST(Rounds, OneThatIsAlwaysSlowRunsAtItsOwnPaceAndLeavesTheOthersTheirs) {
  Simulation simulation;
  simulation.handlers = {{.think = always(microseconds(10)), .turns_left = 100},
                         {.think = always(milliseconds(55)), .turns_left = 25}};
  EXPECT_EQ(simulation.run(), 100);  // it thinks for three steps and is in every fourth
  EXPECT_EQ(simulation.waited_in_vain, milliseconds(20));
}

TEST(Rounds, OneThatWasHeldUpOnceIsBackInEveryRound) {
  Simulation simulation;
  int turn = 0;
  simulation.handlers = {
      {.think = always(microseconds(10)), .turns_left = 100},
      {.think =
           [&turn] { return ++turn == 10 ? Rounds::Duration(milliseconds(70)) : microseconds(10); },
       .turns_left = 100}};
  simulation.run();
  // Those that passed while it was held up, and no more.
  EXPECT_LE(simulation.handlers[1].rounds_missed, 3);
  EXPECT_EQ(simulation.waited_in_vain, milliseconds(20));
}

}  // namespace
}  // namespace weft::engine
