#ifndef HOLDFAST_POOL_TLS_TLS_CLIENT_CONTEXT_H_
#define HOLDFAST_POOL_TLS_TLS_CLIENT_CONTEXT_H_

#include <cstddef>
#include <memory>

#include "pool/net/socket_address.h"
#include "pool/tls/tls_material.h"

struct ssl_st;
struct ssl_session_st;

namespace holdfast::pool {

// The sessions that a worker may resume: the latest of each endpoint, for one set of settings (so
// never across names, authorities or our own certificates). One thread.
class TlsClientSessions {
 public:
  static constexpr size_t kMaxSessions = 1024;  // then any other gives way

  TlsClientSessions();
  ~TlsClientSessions();
  TlsClientSessions(const TlsClientSessions&) = delete;
  TlsClientSessions& operator=(const TlsClientSessions&) = delete;

  size_t size() const;
  // Null: none. It stays the owner.
  ssl_session_st* Find(const SocketAddress& endpoint) const;
  // Takes the caller's reference.
  void Keep(const SocketAddress& endpoint, ssl_session_st* session);
  void Drop(const SocketAddress& endpoint);

 private:
  struct Table;
  std::unique_ptr<Table> table_;
};

// Who is to hear of the sessions that an upstream's connection is given. It is held by that
// connection, and only as long as that is at the worker where it began.
struct TlsSessionSink {
  std::shared_ptr<TlsClientSessions> sessions;
  SocketAddress endpoint;
};

// One worker's part of TLS to upstreams with one set of settings. One thread, that of its worker,
// once it is made; connections may outlive it.
class TlsClientContext {
 public:
  // On any thread. What could be wrong with the material was found when that was loaded.
  static std::shared_ptr<TlsClientContext> Make(std::shared_ptr<const TlsClientMaterial> material);
  ~TlsClientContext();
  TlsClientContext(const TlsClientContext&) = delete;
  TlsClientContext& operator=(const TlsClientContext&) = delete;

  const TlsClientMaterial& material() const { return *material_; }
  const std::shared_ptr<TlsClientSessions>& sessions() const { return sessions_; }

  // For TlsTransport: a new connection, which the caller owns, as it does `sink`; null: no memory.
  ssl_st* NewConnection(TlsSessionSink* sink);
  // For TlsTransport: the connection's sink is no more.
  static void ForgetSink(ssl_st* connection);

 private:
  struct Library;

  explicit TlsClientContext(std::shared_ptr<const TlsClientMaterial> material);

  std::shared_ptr<const TlsClientMaterial> material_;
  std::shared_ptr<TlsClientSessions> sessions_ = std::make_shared<TlsClientSessions>();
  std::unique_ptr<Library> library_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_TLS_CLIENT_CONTEXT_H_
