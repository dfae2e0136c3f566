#ifndef HOLDFAST_GATEWAY_SERVER_LIFECYCLE_H_
#define HOLDFAST_GATEWAY_SERVER_LIFECYCLE_H_

#include <cstdint>
#include <optional>
#include <vector>

// The life of the process from the moment it serves, as a pure machine: what comes, in which phase,
// leads to which phase and asks for which actions. The server carries the actions out.

namespace holdfast::server {

// The process's exit codes.
enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,
  kExitUsage = 2,
  kExitDrainDeadline = 3,
};

enum class Phase : uint8_t {
  kServing,
  kUpgrading,   // serves while a new process starts that is to take its place
  kDrainDelay,  // not ready, but accepting
  kHandedOver,  // another process accepts in our place
  kDraining,    // accepts no more; what is in flight finishes
  kCutting,     // the drain's deadline has come
  kStopped,
};
inline constexpr int kPhases = 7;

enum class Event : uint8_t {
  kEnd,              // a signal that ends the process; the first one asks, the second one insists
  kReload,           // SIGHUP
  kUpgrade,          // SIGUSR2
  kNotStarted,       // the new process could not even be started
  kSuccessorReady,   // the new process serves
  kSuccessorFailed,  // it has ended, or was not ready in time
  kTimer,            // the phase has lasted as long as it may
  kEmptied,          // no worker has a session left, and no exchange was cut off
  kEmptiedByCut,     // no worker has a session left, since exchanges were cut off
};
inline constexpr int kEvents = 9;

enum class Action : uint8_t {
  kReload,            // take the configuration file into use
  kRefuseReload,      // say why not
  kStartSuccessor,    // or, when that fails, tell kNotStarted
  kRefuseUpgrade,     // say why not
  kEndSuccessor,      // the new process is not wanted any more
  kAskToLeave,        // workers ask clients to close; /readyz says 503
  kAwaitBalancers,    // kTimer after drain.delay
  kHandOver,          // close the listeners; who is idle may be used once more
  kAwaitLastAccepts,  // kTimer after drain.delay, and a moment at least
  kStopAccepting,     // close the listeners and what is idle
  kAwaitExchanges,    // kTimer after drain.timeout
  kCut,               // workers cut off what is left
  kAwaitCut,          // kTimer after a moment
  kSayAtOnce,         // the operator insists
  kSayNoAnswer,       // a worker does not do as it is told
  kFinish,            // the loop ends; the exit code is 0
  kFinishCut,         // the loop ends; the exit code says that the drain was cut short
};

struct Step {
  Phase phase;
  std::vector<Action> actions;  // in this order

  bool operator==(const Step&) const = default;
};

// The step that follows. nullopt: this event can't come in this phase.
std::optional<Step> Next(Phase phase, Event event);

struct SignalFacts {
  bool has_file = false;        // there is a configuration file to read again
  bool hangup_ignored = false;  // the process was started so, as nohup(1) does
};
// What a signal asks for. nullopt: nothing of the process's life.
std::optional<Event> EventOf(int signal, const SignalFacts& facts);

// Whether new requests are wanted: what /readyz says, and when a reload or an upgrade may begin.
constexpr bool IsServing(Phase phase) {
  return phase == Phase::kServing || phase == Phase::kUpgrading;
}

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_LIFECYCLE_H_
