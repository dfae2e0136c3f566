#include "gateway/server/lifecycle.h"

#include <signal.h>

namespace holdfast::server {
namespace {

Step Drain() { return {Phase::kDrainDelay, {Action::kAskToLeave, Action::kAwaitBalancers}}; }
Step StopAccepting() {
  return {Phase::kDraining, {Action::kStopAccepting, Action::kAwaitExchanges}};
}
Step FinishCut() { return {Phase::kStopped, {Action::kFinishCut}}; }

// `first` goes before the step's own actions.
Step After(Action first, Step step) {
  step.actions.insert(step.actions.begin(), first);
  return step;
}

std::optional<Step> WhileServing(Event event) {
  switch (event) {
    case Event::kEnd: return Drain();
    case Event::kReload: return Step{Phase::kServing, {Action::kReload}};
    case Event::kUpgrade: return Step{Phase::kUpgrading, {Action::kStartSuccessor}};
    default: return std::nullopt;
  }
}

std::optional<Step> WhileUpgrading(Event event) {
  switch (event) {
    case Event::kEnd: return After(Action::kEndSuccessor, Drain());
    case Event::kReload: return Step{Phase::kUpgrading, {Action::kReload}};
    case Event::kUpgrade: return Step{Phase::kUpgrading, {Action::kRefuseUpgrade}};
    case Event::kNotStarted:
    case Event::kSuccessorFailed: return Step{Phase::kServing, {}};
    // Nobody needs the readiness delay: the address goes on accepting. It is the time in which
    // what is idle may be used once more, to be told to close; a client whose request crosses
    // with our close would lose it.
    case Event::kSuccessorReady:
      return Step{Phase::kHandedOver, {Action::kHandOver, Action::kAwaitLastAccepts}};
    default: return std::nullopt;
  }
}

// First only readiness changes and clients are asked to leave, while whoever balances load in front
// of us notices; then the listeners close and what is idle goes; at last what is left is cut off.
std::optional<Step> WhileLeaving(Phase phase, Event event) {
  switch (event) {
    case Event::kReload: return Step{phase, {Action::kRefuseReload}};
    case Event::kUpgrade: return Step{phase, {Action::kRefuseUpgrade}};
    case Event::kEnd:
      // The one that accepts in our place has had the signal as well, if the whole service is to
      // end.
      return After(Action::kSayAtOnce, phase == Phase::kHandedOver ? StopAccepting() : FinishCut());
    case Event::kTimer:
      if (phase == Phase::kCutting) return After(Action::kSayNoAnswer, FinishCut());
      if (phase != Phase::kDraining) return StopAccepting();
      // Whether the deadline was missed is the workers' to say: what is idle, or still on its way
      // in, is no loss, and with a short timeout they may not even have heard of the drain.
      return Step{Phase::kCutting, {Action::kCut, Action::kAwaitCut}};
    case Event::kEmptied:
      if (phase == Phase::kDrainDelay) return std::nullopt;  // It still accepts.
      return Step{Phase::kStopped, {Action::kFinish}};
    case Event::kEmptiedByCut:
      if (phase != Phase::kCutting) return std::nullopt;
      return FinishCut();
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<Step> Next(Phase phase, Event event) {
  switch (phase) {
    case Phase::kServing: return WhileServing(event);
    case Phase::kUpgrading: return WhileUpgrading(event);
    case Phase::kDrainDelay:
    case Phase::kHandedOver:
    case Phase::kDraining:
    case Phase::kCutting: return WhileLeaving(phase, event);
    // What else comes in the loop's last turn, such as the deadline, changes nothing.
    case Phase::kStopped: return Step{Phase::kStopped, {}};
  }
  return std::nullopt;
}

std::optional<Event> EventOf(int signal, const SignalFacts& facts) {
  switch (signal) {
    case SIGHUP:
      if (facts.has_file) return Event::kReload;
      // There is nothing to reload: the terminal is gone, and we with it.
      if (facts.hangup_ignored) return std::nullopt;
      return Event::kEnd;
    case SIGUSR2: return Event::kUpgrade;
    case SIGTERM:
    case SIGINT:
    case SIGQUIT: return Event::kEnd;
    default: return std::nullopt;
  }
}

}  // namespace holdfast::server
