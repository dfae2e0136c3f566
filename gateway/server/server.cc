#include "gateway/server/server.h"

#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include <absl/strings/str_cat.h>

#include "gateway/config/load.h"
#include "gateway/server/cpu_share.h"
#include "gateway/server/op_log.h"
#include "metrics/build_info.h"
#include "metrics/process_stats.h"
#include "metrics/prometheus_export.h"
#include "pool/net/check.h"

namespace holdfast::server {

using metrics::Metric;

Server::Server(const pool::Clock* clock, ServerOptions options)
    : clock_(clock),
      options_(std::move(options)),
      loop_(clock),
      mailbox_(&loop_),
      shard_(registry_.AddShard()) {
  registry_.AddCollector(metrics::ProcessCollector());
  registry_.AddCollector(metrics::BuildInfoCollector(options_.version, ""));
}

Server::~Server() {
  MailAll([](Worker& worker) { worker.Stop(); });
  for (auto& worker : workers_) worker->Join();
  // The workers' last lines are on their way to the writer, which tells the workers once it has
  // written them.
  log_writer_.reset();
  workers_.clear();
  status_.reset();
  discovery_.reset();
  resolver_.reset();
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
  absl::StatusOr<std::map<std::string, BoundListener>> bound = BindNew(config);
  if (!bound.ok()) return bound.status();
  if (absl::Status status = BindStatus(config); !status.ok()) return status;
  if (config.access_log.has_value()) {
    log_writer_ = std::make_unique<LogWriter>(clock_);
    if (absl::Status status = log_writer_->Open(*config.access_log); !status.ok()) return status;
  }
  CreateWorkers(worker_count_);
  StartDiscovery(config);
  for (const auto& [key, listener] : *bound) {
    fprintf(stderr, "listening name=%s address=%s\n", listener.name.c_str(),
            listener.address.ToString().c_str());
  }
  Publish(std::make_shared<const route::Snapshot>(std::move(config)), shares, std::move(*bound));
  for (auto& worker : workers_) worker->Start();
  return absl::OkStatus();
}

absl::Status Server::PlanShares(const config::Config& config, WorkerShares* shares) {
  absl::StatusOr<DescriptorBudget> budget =
      PlanDescriptors(config, worker_count_, descriptor_limit_);
  if (!budget.ok()) return budget.status();
  for (const config::Upstream& upstream : config.upstreams) {
    if (upstream.max_connections.has_value() && *upstream.max_connections < worker_count_) {
      return absl::FailedPreconditionError(
          absl::StrCat("upstream ", upstream.name, ": max_connections ", *upstream.max_connections,
                       " is less than one for each of the ", worker_count_,
                       " workers: raise it, or set `workers`"));
    }
  }
  LogInfo(budget->ToString());
  shares->workers = worker_count_;
  shares->idle_upstreams = std::max<size_t>(1, budget->idle_upstreams / worker_count_);
  shares->clients = std::max<size_t>(1, budget->clients / worker_count_);
  return absl::OkStatus();
}

absl::Status Server::BindStatus(const config::Config& config) {
  if (!config.status.has_value()) {
    status_.reset();
    return absl::OkStatus();
  }
  absl::StatusOr<pool::FileDescriptor> socket =
      pool::Listen(config.status->address, /*reuse_port=*/false);
  if (!socket.ok()) {
    return absl::Status(socket.status().code(),
                        absl::StrCat("status: ", socket.status().message()));
  }
  absl::StatusOr<pool::SocketAddress> address = pool::LocalAddress(socket->get());
  if (!address.ok()) return address.status();
  fprintf(stderr, "listening name=status address=%s\n", address->ToString().c_str());
  status_ =
      std::make_unique<StatusServer>(&loop_, &slabs_, std::move(*socket),
                                     [this](std::string_view path) { return AnswerStatus(path); });
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, BoundListener>> Server::BindNew(
    const config::Config& config) const {
  std::map<std::string, BoundListener> bound;
  for (const config::Listener& listener : config.listeners) {
    const std::string key = ListenerKey(listener);
    const auto same = [&](const config::Listener& other) { return ListenerKey(other) == key; };
    if (snapshot_ != nullptr && std::ranges::any_of(snapshot_->config().listeners, same)) continue;
    absl::StatusOr<BoundListener> sockets = BindListener(listener, worker_count_);
    if (!sockets.ok()) return sockets.status();
    bound[key] = std::move(*sockets);
  }
  return bound;
}

void Server::CreateWorkers(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    Worker::Callbacks callbacks;
    callbacks.on_empty = [this] { mailbox_.Post([this] { OnWorkerEmpty(); }); };
    callbacks.submit_log = [this, i](std::string batch) {
      Worker* worker = workers_[i].get();
      log_writer_->Write(std::move(batch), [worker] {
        worker->mailbox().Post([worker] { worker->OnLogBatchWritten(); });
      });
    };
    workers_.push_back(std::make_unique<Worker>(static_cast<int>(i), clock_, registry_.AddShard(),
                                                std::move(callbacks)));
  }
  shard_->GaugeFor(Metric::kWorkers, {}).Set(static_cast<int64_t>(count));
  heartbeats_.emplace(count, loop_.now());
}

std::vector<pool::UpstreamNames> Server::NamesOf(const config::Config& config) {
  std::vector<pool::UpstreamNames> all;
  for (const config::Upstream& upstream : config.upstreams) {
    pool::UpstreamNames names{.upstream = upstream.name};
    for (const config::Endpoint& endpoint : upstream.endpoints) {
      if (endpoint.literal.has_value()) {
        names.literals.push_back(*endpoint.literal);
      } else {
        names.names.push_back({endpoint.host, endpoint.port});
      }
    }
    all.push_back(std::move(names));
  }
  return all;
}

void Server::StartDiscovery(const config::Config& config) {
  resolver_ = std::make_unique<pool::CaresResolver>(
      &loop_, pool::CaresOptions{.servers = config.dns.servers,
                                 .timeout = config.dns.timeout,
                                 .attempts = static_cast<int>(config.dns.attempts)});
  discovery_ = std::make_unique<pool::Discovery>(
      &loop_, resolver_.get(),
      pool::DiscoveryOptions{.min_ttl = config.dns.min_ttl, .max_ttl = config.dns.max_ttl}, shard_,
      [this](const std::string& upstream, const pool::DiscoveredEndpoints& endpoints) {
        MailAll(
            [upstream, endpoints](Worker& worker) { worker.SetEndpoints(upstream, endpoints); });
      });
}

void Server::Publish(std::shared_ptr<const route::Snapshot> snapshot, const WorkerShares& shares,
                     std::map<std::string, BoundListener> bound) {
  discovery_->SetUpstreams(NamesOf(snapshot->config()));
  for (size_t i = 0; i < workers_.size(); ++i) {
    WorkerUpdate update{.snapshot = snapshot, .shares = shares};
    for (const config::Upstream& upstream : snapshot->config().upstreams) {
      update.endpoints[upstream.name] = discovery_->Current(upstream.name);
    }
    for (auto& [key, listener] : bound) {
      update.sockets[key] = std::move(listener.sockets[i]);
    }
    workers_[i]->mailbox().Post([worker = workers_[i].get(), update = std::move(update)]() mutable {
      worker->Adopt(std::move(update));
    });
  }
  snapshot_ = std::move(snapshot);
}

int Server::Run() {
  signals_.emplace(&loop_, [this](int signal) { OnSignal(signal); });
  loop_.timers().Arm(beat_timer_, loop_.now() + Heartbeats::kInterval);
  shard_->GaugeFor(Metric::kConfigLastReloadSuccessful, {}).Set(1);
  fputs("ready\n", stderr);
  if (!options_.greeting.empty()) fputs(options_.greeting.c_str(), stdout);
  fflush(stdout);
  loop_.Run();
  return exit_code_;
}

void Server::OnSignal(int signal) {
  switch (signal) {
    case SIGHUP: return Reload();
    case SIGUSR1:
      if (log_writer_ != nullptr) log_writer_->Reopen();
      LogInfo("logs reopened");
      return;
    case SIGTERM:
    case SIGINT:
    case SIGQUIT:
      LogInfo(absl::StrCat("SIG", sigabbrev_np(signal), ": ",
                           phase_ == Phase::kServing ? "draining" : "stopping at once"));
      if (phase_ == Phase::kServing) return BeginDrain();
      return Finish(kExitDrainDeadline);
    default: return;
  }
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
  shard_->GaugeFor(Metric::kConfigLastReloadSuccessful, {}).Set(ok ? 1 : 0);
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
  if (config.workers != present.workers) LogWarning("workers: changes at the next start only");
  WorkerShares shares;
  if (absl::Status status = PlanShares(config, &shares); !status.ok()) return status;
  absl::StatusOr<std::map<std::string, BoundListener>> bound = BindNew(config);
  if (!bound.ok()) return bound.status();
  if (config.access_log.has_value()) {
    if (log_writer_ == nullptr) log_writer_ = std::make_unique<LogWriter>(clock_);
    if (absl::Status status = log_writer_->Open(*config.access_log); !status.ok()) return status;
  }
  const auto text = [](const std::optional<config::Bind>& bind) {
    return bind.has_value() ? bind->text : std::string();
  };
  if (text(config.status) != text(present.status)) {
    if (absl::Status status = BindStatus(config); !status.ok()) return status;
  }
  for (const auto& [key, listener] : *bound) {
    fprintf(stderr, "listening name=%s address=%s\n", listener.name.c_str(),
            listener.address.ToString().c_str());
  }
  Publish(std::make_shared<const route::Snapshot>(std::move(config)), shares, std::move(*bound));
  return absl::OkStatus();
}

// First only readiness changes and clients are asked to leave, while whoever balances load in front
// of us notices; then the listeners close and what is idle goes.
void Server::BeginDrain() {
  phase_ = Phase::kDrainDelay;
  MailAll([](Worker& worker) { worker.BeginDrain(); });
  loop_.timers().Arm(drain_timer_, loop_.now() + snapshot_->config().drain.delay);
}

void Server::OnDrainTimer(pool::TimePoint) {
  if (phase_ == Phase::kDrainDelay) return StopAccepting();
  LogWarning("the drain's deadline has come: cutting off what is left");
  Finish(kExitDrainDeadline);
}

void Server::StopAccepting() {
  phase_ = Phase::kDraining;
  MailAll([](Worker& worker) { worker.StopAccepting(); });
  loop_.timers().Arm(drain_timer_, loop_.now() + snapshot_->config().drain.timeout);
}

void Server::OnWorkerEmpty() {
  if (phase_ != Phase::kDraining) return;
  if (++empty_workers_ == workers_.size()) Finish(kExitOk);
}

void Server::Finish(int exit_code) {
  phase_ = Phase::kStopped;
  exit_code_ = exit_code;
  loop_.Stop();
}

void Server::OnBeat(pool::TimePoint now) {
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (!heartbeats_->BeginPing(i, now)) continue;
    workers_[i]->mailbox().Post([this, i, worker = workers_[i].get()] {
      worker->PublishStats();
      mailbox_.Post([this, i] { heartbeats_->OnPong(i, loop_.now()); });
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
