#ifndef HOLDFAST_TESTS_POOL_TLS_SUPPORT_TLS_WORKER_H_
#define HOLDFAST_TESTS_POOL_TLS_SUPPORT_TLS_WORKER_H_

#include <memory>
#include <string>
#include <string_view>

#include "pool/net/buffer.h"
#include "pool/net/connection.h"
#include "pool/net/event_loop.h"
#include "pool/tls/tls_transport.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/manual_clock.h"

namespace holdfast::pool {

// Contexts of settings that are good; the test fails when they are not.
std::shared_ptr<TlsServerContext> ServerWith(const TlsServerSettings& settings);
std::shared_ptr<TlsClientContext> ClientWith(const TlsSettings& settings);
// Whom TestAuthority vouches for, for "a.test".
TlsServerSettings SiteSettings();
// Who believes TestAuthority, and wants "a.test".
TlsSettings UpstreamSettings();

// One connection on a loop of its own, over one end of a pair of sockets; the test holds the other.
class TlsWorker : private ConnectionEvents {
 public:
  TlsWorker() = default;
  virtual ~TlsWorker();

  void Serve(std::shared_ptr<TlsServerContext> context, SocketPair pair = TcpPair());
  void Connect(std::shared_ptr<TlsClientContext> context, SocketPair pair = TcpPair());

  void Turn() { loop.RunOnce(Duration::zero()); }
  template <class Condition>
  [[nodiscard]] bool TurnUntil(Condition condition) {
    for (int turn = 0; turn < 20'000; ++turn) {
      if (condition()) return true;
      Turn();
    }
    return false;
  }
  // Established, or it has failed.
  bool decided() const { return connection->established() || connection->error_word() != nullptr; }
  std::string_view word() const {
    return connection->error_word() != nullptr ? connection->error_word() : "";
  }
  // What was read, since the last call; reads on while there is something.
  std::string Read();
  // Writes and flushes.
  FlushStatus Write(std::string_view bytes);
  TlsTransport& transport() { return static_cast<TlsTransport&>(connection->transport()); }

  ManualClock clock;
  EventLoop loop{&clock};
  SlabPool slabs;
  FileDescriptor peer;  // the other end
  std::unique_ptr<Connection> connection;
  int calls = 0;  // of OnConnectionReady

 private:
  void OnConnectionReady() override { ++calls; }
  void Open(std::unique_ptr<Transport> transport);
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_TLS_SUPPORT_TLS_WORKER_H_
