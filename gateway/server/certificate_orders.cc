#include "gateway/server/certificate_orders.h"

#include <algorithm>
#include <string>
#include <utility>

#include "gateway/server/fetching.h"
#include "gateway/server/op_log.h"

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
    keeper_.emplace(&main_->loop, main_->shard,
                    acme::Keeper::Callbacks{.connect = ConnectFrom(main_),
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
