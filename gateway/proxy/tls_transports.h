#ifndef HOLDFAST_GATEWAY_PROXY_TLS_TRANSPORTS_H_
#define HOLDFAST_GATEWAY_PROXY_TLS_TRANSPORTS_H_

#include <memory>
#include <string>
#include <string_view>

#include <absl/container/flat_hash_map.h>

#include "gateway/config/config.h"
#include "gateway/proxy/intake.h"
#include "gateway/tls/tls_plan.h"
#include "metrics/shard.h"
#include "pool/dialer.h"
#include "pool/tls/ticket_keys.h"
#include "pool/tls/tls_client_context.h"
#include "pool/tls/tls_server_context.h"

namespace holdfast::proxy {

// One thread's part of TLS, on both sides: makes the transports of clients and of upstreams from
// what the plan in use holds, and counts their handshakes. Connections hold what they need of it,
// so that a new plan changes nothing for those that are under way.
//
// One thread; outlives the connections' owners. `shard` outlives it.
class TlsTransports final : public ClientTransports, public pool::UpstreamTransports {
 public:
  explicit TlsTransports(metrics::Shard* shard);

  // From now on. Those whose settings and files say the same keep their contexts, with the sessions
  // that may be resumed. `keys` seal the session tickets of every thread.
  void AdoptListeners(const config::Config& config, const tls::TlsPlan& plan,
                      const std::shared_ptr<const pool::TicketKeys>& keys);
  void AdoptUpstreams(const config::Config& config, const tls::TlsPlan& plan);
  void UseTicketKeys(const std::shared_ptr<const pool::TicketKeys>& keys);

  std::unique_ptr<pool::Transport> MakeFor(pool::FileDescriptor& socket,
                                           const config::Listener& listener) override;
  void OnEstablished(const config::Listener& listener, const char* failure) override;
  void OnTimeout(const config::Listener& listener) override;
  std::string_view PlainAnswer(const char* failure) override;

  std::unique_ptr<pool::Transport> MakeFor(pool::FileDescriptor socket,
                                           const pool::EndpointKey& key) override;
  void OnEstablished(const pool::EndpointKey& key, const char* failure) override;

 private:
  using Servers = absl::flat_hash_map<std::string, std::shared_ptr<pool::TlsServerContext>>;
  using Clients = absl::flat_hash_map<pool::TlsIdentity, std::shared_ptr<pool::TlsClientContext>>;

  metrics::Shard* shard_;
  const std::string plain_answer_;  // to plain HTTP where TLS is spoken
  Servers servers_;                 // by the listener's name
  Clients clients_;                 // of the plan in use
  Clients earlier_clients_;  // of the one before: a request that began under it may connect yet
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_TLS_TRANSPORTS_H_
