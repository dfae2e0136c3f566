#ifndef HOLDFAST_GATEWAY_SERVER_CERTIFICATE_ORDERS_H_
#define HOLDFAST_GATEWAY_SERVER_CERTIFICATE_ORDERS_H_

#include <functional>
#include <memory>
#include <optional>

#include "gateway/acme/challenges.h"
#include "gateway/acme/keeper.h"
#include "gateway/config/config.h"
#include "gateway/server/main_context.h"
#include "metrics/sums.h"

namespace holdfast::server {

// The main thread's work for certificates that come by ACME, with the means of this process: its
// loop, its resolver, its log. Nothing is there until a configuration asks for it.
//
// Main thread; owned by the server; `main` outlives it. Destruction calls nothing.
class CertificateOrders {
 public:
  struct Callbacks {
    // As acme::Keeper has them.
    std::function<void(std::shared_ptr<const acme::Challenges>, std::function<void()> known)>
        publish;
    std::function<void()> refresh;
  };

  CertificateOrders(MainContext* main, Callbacks callbacks);
  CertificateOrders(const CertificateOrders&) = delete;
  CertificateOrders& operator=(const CertificateOrders&) = delete;

  // Whenever a configuration has been taken into use.
  void Adopt(const config::Config& config);
  // A file may be another than it was.
  void LookAtFiles();
  // The process is on its way out, or another takes its place.
  void Stop();
  void AddTo(metrics::Sums& sums) const;

 private:
  MainContext* main_;
  Callbacks callbacks_;
  bool stopped_ = false;
  std::optional<acme::Keeper> keeper_;
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_CERTIFICATE_ORDERS_H_
