#ifndef HOLDFAST_GATEWAY_SERVER_CONFIGURATOR_H_
#define HOLDFAST_GATEWAY_SERVER_CONFIGURATOR_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "gateway/config/config.h"
#include "gateway/server/listener_set.h"
#include "gateway/server/main_context.h"
#include "gateway/server/publisher.h"
#include "gateway/server/status_server.h"
#include "gateway/server/ticket_keeper.h"
#include "gateway/server/upstream_watch.h"
#include "gateway/server/worker_set.h"
#include "gateway/tls/tls_plan.h"
#include "metrics/sums.h"
#include "pool/net/clock.h"

namespace holdfast::server {

// Takes a configuration into use, at the start and at a reload: first everything that may fail
// (descriptors, sockets, the log), then what can't. A reload that fails changes nothing.
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
  };

  Configurator(const Parts& parts, StatusServer::Handler status_pages);
  Configurator(const Configurator&) = delete;
  Configurator& operator=(const Configurator&) = delete;

  // Binds everything and starts the workers. On an error the process is to end.
  absl::Status Start(config::Config config);
  // Reads the file and takes it into use. Says in the log how that went, and counts it.
  void Reload(const std::string& path);
  // The same for a reload that may not be.
  void RefuseReload(const absl::Status& why);

  // An upstream's endpoints became others.
  void PublishEndpoints(const std::string& upstream, const pool::EndpointSet& endpoints) {
    publisher_.PublishEndpoints(upstream, endpoints);
  }

  // Adds when the certificates in use expire, at the moment of a scrape.
  void AddTo(metrics::Sums& sums) const;

  // The one in use, after Start.
  const config::Config& config() const { return publisher_.config(); }

  // The status port's listening socket; -1 when there is none.
  int status_fd() const { return status_ != nullptr ? status_->fd() : -1; }
  void CloseStatus() { status_.reset(); }

 private:
  // How long a process that takes another's place leaves the clients to that one while names are
  // looked up.
  static constexpr pool::Duration kNamesPatience = std::chrono::seconds(5);

  struct Expiry {
    std::string listener;
    std::string file;
    pool::WallTime at;

    bool operator==(const Expiry&) const = default;
  };

  absl::Status PlanShares(const config::Config& config);
  absl::Status OpenLog(const config::Config& config);
  void ServeStatus(pool::FileDescriptor socket);
  // Reads what the configuration names for TLS, and warns of what will not last.
  absl::StatusOr<tls::TlsPlan> LoadTls(config::Config* config);
  // Null where no listener has TLS.
  std::shared_ptr<const pool::TicketKeys> TicketKeysFor(const tls::TlsPlan& plan);
  void NoteCertificates(const config::Config& config, const tls::TlsPlan& plan);
  void Publish(config::Config config, tls::TlsPlan tls, BoundListeners bound);
  absl::Status TryReload(const std::string& path);
  // Until every upstream has an endpoint, or patience ends.
  void AwaitNames(const config::Config& config, const tls::TlsPlan& tls);
  // A configuration was taken into use, or refused.
  void CountLoad(bool ok);

  const Parts parts_;
  Publisher publisher_;
  // From the first configuration on that needs it: without TLS its library stays asleep.
  std::optional<TicketKeeper> tickets_;
  std::vector<Expiry> expiries_;  // of the listeners' certificates in use
  StatusServer::Handler status_pages_;
  std::unique_ptr<StatusServer> status_;
  std::optional<uint32_t> started_with_;  // the configured number of workers
  size_t worker_count_ = 0;
  size_t descriptor_limit_ = 0;
  WorkerShares shares_;        // as PlanShares found last
  size_t status_clients_ = 0;  // likewise
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_CONFIGURATOR_H_
