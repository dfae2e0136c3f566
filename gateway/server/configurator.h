#ifndef HOLDFAST_GATEWAY_SERVER_CONFIGURATOR_H_
#define HOLDFAST_GATEWAY_SERVER_CONFIGURATOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "gateway/config/config.h"
#include "gateway/server/certificate_orders.h"
#include "gateway/server/listener_set.h"
#include "gateway/server/main_context.h"
#include "gateway/server/publisher.h"
#include "gateway/server/status_server.h"
#include "gateway/server/tls_keeper.h"
#include "gateway/server/upstream_watch.h"
#include "gateway/server/worker_set.h"
#include "gateway/tls/tls_plan.h"
#include "metrics/sums.h"
#include "pool/net/clock.h"

namespace holdfast::server {

class KeyKeeper;
class SharedLimits;

// Takes a configuration into use, at the start and at a reload: first everything that may fail
// (descriptors, sockets, memory, the log), then what can't. A reload that fails changes nothing.
//
// Main thread; owned by the server. What is given to it outlives it. Owns the status port;
// destruction closes that.
class Configurator {
 public:
  struct Parts {
    MainContext* main;
    WorkerSet* workers;
    UpstreamWatch* upstreams;
    ListenerSet* listeners;
    CertificateOrders* orders = nullptr;    // null: nobody orders any
    KeyKeeper* keys = nullptr;              // null: nobody fetches any
    SharedLimits* shared_limits = nullptr;  // null: no rate limit is shared
  };

  Configurator(const Parts& parts, StatusServer::Handler status_pages);
  Configurator(const Configurator&) = delete;
  Configurator& operator=(const Configurator&) = delete;

  // Binds everything and starts the workers. On an error the process is to end.
  absl::Status Start(config::Config config);
  // Reads the file and takes it into use. Says in the log how that went, and counts it.
  void Reload(const std::string& path);
  // Reads again the files that the configuration in use names for TLS, and takes into use what has
  // changed in them. An error changes nothing: what was good stays. Says so in the log, and counts.
  void RefreshTls();
  // Takes the keys into use that have been fetched for tokens.
  void RefreshKeys();
  // As Reload, for a reload that may not be.
  void RefuseReload(const absl::Status& why);

  // An upstream's endpoints became others.
  void PublishEndpoints(const std::string& upstream, const pool::EndpointSet& endpoints) {
    publisher_.PublishEndpoints(upstream, endpoints);
  }

  // As TlsKeeper does it, and what the tables of the configuration in use reserve.
  void AddTo(metrics::Sums& sums) const;
  // What the process that takes our place needs to know (legacy_file.h); invalid: nothing.
  pool::FileDescriptor FileForSuccessor() const;
  // What is answered to authorities, as Publisher has it.
  void PublishChallenges(std::shared_ptr<const acme::Challenges> challenges,
                         std::function<void()> known) {
    publisher_.PublishChallenges(std::move(challenges), std::move(known));
  }
  // The listeners close: nothing is published any more.
  void StopRefreshing();
  // The process is on its way out: it orders no certificates any more.
  void StopOrders() {
    if (parts_.orders != nullptr) parts_.orders->Stop();
  }

  // The one in use, after Start.
  const config::Config& config() const { return publisher_.config(); }

  // The status port's listening socket; -1 when there is none.
  int status_fd() const { return status_ != nullptr ? status_->fd() : -1; }
  void CloseStatus() { status_.reset(); }

 private:
  // How long a process that takes another's place leaves the clients to that one while names are
  // looked up and keys are fetched.
  static constexpr pool::Duration kNamesPatience = std::chrono::seconds(5);

  // Of the descriptors.
  struct Shares {
    WorkerShares workers;
    size_t status_clients = 0;
  };

  absl::StatusOr<Shares> PlanShares(const config::Config& config) const;
  // How many spans may wait at each worker.
  size_t SpansOfAWorker(const config::Config& config) const;
  absl::Status OpenLog(config::Config* config);
  void ServeStatus(pool::FileDescriptor socket);
  // Reserves what the rate limits need.
  absl::StatusOr<route::Limiters> MakeLimiters(const config::Config& config) const;
  // `limiters`: null while the routes are the same.
  void Publish(config::Config config, tls::TlsPlan tls, BoundListeners bound,
               const route::Limiters* limiters);
  absl::Status TryReload(const std::string& path);
  // False: the files say what they said.
  absl::StatusOr<bool> TryRefreshTls();
  // Until every upstream has an endpoint, and every URL has brought its keys, or patience ends.
  void AwaitNames(const config::Config& config, const tls::TlsPlan& tls);
  // A configuration was taken into use, or refused.
  void CountLoad(bool ok);

  const Parts parts_;
  Publisher publisher_;
  TlsKeeper tls_;
  bool refreshes_ = true;    // while there are listeners
  std::string tls_trouble_;  // why the last look at the files failed; empty: it did not
  StatusServer::Handler status_pages_;
  std::unique_ptr<StatusServer> status_;
  std::optional<uint32_t> started_with_;  // the configured number of workers
  size_t worker_count_ = 0;
  size_t descriptor_limit_ = 0;
  Shares shares_;                                        // of the configuration in use
  std::optional<pool::KeyedDigest::Key> inherited_key_;  // of the process before this one
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_CONFIGURATOR_H_
