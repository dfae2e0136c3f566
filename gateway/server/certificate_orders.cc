#include "gateway/server/certificate_orders.h"

#include <algorithm>
#include <string>
#include <utility>

#include "gateway/acme/https_client.h"
#include "gateway/server/op_log.h"
#include "pool/dns/cares_resolver.h"

namespace holdfast::server {
namespace {

void Log(acme::Keeper::Gravity gravity, const std::string& line) {
  switch (gravity) {
    case acme::Keeper::Gravity::kInfo: return LogInfo(line);
    case acme::Keeper::Gravity::kWarning: return LogWarning(line);
    case acme::Keeper::Gravity::kError: return LogError(line);
  }
}

bool Asks(const config::Listener& listener) {
  return listener.tls.has_value() && listener.tls->acme.has_value();
}

}  // namespace

CertificateOrders::CertificateOrders(MainContext* main, Callbacks callbacks)
    : main_(main), callbacks_(std::move(callbacks)) {}

void CertificateOrders::Adopt(const config::Config& config) {
  if (stopped_) return;
  if (!keeper_.has_value()) {
    if (std::ranges::none_of(config.listeners, Asks)) return;
    const auto connect = [main = main_](const config::Dns& dns, pool::TlsFile authorities) {
      auto resolver = std::make_unique<pool::CaresResolver>(
          &main->loop, pool::CaresOptions{.servers = dns.servers,
                                          .timeout = dns.timeout,
                                          .attempts = static_cast<int>(dns.attempts),
                                          .on_trouble = nullptr});
      return std::make_unique<acme::HttpsClient>(&main->loop, &main->slabs, std::move(resolver),
                                                 std::move(authorities));
    };
    keeper_.emplace(&main_->loop, main_->shard,
                    acme::Keeper::Callbacks{.connect = connect,
                                            .publish = callbacks_.publish,
                                            .refresh = callbacks_.refresh,
                                            .log = Log});
  }
  keeper_->Adopt(config);
}

void CertificateOrders::LookAtFiles() {
  if (keeper_.has_value()) keeper_->LookAtFiles();
}

void CertificateOrders::Stop() {
  stopped_ = true;
  if (keeper_.has_value()) keeper_->Stop();
}

void CertificateOrders::AddTo(metrics::Sums& sums) const {
  if (keeper_.has_value()) keeper_->AddTo(sums);
}

}  // namespace holdfast::server
