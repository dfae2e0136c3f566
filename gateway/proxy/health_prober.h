#ifndef HOLDFAST_GATEWAY_PROXY_HEALTH_PROBER_H_
#define HOLDFAST_GATEWAY_PROXY_HEALTH_PROBER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/proxy/health_probe.h"
#include "metrics/sums.h"
#include "pool/dialer.h"
#include "pool/endpoint.h"
#include "pool/net/buffer.h"
#include "pool/net/event_loop.h"
#include "pool/net/random.h"
#include "pool/net/socket_address.h"

namespace holdfast::proxy {

// How the upstream's connections are made, and what its responses are held to.
struct ProbeManner {
  pool::TlsIdentity tls;
  pool::ProxyVersion proxy = pool::ProxyVersion::kNone;
  pool::UpstreamProtocol protocol = pool::UpstreamProtocol::kH1;
  HealthProbe::Limits limits = {};

  bool operator==(const ProbeManner&) const = default;
};

// An endpoint to check.
struct ProbeTarget {
  pool::SocketAddress address;
  std::string host;     // the Host field's value, where the check names none
  bool healthy = true;  // what is known when the target is first named
};

// Checks the endpoints of every upstream that has a health check, each by itself: first at a random
// moment of the first interval, then once per interval, a tenth more or less. `fall` failures in a
// row make an endpoint unhealthy; `rise` successes in a row make it healthy again.
//
// Main thread; one per process. Everything given to it outlives it. Destruction ends the checks
// under way and calls nothing.
class HealthProber {
 public:
  // The most connections that are kept between checks. Endpoints beyond that number get a new one
  // each time.
  static constexpr size_t kMaxKept = 256;

  struct Callbacks {
    // An endpoint's health has changed. Called from the loop; it must not call SetTargets.
    // `cause` is for people: "check: 503, 3 in a row".
    std::function<void(const std::string& upstream, const pool::SocketAddress& address,
                       bool healthy, const std::string& cause)>
        on_health;
    // Whether the upstream has had requests since the last time it was asked.
    std::function<bool(const std::string& upstream)> has_traffic;
  };

  // `transports` may be null where no upstream has TLS.
  HealthProber(pool::EventLoop* loop, pool::SlabPool* slabs, pool::Random* random,
               pool::UpstreamTransports* transports, Callbacks callbacks);
  ~HealthProber();
  HealthProber(const HealthProber&) = delete;
  HealthProber& operator=(const HealthProber&) = delete;

  // Sets the endpoints of `upstream`, each address once, and how to check them from now on;
  // nullopt: not at all. Endpoints that stay keep their health and, unless the check or `manner`
  // changed, their count.
  void SetTargets(const std::string& upstream, const std::optional<config::HealthCheck>& check,
                  const ProbeManner& manner, const std::vector<ProbeTarget>& targets);

  // Adds the counts of the checks, at the moment of a scrape; not of endpoints that share a name.
  void AddTo(metrics::Sums& sums, const pool::EndpointLabel& label_of = pool::OwnLabel) const;

 private:
  class Endpoint;
  class Group;

  pool::EventLoop* loop_;
  pool::SlabPool* slabs_;
  pool::SocketDialer dialer_;
  pool::Random* random_;
  Callbacks callbacks_;
  size_t keeping_ = 0;                                    // endpoints whose connection may be kept
  std::map<std::string, std::unique_ptr<Group>> groups_;  // by upstream
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_HEALTH_PROBER_H_
