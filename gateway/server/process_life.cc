#include "gateway/server/process_life.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include <absl/strings/str_cat.h>

#include "gateway/config/units.h"
#include "gateway/server/op_log.h"
#include "gateway/server/signals.h"
#include "pool/net/check.h"

namespace holdfast::server {
namespace {

std::string SignalName(int signal) { return absl::StrCat("SIG", sigabbrev_np(signal)); }

// For whoever has pressed Ctrl-C and sees nothing happen.
std::string DescribeDrain(pool::Duration delay, pool::Duration timeout) {
  const std::string then = absl::StrCat("requests in flight have ", config::FormatDuration(timeout),
                                        "; a second signal stops at once");
  if (delay == pool::Duration::zero()) return absl::StrCat("draining: ", then);
  return absl::StrCat("draining: for ", config::FormatDuration(delay),
                      " /readyz says 503 and clients may still connect, then ", then);
}

absl::Status IsDraining() { return absl::FailedPreconditionError("the gateway is draining"); }

}  // namespace

ProcessLife::ProcessLife(const Parts& parts, Options options)
    : parts_(parts), options_(std::move(options)) {}

ProcessLife::~ProcessLife() { parts_.main->loop.timers().Cancel(timer_); }

void ProcessLife::OnSignal(int signal) {
  if (signal == SIGUSR1) return ReopenLogs();
  const std::optional<Event> event =
      EventOf(signal, {.has_file = !options_.config_path.empty(),
                       .hangup_ignored = signal == SIGHUP && IsIgnored(SIGHUP)});
  if (event.has_value()) On(*event, signal);
}

void ProcessLife::OnEmpty(size_t exchanges_cut) {
  if (phase_ == Phase::kStopped) return;
  if (exchanges_cut == 0) {
    LogInfo("drained: nothing was cut off");
    return On(Event::kEmptied);
  }
  LogWarning(absl::StrCat("the drain's deadline has come: ", exchanges_cut,
                          exchanges_cut == 1 ? " exchange was" : " exchanges were", " cut off"));
  On(Event::kEmptiedByCut);
}

void ProcessLife::On(Event event, int signal) {
  const std::optional<Step> step = Next(phase_, event);
  HOLDFAST_CHECK(step.has_value());
  MoveTo(step->phase);
  for (const Action action : step->actions) Do(action, signal);
}

void ProcessLife::Do(Action action, int signal) {
  const auto drain = [this]() -> const config::Drain& {
    return parts_.configurator->config().drain;
  };
  switch (action) {
    case Action::kReload: return parts_.configurator->Reload(options_.config_path);
    case Action::kRefuseReload: return parts_.configurator->RefuseReload(IsDraining());
    case Action::kStartSuccessor: return BeginUpgrade();
    case Action::kRefuseUpgrade:
      return LogError(absl::StrCat("upgrade refused: ", RefusalOfUpgrade().message()));
    case Action::kEndSuccessor: return upgrade_.reset();
    case Action::kAskToLeave: return AskToLeave(signal);
    case Action::kAwaitBalancers: return Await(DelayAfter(signal));
    case Action::kHandOver: return HandOver();
    case Action::kAwaitLastAccepts:
      return Await(std::max<pool::Duration>(kHandOverGrace, drain().delay));
    case Action::kStopAccepting: return StopAccepting();
    case Action::kAwaitExchanges: return Await(drain().timeout);
    case Action::kCut: return parts_.workers->MailAll([](Worker& worker) { worker.CutAll(); });
    case Action::kAwaitCut: return Await(kCutPatience);
    case Action::kSayAtOnce: return LogInfo(absl::StrCat(SignalName(signal), ": stopping at once"));
    case Action::kSayNoAnswer:
      return LogWarning("the drain's deadline has come, and a worker does not answer");
    case Action::kFinish: return Finish(kExitOk);
    case Action::kFinishCut: return Finish(kExitDrainDeadline);
  }
}

void ProcessLife::ReopenLogs() {
  const absl::Status status = parts_.workers->logs().Reopen();
  if (status.ok()) return LogInfo("logs reopened");
  LogError(absl::StrCat("logs not reopened, the old file stays: ", status.message()));
}

void ProcessLife::BeginUpgrade() {
  if (absl::Status status = StartSuccessor(); !status.ok()) {
    LogError(absl::StrCat("upgrade refused: ", status.message()));
    return On(Event::kNotStarted);
  }
  LogInfo(absl::StrCat("upgrade: started process ", upgrade_->pid()));
}

absl::Status ProcessLife::StartSuccessor() {
  if (options_.command.empty()) return absl::FailedPreconditionError("there is no command");
  if (getpid() == 1) {
    return absl::FailedPreconditionError(
        "this is process 1 of its container, whose end is the end of all others in it");
  }
  auto upgrade = std::make_unique<Upgrade>(
      &parts_.main->loop,
      Upgrade::Callbacks{.on_ready = [this] { On(Event::kSuccessorReady); },
                         .on_failed =
                             [this](const std::string& reason) {
                               LogError(absl::StrCat("upgrade failed, going on: ", reason));
                               parts_.main->loop.DestroyLater(std::move(upgrade_));
                               On(Event::kSuccessorFailed);
                             }});
  const pool::FileDescriptor tickets = parts_.configurator->FileForSuccessor();
  const Legacy legacy{.listeners = parts_.listeners->Descriptors(),
                      .status = parts_.configurator->status_fd(),
                      .tickets = tickets.valid() ? tickets.get() : -1};
  if (absl::Status status = upgrade->Start(options_.command, legacy); !status.ok()) return status;
  upgrade_ = std::move(upgrade);
  return absl::OkStatus();
}

absl::Status ProcessLife::RefusalOfUpgrade() const {
  if (!serving()) return IsDraining();
  return absl::FailedPreconditionError(
      absl::StrCat("process ", upgrade_->pid(), " is about to take over already"));
}

void ProcessLife::HandOver() {
  LogInfo("upgrade: the new process serves; draining");
  parts_.main->loop.DestroyLater(std::move(upgrade_));
  parts_.configurator->StopOrders();
  parts_.configurator->CloseStatus();
  parts_.configurator->StopRefreshing();
  parts_.listeners->Close();
  parts_.workers->MailAll([](Worker& worker) { worker.CloseListeners(); });
}

void ProcessLife::AskToLeave(int signal) {
  LogInfo(
      absl::StrCat(SignalName(signal), ": ",
                   DescribeDrain(DelayAfter(signal), parts_.configurator->config().drain.timeout)));
  parts_.configurator->StopOrders();
  parts_.workers->MailAll([](Worker& worker) { worker.BeginDrain(); });
}

pool::Duration ProcessLife::DelayAfter(int signal) const {
  // Nobody balances load in front of what was started in a terminal and is ended there.
  const bool in_terminal = options_.config_path.empty() && signal != SIGTERM;
  return in_terminal ? pool::Duration::zero() : parts_.configurator->config().drain.delay;
}

void ProcessLife::StopAccepting() {
  parts_.configurator->StopRefreshing();
  parts_.listeners->Close();
  parts_.workers->MailAll([](Worker& worker) { worker.StopAccepting(); });
}

void ProcessLife::Finish(ExitCode exit_code) {
  parts_.main->loop.timers().Cancel(timer_);
  exit_code_ = exit_code;
  parts_.main->loop.Stop();
}

}  // namespace holdfast::server
