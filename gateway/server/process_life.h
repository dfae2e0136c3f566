#ifndef HOLDFAST_GATEWAY_SERVER_PROCESS_LIFE_H_
#define HOLDFAST_GATEWAY_SERVER_PROCESS_LIFE_H_

#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "gateway/server/configurator.h"
#include "gateway/server/lifecycle.h"
#include "gateway/server/listener_set.h"
#include "gateway/server/main_context.h"
#include "gateway/server/upgrade.h"
#include "gateway/server/worker_set.h"
#include "pool/net/event_loop.h"

namespace holdfast::server {

// Lives the life that server/lifecycle plans: keeps the phase, carries the actions out, and owns
// what only they need, the timer and the process that is to take our place.
//
// Main thread; owned by the server. What is given to it outlives it. Destruction ends a process
// that has not given its word yet.
class ProcessLife {
 public:
  struct Parts {
    MainContext* main;
    WorkerSet* workers;
    ListenerSet* listeners;
    Configurator* configurator;
  };
  struct Options {
    std::string config_path;           // what a reload reads; empty: the configuration is fixed
    std::vector<std::string> command;  // what an upgrade starts; empty: nothing
  };

  ProcessLife(const Parts& parts, Options options);
  ~ProcessLife();
  ProcessLife(const ProcessLife&) = delete;
  ProcessLife& operator=(const ProcessLife&) = delete;

  // SIGUSR1 reopens the access log, which is nothing to the lifecycle.
  void OnSignal(int signal);
  // The workers have no session left (WorkerSet::Options).
  void OnEmpty(size_t exchanges_cut);

  bool serving() const { return IsServing(phase_); }
  // An ExitCode, after the loop has ended.
  int exit_code() const { return exit_code_; }

 private:
  // At least, for the requests of connections that were accepted just before the hand-over.
  static constexpr pool::Duration kHandOverGrace = std::chrono::seconds(1);
  // For the workers to say, at the drain's deadline, whether anything was left to be cut off.
  static constexpr pool::Duration kCutPatience = std::chrono::seconds(1);

  // `signal` is the event's, or 0.
  void On(Event event, int signal = 0);
  void MoveTo(Phase phase) { phase_ = phase; }
  void Do(Action action, int signal);

  void ReopenLogs();
  void BeginUpgrade();
  absl::Status StartSuccessor();
  absl::Status RefusalOfUpgrade() const;
  void HandOver();
  void AskToLeave(int signal);
  void StopAccepting();
  void Finish(ExitCode exit_code);
  // What drain.delay comes to when this signal ends the process.
  pool::Duration DelayAfter(int signal) const;
  void Await(pool::Duration time) { parts_.main->loop.timers().Arm(timer_, InTime(time)); }
  pool::TimePoint InTime(pool::Duration time) const { return parts_.main->loop.now() + time; }
  void OnTimer(pool::TimePoint) { On(Event::kTimer); }

  const Parts parts_;
  const Options options_;
  Phase phase_ = Phase::kServing;
  ExitCode exit_code_ = kExitOk;
  std::unique_ptr<Upgrade> upgrade_;  // while kUpgrading
  pool::MemberTimer<ProcessLife, &ProcessLife::OnTimer> timer_{this};
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_PROCESS_LIFE_H_
