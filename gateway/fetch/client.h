#ifndef HOLDFAST_GATEWAY_FETCH_CLIENT_H_
#define HOLDFAST_GATEWAY_FETCH_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/fetch/exchanges.h"
#include "gateway/fetch/url.h"
#include "gateway/http1/client_stream.h"
#include "gateway/stream/stream.h"
#include "pool/dialer.h"
#include "pool/dns/resolver.h"
#include "pool/net/buffer.h"
#include "pool/net/connection.h"
#include "pool/net/event_loop.h"
#include "pool/net/timer_wheel.h"
#include "pool/tls/tls_client_context.h"

namespace holdfast::fetch {

// Speaks HTTP/1.1 to servers, one exchange at a time: over TLS, where a server is verified for the
// name in the URL, or in clear where a request says that it may. Each exchange has a connection of
// its own, unless requests keep it for one another. Redirects are not followed.
//
// The thread of its loop: ACME and the keys for tokens have theirs on the main thread, spans on the
// exporter's. What is given to it outlives it. What TLS needs is read when a request first needs
// it, which blocks on files, and is this client's alone. Destruction closes what is open and calls
// nothing.
class Client final : public Exchanges,
                     private pool::DialEvents,
                     private pool::UpstreamTransports,
                     private pool::ConnectionEvents,
                     private stream::StreamEvents {
 public:
  // Addresses of a name that are tried one after the other.
  static constexpr size_t kMaxAddresses = 8;

  // `authorities`: who may vouch for servers; empty: those of the system.
  Client(pool::EventLoop* loop, pool::SlabPool* slabs, std::unique_ptr<pool::Resolver> resolver,
         pool::TlsFile authorities);
  ~Client() override;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void Start(Request request, Callback callback) override;

 private:
  enum class Phase : uint8_t {
    kAtRest,
    kResolving,
    kConnecting,
    kAwaitingHead,
    kReadingBody,
    kTelling,  // response_ is about to be told
  };

  void MoveTo(Phase next);
  // The kept connection is there and quiet.
  bool MayReuse();
  // Makes context_ for the host of url_, which is one of https.
  bool PrepareTls();
  void Resolve();
  void OnAddresses(const pool::AddressAnswer& answer);
  void ConnectToNext();
  void OnDialSlow() override {}  // It has its deadline.
  void OnDialed(std::unique_ptr<pool::Connection> connection) override;
  void OnDialFailed(pool::CheckoutFailure failure) override;
  std::unique_ptr<pool::Transport> MakeFor(pool::FileDescriptor socket,
                                           const pool::EndpointKey& key) override;
  void OnEstablished(const pool::EndpointKey&, const pool::Handshake&) override {}
  // Of a connection that is kept.
  void OnConnectionReady() override { MayReuse(); }
  void OnStreamReady() override;
  void Send();
  void ReadHead();
  // The final one is in head_.
  void TakeHead();
  // The connection ended or broke before a final head.
  void OnBroken(std::string trouble);
  void ReadBody();
  // Takes what came of the body; false: it is too long.
  bool TakeBody(pool::Buffer& from, size_t bytes);
  // Keeps the connection, if both sides want that.
  void EndStream();
  // Ends the exchange; empty: response_ is whole.
  void Finish(std::string trouble);
  void Tell();
  void OnTimeout(pool::TimePoint now);

  pool::EventLoop* loop_;
  std::unique_ptr<pool::Resolver> resolver_;
  const pool::TlsFile authorities_;
  pool::SocketDialer dialer_;

  Phase phase_ = Phase::kAtRest;
  Request request_;
  Callback callback_;
  Url url_;
  Response response_;
  std::shared_ptr<pool::TlsClientContext> context_;  // null: none was needed yet
  std::string context_host_;                         // for whom it is
  std::shared_ptr<const bool> question_;             // a look-up that outlives it answers nobody
  std::vector<pool::SocketAddress> addresses_;
  size_t next_address_ = 0;
  std::unique_ptr<pool::DialAttempt> attempt_;
  std::unique_ptr<pool::Connection> connection_;  // in use, or kept for the origin of url_
  bool reused_ = false;                           // it was kept, for the exchange under way
  http::ResponseHead head_;
  http1::ClientStream stream_;
  pool::MemberTask<Client, &Client::Tell> tell_task_{this};
  pool::MemberTimer<Client, &Client::OnTimeout> timeout_timer_{this};
};

}  // namespace holdfast::fetch

#endif  // HOLDFAST_GATEWAY_FETCH_CLIENT_H_
