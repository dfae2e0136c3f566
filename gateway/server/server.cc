#include "gateway/server/server.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include <absl/strings/str_cat.h>

#include "gateway/config/load.h"
#include "gateway/config/units.h"
#include "gateway/server/cpu_share.h"
#include "gateway/server/op_log.h"
#include "metrics/build_info.h"
#include "metrics/process_stats.h"
#include "metrics/prometheus_export.h"
#include "pool/net/check.h"
#include "pool/pool_cells.h"
#include "pool/reuse_ratio.h"

namespace holdfast::server {

using metrics::Metric;

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

bool HasListener(const route::Snapshot& snapshot, const std::string& key) {
  const auto same = [&](const config::Listener& other) { return ListenerKey(other) == key; };
  return std::ranges::any_of(snapshot.config().listeners, same);
}

}  // namespace

void Server::Announce(const std::string& name, const pool::SocketAddress& address) {
  addresses_[name] = address.ToString();
  LogInfo(absl::StrCat("listening name=", name, " address=", address.ToString()));
}

Server::Server(const pool::Clock* clock, ServerOptions options, Inheritance inheritance)
    : clock_(clock),
      options_(std::move(options)),
      inheritance_(std::move(inheritance)),
      loop_(clock),
      mailbox_(&loop_),
      shard_(registry_.AddShard()) {
  registry_.AddCollector(metrics::ProcessCollector());
  registry_.AddCollector(pool::AddReuseRatios);
  registry_.AddCollector(pool::AddUnusedWords);
  registry_.AddCollector([this](metrics::Sums& sums) {
    if (shelves_.has_value()) shelves_->AddTo(sums);
  });
  registry_.AddCollector(metrics::BuildInfoCollector(options_.version, options_.commit));
  registry_.AddCollector([this](metrics::Sums& sums) { upstreams_->AddTo(sums); });
  upstreams_ = std::make_unique<UpstreamWatch>(
      &loop_, &slabs_,
      [this](const std::string& upstream) {
        return shelves_.has_value() ? shelves_->RequestsOf(upstream) : 0;
      },
      shard_,
      [this](const std::string& upstream, const pool::EndpointSet& endpoints) {
        MailAll(
            [upstream, endpoints](Worker& worker) { worker.SetEndpoints(upstream, endpoints); });
      });
}

Server::~Server() {
  MailAll([](Worker& worker) { worker.Stop(); });
  for (auto& worker : workers_) worker->Join();
  peers_.mailboxes.clear();
  // The workers' last lines are on their way to the writer, which tells the workers once it has
  // written them.
  log_writer_.reset();
  workers_.clear();
  status_.reset();
  upgrade_.reset();
  upstreams_.reset();
  loop_.DestroyAside();
}

template <class Function>
void Server::MailAll(Function function) {
  for (auto& worker : workers_) {
    worker->mailbox().Post([worker = worker.get(), function] { function(*worker); });
  }
}

absl::Status Server::Start(config::Config config) {
  BlockSignals();
  descriptor_limit_ = RaiseDescriptorLimit();
  started_with_ = config.workers;
  if (config.workers.has_value()) {
    worker_count_ = *config.workers;
    LogInfo(absl::StrCat("workers: ", worker_count_, " (configured)"));
  } else {
    const CpuShare share = MeasureCpuShare();
    worker_count_ = static_cast<size_t>(share.workers);
    LogInfo(absl::StrCat("workers: ", share.derivation));
  }
  WorkerShares shares;
  if (absl::Status status = PlanShares(config, &shares); !status.ok()) return status;
  absl::StatusOr<pool::FileDescriptor> status_socket = BindStatus(config);
  if (!status_socket.ok()) return status_socket.status();
  if (absl::Status status = OpenAccessLog(config); !status.ok()) return status;
  CreateWorkers(worker_count_);
  if (!inheritance_.empty()) AwaitNames(config);
  // Last, since clients are led to a socket from the moment on at which it shares an inherited
  // port.
  absl::StatusOr<std::map<std::string, BoundListener>> bound = BindNew(config);
  if (!bound.ok()) return bound.status();
  DropInheritance();
  ServeStatus(std::move(*status_socket));
  Publish(std::make_shared<const route::Snapshot>(std::move(config)), shares, std::move(*bound));
  for (auto& worker : workers_) worker->Start();
  return absl::OkStatus();
}

absl::Status Server::PlanShares(const config::Config& config, WorkerShares* shares) {
  absl::StatusOr<DescriptorBudget> budget =
      PlanDescriptors(config, worker_count_, descriptor_limit_);
  if (!budget.ok()) return budget.status();
  LogInfo(budget->ToString());
  for (const std::string& cut : budget->cuts) LogWarning(cut);
  shares->upstreams = std::max<size_t>(1, budget->upstreams);
  shares->idle_upstreams = std::max<size_t>(1, budget->idle_upstreams);
  shares->clients = std::max<size_t>(1, budget->clients);
  status_clients_ = budget->status_clients;
  return absl::OkStatus();
}

bool Server::IsOurPort(const pool::SocketAddress& address) const {
  return address.is_ip() && ports_.contains(address.port());
}

void Server::NotePort(const pool::SocketAddress& address) {
  if (address.is_ip()) ports_.insert(address.port());
}

absl::StatusOr<pool::FileDescriptor> Server::BindStatus(const config::Config& config) {
  if (!config.status.has_value()) return pool::FileDescriptor();
  pool::FileDescriptor inherited = inheritance_.TakeStatus(config.status->address);
  if (inherited.valid()) return inherited;
  const pool::SocketAddress& address = config.status->address;
  absl::StatusOr<pool::FileDescriptor> socket = BindFirst(address, IsOurPort(address));
  if (socket.ok()) {
    NotePort(*pool::LocalAddress(socket->get()));
    return socket;
  }
  return absl::Status(socket.status().code(), absl::StrCat("status: ", socket.status().message()));
}

void Server::ServeStatus(pool::FileDescriptor socket) {
  status_.reset();
  if (!socket.valid()) return;
  Announce("status", *pool::LocalAddress(socket.get()));
  status_ = std::make_unique<StatusServer>(
      &loop_, &slabs_, std::move(socket),
      [this](std::string_view path) { return AnswerStatus(path); }, status_clients_);
}

absl::Status Server::OpenAccessLog(const config::Config& config) {
  if (!config.access_log.has_value()) return absl::OkStatus();
  if (log_writer_ == nullptr) log_writer_ = std::make_unique<LogWriter>(clock_);
  return log_writer_->Open(*config.access_log);
}

void Server::DropInheritance() {
  for (const auto& [key, sockets] : inheritance_.listeners) {
    LogWarning(absl::StrCat("listener ", key, " is not taken over: it is not configured any more"));
  }
  inheritance_.listeners.clear();
  inheritance_.status.Reset();
}

// Until there is an address a request would be answered 503, while the process before this one can
// still answer it properly.
void Server::AwaitNames(const config::Config& config) {
  upstreams_->Adopt(config);
  std::vector<int> raised;
  {
    const Signals signals(&loop_, [&raised](int signal) { raised.push_back(signal); });
    const pool::TimePoint give_up_at = loop_.now() + kNamesPatience;
    while (raised.empty() && loop_.now() < give_up_at && !upstreams_->AllNamed()) {
      loop_.RunOnce(give_up_at - loop_.now());
    }
  }
  // They end the patience, and are Run's to obey.
  for (const int signal : raised) raise(signal);
}

// Sockets for a listener that is new only by its name: those handed over by the process before us,
// or those of a present listener with the same address, which a reload renames.
absl::StatusOr<std::vector<pool::FileDescriptor>> Server::SocketsHeld(
    const config::Listener& listener) {
  if (snapshot_ == nullptr) {
    return inheritance_.TakeListener(ListenerKey(listener), listener.bind.address);
  }
  for (const config::Listener& present : snapshot_->config().listeners) {
    const bool fixed = !present.bind.address.is_ip() || present.bind.address.port() != 0;
    const auto copies = copies_.find(ListenerKey(present));
    if (fixed && present.bind.address == listener.bind.address && copies != copies_.end()) {
      return CopySockets(copies->second);
    }
  }
  for (const LeavingListener& leaving : leaving_) {
    const auto address = pool::LocalAddress(leaving.copies.front().get());
    if (address.ok() && *address == listener.bind.address) return CopySockets(leaving.copies);
  }
  return std::vector<pool::FileDescriptor>();
}

void Server::OnAdopted(uint64_t publication) {
  std::erase_if(leaving_, [&](LeavingListener& leaving) {
    return leaving.publication == publication && --leaving.workers == 0;
  });
}

absl::StatusOr<std::map<std::string, BoundListener>> Server::BindNew(const config::Config& config) {
  std::map<std::string, BoundListener> bound;
  for (const config::Listener& listener : config.listeners) {
    const std::string key = ListenerKey(listener);
    if (snapshot_ != nullptr && HasListener(*snapshot_, key)) continue;
    absl::StatusOr<std::vector<pool::FileDescriptor>> held = SocketsHeld(listener);
    if (!held.ok()) return held.status();
    absl::StatusOr<BoundListener> sockets =
        BindListener(listener, worker_count_, std::move(*held), IsOurPort(listener.bind.address));
    if (!sockets.ok()) return sockets.status();
    NotePort(sockets->address);
    bound[key] = std::move(*sockets);
  }
  return bound;
}

void Server::CreateWorkers(size_t count) {
  shelves_.emplace(count);
  places_.emplace(count);
  for (size_t i = 0; i < count; ++i) {
    Worker::Callbacks callbacks;
    callbacks.on_empty = [this](size_t cut) { mailbox_.Post([this, cut] { OnWorkerEmpty(cut); }); };
    callbacks.on_trouble = [this](const std::string& upstream, const pool::SocketAddress& endpoint,
                                  const std::string& cause) {
      mailbox_.Post(
          [this, upstream, endpoint, cause] { upstreams_->OnTrouble(upstream, endpoint, cause); });
    };
    callbacks.submit_log = [this, i](std::string batch) {
      Worker* worker = workers_[i].get();
      log_writer_->Write(std::move(batch), [worker](bool written) {
        worker->mailbox().Post([worker, written] { worker->OnLogBatchWritten(written); });
      });
    };
    workers_.push_back(std::make_unique<Worker>(
        clock_, registry_.AddShard(),
        WorkerPlace{.index = i, .shelves = &*shelves_, .places = &*places_, .peers = &peers_},
        std::move(callbacks)));
    peers_.mailboxes.push_back(&workers_.back()->mailbox());
  }
  shard_->GaugeFor(Metric::kWorkers, {}).Set(static_cast<int64_t>(count));
  heartbeats_.emplace(count, loop_.now());
}

void Server::Publish(std::shared_ptr<const route::Snapshot> snapshot, const WorkerShares& shares,
                     std::map<std::string, BoundListener> bound) {
  upstreams_->Adopt(snapshot->config());
  const uint64_t publication = ++publications_;
  for (auto& [key, copies] : copies_) {
    if (HasListener(*snapshot, key)) continue;
    leaving_.push_back({std::exchange(copies, {}), publication, workers_.size()});
  }
  std::erase_if(copies_, [](const auto& entry) { return entry.second.empty(); });
  for (auto& [key, listener] : bound) {
    Announce(listener.name, listener.address);
    copies_[key] = std::move(listener.copies);
  }
  for (size_t i = 0; i < workers_.size(); ++i) {
    WorkerUpdate update{.snapshot = snapshot, .shares = shares};
    for (const config::Upstream& upstream : snapshot->config().upstreams) {
      update.endpoints[upstream.name] = upstreams_->Current(upstream.name);
    }
    for (auto& [key, listener] : bound) {
      for (size_t j = i; j < listener.sockets.size(); j += workers_.size()) {
        update.sockets[key].push_back(std::move(listener.sockets[j]));
      }
    }
    workers_[i]->mailbox().Post(
        [this, publication, worker = workers_[i].get(), update = std::move(update)]() mutable {
          worker->Adopt(std::move(update));
          // Sockets are closed at the end of this turn; what is posted now runs in the next.
          worker->mailbox().Post([this, publication] {
            mailbox_.Post([this, publication] { OnAdopted(publication); });
          });
        });
  }
  snapshot_ = std::move(snapshot);
}

int Server::Run() {
  signals_.emplace(&loop_, [this](int signal) { OnSignal(signal); });
  loop_.timers().Arm(beat_timer_, loop_.now() + Heartbeats::kInterval);
  CountLoad(true);
  LogInfo("ready");
  if (options_.greeting) fputs(options_.greeting(addresses_).c_str(), stdout);
  fflush(stdout);
  inheritance_.TellReady();
  loop_.Run();
  return exit_code_;
}

void Server::OnSignal(int signal) {
  switch (signal) {
    case SIGHUP:
      if (!options_.config_path.empty()) return Reload();
      // There is nothing to reload: the terminal is gone, and we with it.
      if (!IsIgnored(SIGHUP)) return OnEndSignal(signal);
      return;
    case SIGUSR1: return ReopenLogs();
    case SIGUSR2: return BeginUpgrade();
    case SIGTERM:
    case SIGINT:
    case SIGQUIT: return OnEndSignal(signal);
    default: return;
  }
}

void Server::OnEndSignal(int signal) {
  if (phase_ == Phase::kServing) return BeginDrain(signal);
  LogInfo(absl::StrCat(SignalName(signal), ": stopping at once"));
  // The one that accepts in our place has had the signal as well, if the whole service is to end.
  if (phase_ == Phase::kHandedOver) return StopAccepting();
  Finish(kExitDrainDeadline);
}

void Server::ReopenLogs() {
  const absl::Status status = log_writer_ != nullptr ? log_writer_->Reopen() : absl::OkStatus();
  if (status.ok()) return LogInfo("logs reopened");
  LogError(absl::StrCat("logs not reopened, the old file stays: ", status.message()));
}

void Server::BeginUpgrade() {
  if (absl::Status status = StartUpgrade(); !status.ok()) {
    LogError(absl::StrCat("upgrade refused: ", status.message()));
    return;
  }
  LogInfo(absl::StrCat("upgrade: started process ", upgrade_->pid()));
}

absl::Status Server::StartUpgrade() {
  if (options_.command.empty()) return absl::FailedPreconditionError("there is no command");
  if (phase_ != Phase::kServing) return absl::FailedPreconditionError("the gateway is draining");
  if (upgrade_ != nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("process ", upgrade_->pid(), " is about to take over already"));
  }
  if (getpid() == 1) {
    return absl::FailedPreconditionError(
        "this is process 1 of its container, whose end is the end of all others in it");
  }
  Legacy legacy{.status = status_ != nullptr ? status_->fd() : -1};
  for (const auto& [key, copies] : copies_) {
    for (const pool::FileDescriptor& copy : copies) legacy.listeners[key].push_back(copy.get());
  }
  auto upgrade = std::make_unique<Upgrade>(
      &loop_, Upgrade::Callbacks{.on_ready = [this] { HandOver(); },
                                 .on_failed =
                                     [this](const std::string& reason) {
                                       LogError(absl::StrCat("upgrade failed, going on: ", reason));
                                       loop_.DestroyLater(std::move(upgrade_));
                                     }});
  if (absl::Status status = upgrade->Start(options_.command, legacy); !status.ok()) return status;
  upgrade_ = std::move(upgrade);
  return absl::OkStatus();
}

// Nobody needs the readiness delay: the address goes on accepting. It is the time in which what is
// idle may be used once more, to be told to close; a client whose request crosses with our close
// would lose it.
void Server::HandOver() {
  LogInfo("upgrade: the new process serves; draining");
  loop_.DestroyLater(std::move(upgrade_));
  phase_ = Phase::kHandedOver;
  status_.reset();
  copies_.clear();
  leaving_.clear();
  MailAll([](Worker& worker) { worker.CloseListeners(); });
  const pool::Duration grace =
      std::max<pool::Duration>(kHandOverGrace, snapshot_->config().drain.delay);
  loop_.timers().Arm(drain_timer_, loop_.now() + grace);
}

void Server::Reload() {
  const absl::Status status = TryReload();
  const bool ok = status.ok();
  if (ok) {
    LogInfo("reloaded " + options_.config_path);
  } else {
    LogError(absl::StrCat("reload failed, the old configuration stays: ", status.message()));
  }
  shard_->CounterFor(Metric::kConfigReloadsTotal, {ok ? "success" : "failure"}).Add();
  CountLoad(ok);
}

void Server::CountLoad(bool ok) {
  shard_->GaugeFor(Metric::kConfigLastReloadSuccessful, {}).Set(ok ? 1 : 0);
  if (!ok) return;
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(loop_.wall_now().time_since_epoch());
  shard_->GaugeFor(Metric::kConfigLastReloadTimestampSeconds, {}).Set(seconds.count());
}

absl::Status Server::TryReload() {
  if (options_.config_path.empty()) {
    return absl::FailedPreconditionError("there is no configuration file");
  }
  if (phase_ != Phase::kServing) return absl::FailedPreconditionError("the gateway is draining");
  config::LoadResult loaded = config::LoadConfigFile(options_.config_path);
  if (!loaded.config.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\n", config::FormatDiagnostics(loaded.diagnostics)));
  }
  config::Config& config = *loaded.config;
  const config::Config& present = snapshot_->config();
  if (config.workers != started_with_) LogWarning("workers: changes at the next start only");
  WorkerShares shares;
  if (absl::Status status = PlanShares(config, &shares); !status.ok()) return status;
  absl::StatusOr<std::map<std::string, BoundListener>> bound = BindNew(config);
  if (!bound.ok()) return bound.status();
  const auto text = [](const std::optional<config::Bind>& bind) {
    return bind.has_value() ? bind->text : std::string();
  };
  const bool status_moves = text(config.status) != text(present.status);
  absl::StatusOr<pool::FileDescriptor> status_socket;
  if (status_moves) status_socket = BindStatus(config);
  if (status_moves && !status_socket.ok()) return status_socket.status();
  // The last that may fail, so that a failure changes nothing.
  if (absl::Status status = OpenAccessLog(config); !status.ok()) return status;
  if (status_moves) ServeStatus(std::move(*status_socket));
  Publish(std::make_shared<const route::Snapshot>(std::move(config)), shares, std::move(*bound));
  return absl::OkStatus();
}

// First only readiness changes and clients are asked to leave, while whoever balances load in front
// of us notices; then the listeners close and what is idle goes.
void Server::BeginDrain(int signal) {
  const config::Drain& drain = snapshot_->config().drain;
  // Nobody balances load in front of what was started in a terminal and is ended there.
  const bool in_terminal = options_.config_path.empty() && signal != SIGTERM;
  const pool::Duration delay = in_terminal ? pool::Duration::zero() : drain.delay;
  LogInfo(absl::StrCat(SignalName(signal), ": ", DescribeDrain(delay, drain.timeout)));
  upgrade_.reset();
  phase_ = Phase::kDrainDelay;
  MailAll([](Worker& worker) { worker.BeginDrain(); });
  loop_.timers().Arm(drain_timer_, loop_.now() + delay);
}

void Server::OnDrainTimer(pool::TimePoint) {
  if (phase_ == Phase::kDrainDelay || phase_ == Phase::kHandedOver) return StopAccepting();
  if (phase_ == Phase::kDraining) return CutAll();
  LogWarning("the drain's deadline has come, and a worker does not answer");
  Finish(kExitDrainDeadline);
}

// Whether the deadline was missed is the workers' to say: what is idle, or still on its way in, is
// no loss, and with a short timeout they may not even have heard of the drain.
void Server::CutAll() {
  phase_ = Phase::kCutting;
  MailAll([](Worker& worker) { worker.CutAll(); });
  loop_.timers().Arm(drain_timer_, loop_.now() + kCutPatience);
}

void Server::StopAccepting() {
  phase_ = Phase::kDraining;
  copies_.clear();
  leaving_.clear();
  MailAll([](Worker& worker) { worker.StopAccepting(); });
  loop_.timers().Arm(drain_timer_, loop_.now() + snapshot_->config().drain.timeout);
}

void Server::OnWorkerEmpty(size_t exchanges_cut) {
  exchanges_cut_ += exchanges_cut;
  if (++empty_workers_ < workers_.size() || phase_ == Phase::kStopped) return;
  if (exchanges_cut_ == 0) {
    LogInfo("drained: nothing was cut off");
    return Finish(kExitOk);
  }
  LogWarning(absl::StrCat("the drain's deadline has come: ", exchanges_cut_,
                          exchanges_cut_ == 1 ? " exchange was" : " exchanges were", " cut off"));
  Finish(kExitDrainDeadline);
}

void Server::Finish(int exit_code) {
  // What else comes in the loop's last turn, such as the deadline, changes nothing.
  if (phase_ == Phase::kStopped) return;
  loop_.timers().Cancel(drain_timer_);
  phase_ = Phase::kStopped;
  exit_code_ = exit_code;
  loop_.Stop();
}

void Server::OnBeat(pool::TimePoint now) {
  shard_->Retire(now.time_since_epoch(), options_.series_grace);
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (!heartbeats_->BeginPing(i, now)) continue;
    workers_[i]->mailbox().Post([this, i, worker = workers_[i].get()] {
      worker->PublishStats();
      // What no scrape may be reading any more is destroyed here, with the letter.
      mailbox_.Post([this, i, retired = worker->RetireSeries(options_.series_grace)] {
        heartbeats_->OnPong(i, loop_.now());
      });
    });
  }
  loop_.timers().Arm(beat_timer_, now + Heartbeats::kInterval);
}

StatusReply Server::AnswerStatus(std::string_view path) {
  if (path == "/metrics") {
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = metrics::ToPrometheusText(registry_)};
  }
  if (path != "/healthz" && path != "/readyz") {
    return {.status = 404, .body = "the status port has /healthz, /readyz and /metrics\n"};
  }
  const std::string trouble = heartbeats_->Trouble(loop_.now());
  if (!trouble.empty()) return {.status = 503, .body = trouble};
  if (path == "/readyz" && phase_ != Phase::kServing) {
    return {.status = 503, .body = "draining\n"};
  }
  return {.body = "ok\n"};
}

}  // namespace holdfast::server
