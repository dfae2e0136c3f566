#ifndef HOLDFAST_POOL_TLS_TLS_SERVER_CONTEXT_H_
#define HOLDFAST_POOL_TLS_TLS_SERVER_CONTEXT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "pool/tls/challenge_certificates.h"
#include "pool/tls/ticket_keys.h"
#include "pool/tls/tls_material.h"

struct ssl_st;

namespace holdfast::pool {

// One worker's part of a TLS listener: the library's contexts, one for each virtual host, of which
// the client's hello chooses one. Connections hold it, so that a reload only makes a new one for
// those to come. One thread, that of its worker, once it is made.
class TlsServerContext {
 public:
  // On any thread. What could be wrong with the material was found when that was loaded.
  // `keys`: null where the settings have tickets off.
  static std::shared_ptr<TlsServerContext> Make(std::shared_ptr<const TlsServerMaterial> material,
                                                std::shared_ptr<const TicketKeys> keys);
  ~TlsServerContext();
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;

  const TlsServerMaterial& material() const { return *material_; }
  // From now on tickets are sealed with these.
  void UseTicketKeys(std::shared_ptr<const TicketKeys> keys);

  // From now on who asks for kChallengeProtocol sees one of these, whatever the listener asks of
  // clients; null: nobody does. Such a connection is to be closed once it is established.
  void UseChallenges(const std::shared_ptr<const ChallengeCertificates>& challenges);

  // Which way to check clients is that of a name; equal numbers, equal ways. A request for a name
  // whose number is not its connection's (TlsTransport::client_policy) is misdirected: 421.
  // kNoPolicy for a name that no certificate is for, where there are several ways: it is no
  // connection's.
  static constexpr size_t kNoPolicy = SIZE_MAX;
  size_t ClientPolicyOf(std::string_view host) const;

  // For TlsTransport: a new connection, which the caller owns; null: no memory.
  ssl_st* NewConnection();
  // For TlsTransport: the way in which the client of this one was checked.
  static size_t ClientPolicyOf(const ssl_st* connection);

 private:
  struct Hosts;
  friend struct ServerCallbacks;

  TlsServerContext(std::shared_ptr<const TlsServerMaterial> material,
                   std::shared_ptr<const TicketKeys> keys);

  std::shared_ptr<const TlsServerMaterial> material_;
  std::shared_ptr<const TicketKeys> keys_;
  std::unique_ptr<Hosts> hosts_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_TLS_SERVER_CONTEXT_H_
