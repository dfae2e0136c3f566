#ifndef HOLDFAST_GATEWAY_PROXY_TLS_TRANSPORTS_H_
#define HOLDFAST_GATEWAY_PROXY_TLS_TRANSPORTS_H_

#include <memory>
#include <string>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/proxy/intake.h"
#include "gateway/tls/tls_contexts.h"
#include "metrics/shard.h"
#include "pool/dialer.h"

namespace holdfast::proxy {

// One thread's part of TLS, on both sides: makes the transports of clients and of upstreams from
// what the plan in use holds, and counts their handshakes. Connections hold what they need of it,
// so that a new plan changes nothing for those that are under way.
//
// One thread; outlives the connections' owners. `shard` outlives it.
class TlsTransports final : public ClientTransports, public pool::UpstreamTransports {
 public:
  explicit TlsTransports(metrics::Shard* shard);

  // From now on.
  void Adopt(tls::TlsContexts contexts);
  // The keys that seal the session tickets of every thread, from now on.
  void UseTicketKeys(const tls::TicketKeySets& keys);

  // Shown by all listeners from now on; null: none.
  void UseChallenges(std::shared_ptr<const pool::ChallengeCertificates> challenges);

  std::unique_ptr<pool::Transport> MakeFor(pool::FileDescriptor& socket,
                                           const config::Listener& listener) override;
  void OnEstablished(const config::Listener& listener, const pool::Handshake& handshake) override;
  void OnTimeout(const config::Listener& listener) override;
  std::string_view PlainAnswer(const char* failure) override;

  std::unique_ptr<pool::Transport> MakeFor(pool::FileDescriptor socket,
                                           const pool::EndpointKey& key) override;
  void OnEstablished(const pool::EndpointKey& key, const pool::Handshake& handshake) override;

 private:
  // Where one side's handshakes are counted.
  struct Counts {
    metrics::Metric results;
    metrics::Metric sessions;
    metrics::Metric seconds;
  };
  static const Counts kOfClients;
  static const Counts kOfUpstreams;
  void Count(const Counts& counts, std::string_view whose, const pool::Handshake& handshake);

  metrics::Shard* shard_;
  const std::string plain_answer_;  // to plain HTTP where TLS is spoken
  tls::TlsContexts contexts_;       // of the plan in use
  // Of the one before: a request that began under it may connect yet.
  decltype(tls::TlsContexts::clients) earlier_clients_;
  std::shared_ptr<const pool::ChallengeCertificates> challenges_;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_TLS_TRANSPORTS_H_
