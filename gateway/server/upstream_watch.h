#ifndef HOLDFAST_GATEWAY_SERVER_UPSTREAM_WATCH_H_
#define HOLDFAST_GATEWAY_SERVER_UPSTREAM_WATCH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/proxy/health_prober.h"
#include "gateway/proxy/tls_transports.h"
#include "metrics/shard.h"
#include "metrics/sums.h"
#include "pool/balancer.h"
#include "pool/dns/cares_resolver.h"
#include "pool/dns/discovery.h"
#include "pool/endpoint_directory.h"
#include "pool/net/event_loop.h"
#include "pool/net/random.h"

namespace holdfast::server {

// The main thread's work for the upstreams: it looks their names up, checks their endpoints, ejects
// those that fail, and tells the workers what is left to use.
//
// Main thread. The server owns it, and everything given to it outlives it. Destruction ends
// look-ups and checks and calls nothing.
class UpstreamWatch {
 public:
  // An upstream's endpoints, or their states, have changed. Called from the loop.
  using OnChange =
      std::function<void(const std::string& upstream, const pool::EndpointSet& endpoints)>;

  // A number that changes whenever an upstream has had requests.
  using RequestsOf = std::function<uint64_t(const std::string& upstream)>;

  UpstreamWatch(pool::EventLoop* loop, pool::SlabPool* slabs, RequestsOf requests_of,
                metrics::Shard* shard, OnChange on_change,
                pool::EndpointLabel label_of = pool::OwnLabel);
  UpstreamWatch(const UpstreamWatch&) = delete;
  UpstreamWatch& operator=(const UpstreamWatch&) = delete;

  // Takes the upstreams of `config` from now on and keeps what is known of those that stay. With
  // other settings of `dns` it looks the names up anew; the addresses found before stay until that
  // has succeeded for all names of an upstream.
  void Adopt(const config::Config& config, const tls::TlsPlan& tls);

  // The endpoints of an upstream of the configuration that was adopted last, with its key table.
  pool::EndpointSet Current(const std::string& upstream);
  // Whether each upstream of that configuration has an endpoint.
  bool AllNamed() const;
  // An endpoint has failed as many requests in a row as it may.
  void OnTrouble(const std::string& upstream, const pool::SocketAddress& endpoint,
                 const std::string& cause);

  // Adds the counts of endpoints and checks, at the moment of a scrape.
  void AddTo(metrics::Sums& sums) const;

 private:
  struct Upstream {
    std::optional<config::HealthCheck> check;
    proxy::ProbeManner manner;
    std::vector<pool::EndpointSpec> found;    // by look-up, what is carried over among it
    std::vector<pool::EndpointSpec> carried;  // found with other settings of `dns`
    pool::EndpointSet told;
    pool::BalancePolicy policy;
    std::shared_ptr<const pool::KeyTable> keys;  // as told last
    metrics::Claim claim;
    uint64_t requests = 0;  // when HasTraffic was last asked
  };

  void StartDiscovery(const config::Dns& dns);
  void TakeDiscovered(const std::string& name, const pool::DiscoveredEndpoints& discovered);
  void OnDirectoryChange(const std::string& name, const pool::EndpointSet& endpoints);
  void LogStates(const std::string& upstream, const pool::EndpointSet& before,
                 const pool::EndpointSet& after) const;
  // The set as the workers are to have it.
  pool::EndpointSet WithKeys(const std::string& name, pool::EndpointSet set);
  // Tells the prober what to check.
  void AimChecks(const std::string& name);
  bool HasTraffic(const std::string& name);

  pool::EventLoop* loop_;
  RequestsOf requests_of_;
  metrics::Shard* shard_;
  OnChange on_change_;
  const pool::EndpointLabel label_of_;
  pool::Random random_;
  std::map<std::string, Upstream> upstreams_;
  pool::EndpointDirectory directory_;
  tls::TlsContexts probe_contexts_;
  proxy::TlsTransports tls_;
  proxy::HealthProber prober_;
  config::Dns dns_;
  std::unique_ptr<pool::CaresResolver> resolver_;
  std::unique_ptr<pool::Discovery> discovery_;
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_UPSTREAM_WATCH_H_
