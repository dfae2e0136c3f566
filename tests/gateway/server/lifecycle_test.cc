#include "gateway/server/lifecycle.h"

#include <signal.h>

#include <map>
#include <set>
#include <utility>

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

using A = Action;
using E = Event;
using P = Phase;
using Table = std::map<std::pair<P, E>, std::optional<Step>>;

constexpr std::nullopt_t kCannotCome = std::nullopt;

// Every phase and every event, in the order of the enums.
Table Expected() {
  Table table = {
      {{P::kServing, E::kEnd}, Step{P::kDrainDelay, {A::kAskToLeave, A::kAwaitBalancers}}},
      {{P::kServing, E::kReload}, Step{P::kServing, {A::kReload}}},
      {{P::kServing, E::kUpgrade}, Step{P::kUpgrading, {A::kStartSuccessor}}},
      {{P::kServing, E::kNotStarted}, kCannotCome},
      {{P::kServing, E::kSuccessorReady}, kCannotCome},
      {{P::kServing, E::kSuccessorFailed}, kCannotCome},
      {{P::kServing, E::kTimer}, kCannotCome},
      {{P::kServing, E::kEmptied}, kCannotCome},
      {{P::kServing, E::kEmptiedByCut}, kCannotCome},

      {{P::kUpgrading, E::kEnd},
       Step{P::kDrainDelay, {A::kEndSuccessor, A::kAskToLeave, A::kAwaitBalancers}}},
      {{P::kUpgrading, E::kReload}, Step{P::kUpgrading, {A::kReload}}},
      {{P::kUpgrading, E::kUpgrade}, Step{P::kUpgrading, {A::kRefuseUpgrade}}},
      {{P::kUpgrading, E::kNotStarted}, Step{P::kServing, {}}},
      {{P::kUpgrading, E::kSuccessorReady},
       Step{P::kHandedOver, {A::kHandOver, A::kAwaitLastAccepts}}},
      {{P::kUpgrading, E::kSuccessorFailed}, Step{P::kServing, {}}},
      {{P::kUpgrading, E::kTimer}, kCannotCome},
      {{P::kUpgrading, E::kEmptied}, kCannotCome},
      {{P::kUpgrading, E::kEmptiedByCut}, kCannotCome},

      {{P::kDrainDelay, E::kEnd}, Step{P::kStopped, {A::kSayAtOnce, A::kFinishCut}}},
      {{P::kDrainDelay, E::kReload}, Step{P::kDrainDelay, {A::kRefuseReload}}},
      {{P::kDrainDelay, E::kUpgrade}, Step{P::kDrainDelay, {A::kRefuseUpgrade}}},
      {{P::kDrainDelay, E::kNotStarted}, kCannotCome},
      {{P::kDrainDelay, E::kSuccessorReady}, kCannotCome},
      {{P::kDrainDelay, E::kSuccessorFailed}, kCannotCome},
      {{P::kDrainDelay, E::kTimer}, Step{P::kDraining, {A::kStopAccepting, A::kAwaitExchanges}}},
      {{P::kDrainDelay, E::kEmptied}, kCannotCome},
      {{P::kDrainDelay, E::kEmptiedByCut}, kCannotCome},

      {{P::kHandedOver, E::kEnd},
       Step{P::kDraining, {A::kSayAtOnce, A::kStopAccepting, A::kAwaitExchanges}}},
      {{P::kHandedOver, E::kReload}, Step{P::kHandedOver, {A::kRefuseReload}}},
      {{P::kHandedOver, E::kUpgrade}, Step{P::kHandedOver, {A::kRefuseUpgrade}}},
      {{P::kHandedOver, E::kNotStarted}, kCannotCome},
      {{P::kHandedOver, E::kSuccessorReady}, kCannotCome},
      {{P::kHandedOver, E::kSuccessorFailed}, kCannotCome},
      {{P::kHandedOver, E::kTimer}, Step{P::kDraining, {A::kStopAccepting, A::kAwaitExchanges}}},
      {{P::kHandedOver, E::kEmptied}, Step{P::kStopped, {A::kFinish}}},
      {{P::kHandedOver, E::kEmptiedByCut}, kCannotCome},

      {{P::kDraining, E::kEnd}, Step{P::kStopped, {A::kSayAtOnce, A::kFinishCut}}},
      {{P::kDraining, E::kReload}, Step{P::kDraining, {A::kRefuseReload}}},
      {{P::kDraining, E::kUpgrade}, Step{P::kDraining, {A::kRefuseUpgrade}}},
      {{P::kDraining, E::kNotStarted}, kCannotCome},
      {{P::kDraining, E::kSuccessorReady}, kCannotCome},
      {{P::kDraining, E::kSuccessorFailed}, kCannotCome},
      {{P::kDraining, E::kTimer}, Step{P::kCutting, {A::kCut, A::kAwaitCut}}},
      {{P::kDraining, E::kEmptied}, Step{P::kStopped, {A::kFinish}}},
      {{P::kDraining, E::kEmptiedByCut}, kCannotCome},

      {{P::kCutting, E::kEnd}, Step{P::kStopped, {A::kSayAtOnce, A::kFinishCut}}},
      {{P::kCutting, E::kReload}, Step{P::kCutting, {A::kRefuseReload}}},
      {{P::kCutting, E::kUpgrade}, Step{P::kCutting, {A::kRefuseUpgrade}}},
      {{P::kCutting, E::kNotStarted}, kCannotCome},
      {{P::kCutting, E::kSuccessorReady}, kCannotCome},
      {{P::kCutting, E::kSuccessorFailed}, kCannotCome},
      {{P::kCutting, E::kTimer}, Step{P::kStopped, {A::kSayNoAnswer, A::kFinishCut}}},
      {{P::kCutting, E::kEmptied}, Step{P::kStopped, {A::kFinish}}},
      {{P::kCutting, E::kEmptiedByCut}, Step{P::kStopped, {A::kFinishCut}}},
  };
  for (int event = 0; event < kEvents; ++event) {
    table[{P::kStopped, static_cast<E>(event)}] = Step{P::kStopped, {}};
  }
  return table;
}

TEST(LifecycleTest, EveryPhaseAnswersEveryEventAsTheTableSays) {
  const Table table = Expected();
  ASSERT_EQ(table.size(), static_cast<size_t>(kPhases) * kEvents);
  for (const auto& [when, expected] : table) {
    EXPECT_EQ(Next(when.first, when.second), expected)
        << "phase " << static_cast<int>(when.first) << ", event " << static_cast<int>(when.second);
  }
}

template <class Visit>
void ForEachStep(Visit visit) {
  for (int phase = 0; phase < kPhases; ++phase) {
    for (int event = 0; event < kEvents; ++event) {
      const std::optional<Step> step = Next(static_cast<P>(phase), static_cast<E>(event));
      if (step.has_value()) visit(static_cast<P>(phase), *step);
    }
  }
}

bool Has(const Step& step, std::initializer_list<A> any_of) {
  for (const A action : step.actions) {
    for (const A wanted : any_of) {
      if (action == wanted) return true;
    }
  }
  return false;
}

// The numbers of the phases are in the order of a life.
TEST(LifecycleTest, OnlyAnUpgradeThatFailsLeadsBack) {
  ForEachStep([](P from, const Step& step) {
    EXPECT_TRUE(step.phase >= from || (from == P::kUpgrading && step.phase == P::kServing));
  });
}

TEST(LifecycleTest, WhoeverWaitsForTheWorkersHasATimer) {
  ForEachStep([](P from, const Step& step) {
    const bool armed =
        Has(step, {A::kAwaitBalancers, A::kAwaitLastAccepts, A::kAwaitExchanges, A::kAwaitCut});
    const bool waits = step.phase != from && !IsServing(step.phase) && step.phase != P::kStopped;
    EXPECT_EQ(armed, waits) << static_cast<int>(from);
  });
}

TEST(LifecycleTest, ItStopsOnceAndWithOneExitCode) {
  ForEachStep([](P from, const Step& step) {
    const bool stops = step.phase == P::kStopped && from != P::kStopped;
    EXPECT_EQ(Has(step, {A::kFinish, A::kFinishCut}), stops);
    if (stops) {
      EXPECT_TRUE(step.actions.back() == A::kFinish || step.actions.back() == A::kFinishCut);
    }
  });
}

TEST(LifecycleTest, ASecondSignalEndsEveryPhaseButTheOneThatWasHandedOver) {
  for (const P phase : {P::kDrainDelay, P::kDraining, P::kCutting}) {
    EXPECT_EQ(Next(phase, E::kEnd)->phase, P::kStopped);
  }
  EXPECT_EQ(Next(P::kHandedOver, E::kEnd)->phase, P::kDraining);
}

TEST(LifecycleTest, ASignalIsAnEvent) {
  const SignalFacts file{.has_file = true};
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT}) {
    EXPECT_EQ(EventOf(signal, file), E::kEnd);
    EXPECT_EQ(EventOf(signal, {}), E::kEnd);
  }
  EXPECT_EQ(EventOf(SIGUSR2, file), E::kUpgrade);
  EXPECT_EQ(EventOf(SIGUSR1, file), std::nullopt);
  EXPECT_EQ(EventOf(SIGWINCH, file), std::nullopt);
}

TEST(LifecycleTest, AHangupWithoutAFileIsTheEndOfATerminal) {
  EXPECT_EQ(EventOf(SIGHUP, {.has_file = true}), E::kReload);
  EXPECT_EQ(EventOf(SIGHUP, {.has_file = true, .hangup_ignored = true}), E::kReload);
  EXPECT_EQ(EventOf(SIGHUP, {}), E::kEnd);
  EXPECT_EQ(EventOf(SIGHUP, {.hangup_ignored = true}), std::nullopt);
}

TEST(LifecycleTest, NewRequestsAreWantedUntilTheDrainBegins) {
  std::set<P> serving;
  for (int phase = 0; phase < kPhases; ++phase) {
    if (IsServing(static_cast<P>(phase))) serving.insert(static_cast<P>(phase));
  }
  EXPECT_EQ(serving, (std::set<P>{P::kServing, P::kUpgrading}));
}

}  // namespace
}  // namespace holdfast::server
