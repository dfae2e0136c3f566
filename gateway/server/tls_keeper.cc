#include "gateway/server/tls_keeper.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>

#include <absl/strings/str_cat.h>

#include "gateway/server/op_log.h"
#include "pool/tls/certificate_facts.h"

namespace holdfast::server {

TlsKeeper::TlsKeeper(MainContext* main, Callbacks callbacks)
    : main_(main),
      tickets_(&main->loop, std::move(callbacks.on_tickets_rotated)),
      files_(&main->loop, std::move(callbacks.on_files_changed)),
      on_day_passed_(std::move(callbacks.on_day_passed)) {}

TlsKeeper::~TlsKeeper() { main_->loop.timers().Cancel(day_); }

absl::StatusOr<tls::TlsPlan> TlsKeeper::Load(config::Config* config) {
  return tls::LoadTls(config, &stand_ins_, main_->loop.clock().WallNow());
}

void TlsKeeper::Adopt(const config::Config& config, const tls::TlsPlan& plan) {
  NoteExpiries(config, plan);
  AdoptTickets(config, plan);
  WatchFiles(config);
  const auto plain = [](const auto& material) { return material == nullptr; };
  if (std::ranges::all_of(plan.listeners, plain) && std::ranges::all_of(plan.upstreams, plain)) {
    main_->loop.timers().Cancel(day_);
  } else {
    main_->loop.timers().Arm(day_, main_->loop.now() + kDay);
  }
}

void TlsKeeper::Stop() {
  files_.Watch({});
  main_->loop.timers().Cancel(day_);
}

void TlsKeeper::NoteExpiries(const config::Config& config, const tls::TlsPlan& plan) {
  expiries_.clear();
  for (size_t i = 0; i < plan.listeners.size(); ++i) {
    if (plan.listeners[i] == nullptr) continue;
    for (const pool::CertificateFacts& facts : plan.listeners[i]->certificates()) {
      if (facts.file == tls::TemporaryCertificates::kFile) continue;
      const Expiry expiry{config.listeners[i].name, facts.file, facts.chain_not_after};
      if (std::ranges::find(expiries_, expiry) == expiries_.end()) expiries_.push_back(expiry);
    }
  }
}

void TlsKeeper::AdoptTickets(const config::Config& config, const tls::TlsPlan& plan) {
  std::map<std::string, pool::TlsTickets> listeners;
  for (size_t i = 0; i < plan.listeners.size(); ++i) {
    if (plan.listeners[i] == nullptr) continue;
    const auto& tickets = plan.listeners[i]->settings().tickets;
    if (tickets.has_value()) listeners[config.listeners[i].name] = *tickets;
  }
  tickets_.Adopt(listeners);
}

void TlsKeeper::WatchFiles(const config::Config& config) {
  if (files_.Watch(tls::FilesOf(config))) return;
  LogWarning(
      absl::StrCat("not all TLS files are watched, a reload reads them: ", std::strerror(errno)));
}

void TlsKeeper::LogWarnings(const config::Config& config, const tls::TlsPlan& plan) const {
  for (const std::string& awaited : plan.awaited) LogWarning(awaited);
  for (const std::string& warning : tls::TlsWarnings(config, plan, main_->loop.clock().WallNow())) {
    LogWarning(warning);
  }
}

void TlsKeeper::OnDay(pool::TimePoint now) {
  main_->loop.timers().Arm(day_, now + kDay);
  on_day_passed_();
}

void TlsKeeper::AddTo(metrics::Sums& sums) const {
  for (const Expiry& expiry : expiries_) {
    const auto since_1970 =
        std::chrono::duration_cast<std::chrono::seconds>(expiry.at.time_since_epoch());
    sums.Add<metrics::Gauge>(metrics::Metric::kTlsCertificateExpiryTimestampSeconds,
                             {expiry.listener, expiry.file}, since_1970.count());
  }
}

}  // namespace holdfast::server
