#include "gateway/server/configurator.h"

#include <signal.h>

#include <algorithm>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "gateway/config/load.h"
#include "gateway/server/cpu_share.h"
#include "gateway/server/descriptor_budget.h"
#include "gateway/server/op_log.h"
#include "gateway/server/signals.h"

namespace holdfast::server {

using metrics::Metric;

Configurator::Configurator(const Parts& parts, StatusServer::Handler status_pages)
    : parts_(parts),
      publisher_(
          parts.main, parts.workers,
          [upstreams = parts.upstreams](const std::string& name) {
            return upstreams->Current(name);
          },
          [listeners = parts.listeners](uint64_t publication) {
            listeners->OnAdopted(publication);
          }),
      status_pages_(std::move(status_pages)) {}

absl::Status Configurator::Start(config::Config config) {
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
  if (absl::Status status = PlanShares(config); !status.ok()) return status;
  absl::StatusOr<tls::TlsPlan> tls = LoadTls(&config);
  if (!tls.ok()) return tls.status();
  absl::StatusOr<pool::FileDescriptor> status_socket = parts_.listeners->BindStatus(config);
  if (!status_socket.ok()) return status_socket.status();
  if (absl::Status status = OpenLog(config); !status.ok()) return status;
  parts_.workers->Create(worker_count_);
  if (parts_.listeners->inherits()) AwaitNames(config, *tls);
  // Last, since clients are led to a socket from the moment on at which it shares an inherited
  // port.
  absl::StatusOr<BoundListeners> bound = parts_.listeners->BindNew(config, worker_count_);
  if (!bound.ok()) return bound.status();
  parts_.listeners->DropInheritance();
  ServeStatus(std::move(*status_socket));
  Publish(std::move(config), *std::move(tls), std::move(*bound));
  parts_.workers->Start();
  CountLoad(true);
  return absl::OkStatus();
}

absl::Status Configurator::PlanShares(const config::Config& config) {
  absl::StatusOr<DescriptorBudget> budget =
      PlanDescriptors(config, worker_count_, descriptor_limit_);
  if (!budget.ok()) return budget.status();
  LogInfo(budget->ToString());
  for (const std::string& cut : budget->cuts) LogWarning(cut);
  shares_ = {.upstreams = std::max<size_t>(1, budget->upstreams),
             .idle_upstreams = std::max<size_t>(1, budget->idle_upstreams),
             .clients = std::max<size_t>(1, budget->clients)};
  status_clients_ = budget->status_clients;
  return absl::OkStatus();
}

absl::Status Configurator::OpenLog(const config::Config& config) {
  if (!config.access_log.has_value()) return absl::OkStatus();
  return parts_.workers->OpenLog(*config.access_log);
}

void Configurator::ServeStatus(pool::FileDescriptor socket) {
  status_.reset();
  if (!socket.valid()) return;
  parts_.listeners->Announce("status", *pool::LocalAddress(socket.get()));
  status_ = std::make_unique<StatusServer>(&parts_.main->loop, &parts_.main->slabs,
                                           std::move(socket), status_pages_, status_clients_);
}

// Until there is an address a request would be answered 503, while the process before this one can
// still answer it properly.
void Configurator::AwaitNames(const config::Config& config, const tls::TlsPlan& tls) {
  pool::EventLoop& loop = parts_.main->loop;
  parts_.upstreams->Adopt(config, tls);
  std::vector<int> raised;
  {
    const Signals signals(&loop, [&raised](int signal) { raised.push_back(signal); });
    const pool::TimePoint give_up_at = loop.now() + kNamesPatience;
    while (raised.empty() && loop.now() < give_up_at && !parts_.upstreams->AllNamed()) {
      loop.RunOnce(give_up_at - loop.now());
    }
  }
  // They end the patience, and are obeyed once the process serves.
  for (const int signal : raised) raise(signal);
}

absl::StatusOr<tls::TlsPlan> Configurator::LoadTls(config::Config* config) {
  absl::StatusOr<tls::TlsPlan> plan = tls::LoadTls(config);
  if (!plan.ok()) return plan.status();
  for (const std::string& warning :
       tls::TlsWarnings(*config, *plan, parts_.main->loop.clock().WallNow())) {
    LogWarning(warning);
  }
  return plan;
}

std::shared_ptr<const pool::TicketKeys> Configurator::TicketKeysFor(const tls::TlsPlan& plan) {
  const auto plain = [](const auto& material) { return material == nullptr; };
  if (std::ranges::all_of(plan.listeners, plain)) return nullptr;
  if (!tickets_.has_value()) {
    tickets_.emplace(&parts_.main->loop, [this](std::shared_ptr<const pool::TicketKeys> keys) {
      publisher_.PublishTicketKeys(std::move(keys));
    });
  }
  return tickets_->current();
}

void Configurator::NoteCertificates(const config::Config& config, const tls::TlsPlan& plan) {
  expiries_.clear();
  for (size_t i = 0; i < plan.listeners.size(); ++i) {
    if (plan.listeners[i] == nullptr) continue;
    for (const pool::CertificateFacts& facts : plan.listeners[i]->certificates()) {
      const Expiry expiry{config.listeners[i].name, facts.file, facts.chain_not_after};
      if (std::ranges::find(expiries_, expiry) == expiries_.end()) expiries_.push_back(expiry);
    }
  }
}

void Configurator::AddTo(metrics::Sums& sums) const {
  for (const Expiry& expiry : expiries_) {
    const auto since_1970 =
        std::chrono::duration_cast<std::chrono::seconds>(expiry.at.time_since_epoch());
    sums.Add<metrics::Gauge>(Metric::kTlsCertificateExpiryTimestampSeconds,
                             {expiry.listener, expiry.file}, since_1970.count());
  }
}

void Configurator::Publish(config::Config config, tls::TlsPlan tls, BoundListeners bound) {
  parts_.upstreams->Adopt(config, tls);
  NoteCertificates(config, tls);
  parts_.listeners->Adopt(config, &bound, publisher_.next());
  const std::shared_ptr<const pool::TicketKeys> ticket_keys = TicketKeysFor(tls);
  publisher_.Publish(std::make_shared<const route::Snapshot>(std::move(config), std::move(tls)),
                     shares_, ticket_keys, std::move(bound));
}

void Configurator::Reload(const std::string& path) {
  const absl::Status status = TryReload(path);
  if (!status.ok()) return RefuseReload(status);
  LogInfo("reloaded " + path);
  CountLoad(true);
  parts_.main->shard->CounterFor(Metric::kConfigReloadsTotal, {"success"}).Add();
}

void Configurator::RefuseReload(const absl::Status& why) {
  LogError(absl::StrCat("reload failed, the old configuration stays: ", why.message()));
  CountLoad(false);
  parts_.main->shard->CounterFor(Metric::kConfigReloadsTotal, {"failure"}).Add();
}

absl::Status Configurator::TryReload(const std::string& path) {
  config::LoadResult loaded = config::LoadConfigFile(path);
  if (!loaded.config.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\n", config::FormatDiagnostics(loaded.diagnostics)));
  }
  config::Config& next = *loaded.config;
  if (next.workers != started_with_) LogWarning("workers: changes at the next start only");
  absl::StatusOr<tls::TlsPlan> tls = LoadTls(&next);
  if (!tls.ok()) return tls.status();
  if (absl::Status status = PlanShares(next); !status.ok()) return status;
  absl::StatusOr<BoundListeners> bound = parts_.listeners->BindNew(next, worker_count_);
  if (!bound.ok()) return bound.status();
  const auto text = [](const std::optional<config::Bind>& bind) {
    return bind.has_value() ? bind->text : std::string();
  };
  const bool status_moves = text(next.status) != text(config().status);
  absl::StatusOr<pool::FileDescriptor> status_socket;
  if (status_moves) status_socket = parts_.listeners->BindStatus(next);
  if (status_moves && !status_socket.ok()) return status_socket.status();
  // The last that may fail, so that a failure changes nothing.
  if (absl::Status status = OpenLog(next); !status.ok()) return status;
  if (status_moves) ServeStatus(std::move(*status_socket));
  Publish(std::move(next), *std::move(tls), std::move(*bound));
  return absl::OkStatus();
}

void Configurator::CountLoad(bool ok) {
  metrics::Shard& shard = *parts_.main->shard;
  shard.GaugeFor(Metric::kConfigLastReloadSuccessful, {}).Set(ok ? 1 : 0);
  if (!ok) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
      parts_.main->loop.wall_now().time_since_epoch());
  shard.GaugeFor(Metric::kConfigLastReloadTimestampSeconds, {}).Set(seconds.count());
}

}  // namespace holdfast::server
