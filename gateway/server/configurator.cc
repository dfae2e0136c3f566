#include "gateway/server/configurator.h"

#include <signal.h>

#include <algorithm>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "gateway/config/file_places.h"
#include "gateway/config/load.h"
#include "gateway/route/route_files.h"
#include "gateway/server/cpu_share.h"
#include "gateway/server/descriptor_budget.h"
#include "gateway/server/key_keeper.h"
#include "gateway/server/legacy_file.h"
#include "gateway/server/op_log.h"
#include "gateway/server/shared_limits.h"
#include "gateway/server/signals.h"

namespace holdfast::server {

using metrics::Metric;

namespace {

absl::Status LoadRouteFiles(config::Config* config) {
  std::vector<std::string> notes;
  absl::Status status = route::LoadRouteFiles(config, &notes);
  for (const std::string& note : notes) LogWarning(note);
  return status;
}

}  // namespace

Configurator::Configurator(const Parts& parts, StatusServer::Handler status_pages)
    : parts_(parts),
      publisher_(
          parts.main, parts.workers,
          [upstreams = parts.upstreams](const std::string& name) {
            return upstreams->Current(name);
          },
          [listeners = parts.listeners, workers = parts.workers](uint64_t publication) {
            listeners->OnAdopted(publication);
            workers->logs().OnAdopted(publication);
          }),
      tls_(parts.main,
           {.on_files_changed =
                [this] {
                  RefreshTls();
                  if (parts_.orders != nullptr) parts_.orders->LookAtFiles();
                },
            .on_tickets_rotated =
                [this](const tls::TicketKeySets& keys) { publisher_.PublishTicketKeys(keys); },
            .on_day_passed =
                [this] {
                  RefreshTls();
                  tls_.LogWarnings(config(), publisher_.tls());
                }}),
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
  absl::StatusOr<Shares> shares = PlanShares(config);
  if (!shares.ok()) return shares.status();
  shares_ = *shares;
  absl::StatusOr<tls::TlsPlan> tls = tls_.Load(&config);
  if (!tls.ok()) return tls.status();
  if (absl::Status status = LoadRouteFiles(&config); !status.ok()) return status;
  const absl::StatusOr<route::Limiters> limiters = MakeLimiters(config);
  if (!limiters.ok()) return limiters.status();
  tls_.LogWarnings(config, *tls);
  const std::string legacy = ReadLegacyFile(parts_.listeners->TakeTickets());
  tls_.Inherit(legacy);
  inherited_key_ = FindProcessKey(legacy);
  absl::StatusOr<pool::FileDescriptor> status_socket = parts_.listeners->BindStatus(config);
  if (!status_socket.ok()) return status_socket.status();
  if (absl::Status status = OpenLog(&config); !status.ok()) return status;
  if (absl::Status status = parts_.workers->Create(worker_count_); !status.ok()) return status;
  if (parts_.listeners->inherits()) AwaitNames(config, *tls);
  // Last, since clients are led to a socket from the moment on at which it shares an inherited
  // port.
  absl::StatusOr<BoundListeners> bound = parts_.listeners->BindNew(config, worker_count_);
  if (!bound.ok()) return bound.status();
  parts_.listeners->DropInheritance();
  ServeStatus(std::move(*status_socket));
  Publish(std::move(config), *std::move(tls), std::move(*bound), &*limiters);
  parts_.workers->Start();
  CountLoad(true);
  return absl::OkStatus();
}

absl::StatusOr<Configurator::Shares> Configurator::PlanShares(const config::Config& config) const {
  absl::StatusOr<DescriptorBudget> budget =
      PlanDescriptors(config, worker_count_, descriptor_limit_);
  if (!budget.ok()) return budget.status();
  LogInfo(budget->ToString());
  for (const std::string& cut : budget->cuts) LogWarning(cut);
  return Shares{.workers = {.upstreams = std::max<size_t>(1, budget->upstreams),
                            .idle_upstreams = std::max<size_t>(1, budget->idle_upstreams),
                            .clients = std::max<size_t>(1, budget->clients),
                            .spans = SpansOfAWorker(config)},
                .status_clients = budget->status_clients};
}

size_t Configurator::SpansOfAWorker(const config::Config& config) const {
  return config.tracing.has_value() ? std::max<size_t>(1, config.tracing->max_queue / worker_count_)
                                    : 1;
}

absl::Status Configurator::OpenLog(config::Config* config) {
  return parts_.workers->logs().Open(&config->access_log, publisher_.next());
}

void Configurator::ServeStatus(pool::FileDescriptor socket) {
  status_.reset();
  if (!socket.valid()) return;
  parts_.listeners->Announce("status", *pool::LocalAddress(socket.get()));
  status_ =
      std::make_unique<StatusServer>(&parts_.main->loop, &parts_.main->slabs, std::move(socket),
                                     status_pages_, shares_.status_clients);
}

// Until there is an address, or a key, a request would be answered 503, while the process before
// this one can still answer it properly.
void Configurator::AwaitNames(const config::Config& config, const tls::TlsPlan& tls) {
  pool::EventLoop& loop = parts_.main->loop;
  parts_.upstreams->Adopt(config, tls);
  if (parts_.keys != nullptr) parts_.keys->Adopt(config);
  const auto known = [this] {
    return parts_.upstreams->AllNamed() && (parts_.keys == nullptr || parts_.keys->AllKnown());
  };
  std::vector<int> raised;
  {
    const Signals signals(&loop, [&raised](int signal) { raised.push_back(signal); });
    const pool::TimePoint give_up_at = loop.now() + kNamesPatience;
    while (raised.empty() && loop.now() < give_up_at && !known()) {
      loop.RunOnce(give_up_at - loop.now());
    }
  }
  // They end the patience, and are obeyed once the process serves.
  for (const int signal : raised) raise(signal);
}

absl::StatusOr<route::Limiters> Configurator::MakeLimiters(const config::Config& config) const {
  const route::Snapshot* const before = publisher_.snapshot();
  return route::MakeLimiters(config,
                             before != nullptr ? before->routes().limiters() : route::Limiters());
}

void Configurator::Publish(config::Config config, tls::TlsPlan tls, BoundListeners bound,
                           const route::Limiters* limiters) {
  if (parts_.keys != nullptr) parts_.keys->Fill(&config);
  parts_.upstreams->Adopt(config, tls);
  parts_.workers->SendSpansAs(config);
  tls_.Adopt(config, tls);
  tls_trouble_.clear();
  parts_.listeners->Adopt(config, &bound, publisher_.next());
  publisher_.Publish(std::make_shared<const route::Snapshot>(
                         std::move(config), std::move(tls), publisher_.snapshot(),
                         inherited_key_.has_value() ? &*inherited_key_ : nullptr, limiters),
                     shares_.workers, tls_.ticket_keys(), std::move(bound));
  if (parts_.orders != nullptr) parts_.orders->Adopt(publisher_.config());
  if (parts_.shared_limits != nullptr) parts_.shared_limits->Adopt(*publisher_.snapshot());
  if (parts_.keys != nullptr) parts_.keys->Adopt(publisher_.config());
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
  absl::StatusOr<tls::TlsPlan> tls = tls_.Load(&next);
  const absl::Status files = tls.ok() ? LoadRouteFiles(&next) : tls.status();
  if (!files.ok()) {
    const std::string wrong(files.message());
    return absl::InvalidArgumentError(
        absl::StrCat("\n", config::FormatDiagnostics(config::PlaceComplaintsIn(path, wrong))));
  }
  tls_.LogWarnings(next, *tls);
  const absl::StatusOr<Shares> shares = PlanShares(next);
  if (!shares.ok()) return shares.status();
  const absl::StatusOr<route::Limiters> limiters = MakeLimiters(next);
  if (!limiters.ok()) return limiters.status();
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
  if (absl::Status status = OpenLog(&next); !status.ok()) return status;
  shares_ = *shares;
  if (status_moves) ServeStatus(std::move(*status_socket));
  Publish(std::move(next), *std::move(tls), std::move(*bound), &*limiters);
  return absl::OkStatus();
}

pool::FileDescriptor Configurator::FileForSuccessor() const {
  std::string text = tls_.ForSuccessor();
  const bool needs_key = std::ranges::any_of(config().upstreams, [](const auto& upstream) {
    return upstream.cookie.has_value() && upstream.cookie->key.empty();
  });
  if (needs_key) text += FormatProcessKey(publisher_.snapshot()->process_key());
  return MakeLegacyFile(text);
}

void Configurator::StopRefreshing() {
  refreshes_ = false;
  tls_.Stop();
  if (parts_.keys != nullptr) parts_.keys->Stop();
}

void Configurator::RefreshTls() {
  if (!refreshes_) return;
  const absl::StatusOr<bool> changed = TryRefreshTls();
  // The same trouble is told once.
  const std::string trouble(changed.status().message());
  const bool known = trouble == std::exchange(tls_trouble_, trouble);
  if (changed.ok() && !*changed) return;
  if (changed.ok()) {
    LogInfo("took changed TLS files into use");
  } else if (!known) {
    LogError(absl::StrCat("TLS files not taken into use, the old ones stay: ", trouble));
  }
  parts_.main->shard
      ->CounterFor(Metric::kTlsFileReloadsTotal, {changed.ok() ? "success" : "failure"})
      .Add();
}

absl::StatusOr<bool> Configurator::TryRefreshTls() {
  config::Config same = config();
  absl::StatusOr<tls::TlsPlan> tls = tls_.Load(&same);
  if (!tls.ok()) return tls.status();
  if (tls::SameTls(*tls, publisher_.tls())) return false;
  tls_.LogWarnings(same, *tls);
  Publish(std::move(same), *std::move(tls), {}, nullptr);
  return true;
}

void Configurator::RefreshKeys() {
  // They may come while a process that takes another's place has published nothing yet.
  if (!refreshes_ || publisher_.snapshot() == nullptr) return;
  std::string tls_trouble = tls_trouble_;  // which nothing here has mended
  config::Config same = config();
  tls::TlsPlan tls = publisher_.tls();
  Publish(std::move(same), std::move(tls), {}, nullptr);
  tls_trouble_ = std::move(tls_trouble);
}

void Configurator::CountLoad(bool ok) {
  metrics::Shard& shard = *parts_.main->shard;
  shard.GaugeFor(Metric::kConfigLastReloadSuccessful, {}).Set(ok ? 1 : 0);
  if (!ok) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
      parts_.main->loop.wall_now().time_since_epoch());
  shard.GaugeFor(Metric::kConfigLastReloadTimestampSeconds, {}).Set(seconds.count());
}

void Configurator::AddTo(metrics::Sums& sums) const {
  tls_.AddTo(sums);
  if (publisher_.snapshot() == nullptr) return;
  size_t bytes = 0;
  for (const route::Route& route : publisher_.snapshot()->routes().routes()) {
    if (route.limiter != nullptr) bytes += route.limiter->bytes();
  }
  sums.Add<metrics::Gauge>(metrics::Metric::kMemoryBytes, {"rate_limits"},
                           static_cast<int64_t>(bytes));
}

}  // namespace holdfast::server
