#ifndef HOLDFAST_GATEWAY_SERVER_COLLECTOR_CLIENT_H_
#define HOLDFAST_GATEWAY_SERVER_COLLECTOR_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "gateway/config/tracing.h"
#include "gateway/http1/client_stream.h"
#include "gateway/stream/stream.h"
#include "pool/dialer.h"
#include "pool/dns/resolver.h"
#include "pool/net/connection.h"
#include "pool/net/event_loop.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::server {

// What came of a post.
struct CollectorAnswer {
  std::string trouble;  // why there is no answer, for people; empty: there is one
  int status = 0;
  std::string retry_after;
  std::string body;  // no more than CollectorClient::kMaxBodyBytes of it
};

// Posts JSON to one collector over HTTP/1.1, one exchange at a time, and keeps the connection
// between them. A kept connection that has gone meanwhile is replaced without a word. Redirects are
// not followed.
//
// Loop thread; what is given to it outlives it. Destruction closes what is open and calls nothing.
class CollectorClient final : private pool::DialEvents,
                              private stream::StreamEvents,
                              private pool::ConnectionEvents {
 public:
  static constexpr size_t kMaxBodyBytes = 64 * 1024;
  // For one address; the next has its own.
  static constexpr pool::Duration kDialTimeout = std::chrono::seconds(2);
  // Addresses of a name that are tried one after the other.
  static constexpr size_t kMaxAddresses = 8;

  using Callback = absl::AnyInvocable<void(CollectorAnswer)>;

  // `url` is not encrypted.
  CollectorClient(pool::EventLoop* loop, pool::SlabPool* slabs,
                  std::unique_ptr<pool::Resolver> resolver, config::CollectorUrl url,
                  std::vector<config::ExportHeader> headers);
  ~CollectorClient();
  CollectorClient(const CollectorClient&) = delete;
  CollectorClient& operator=(const CollectorClient&) = delete;

  // `body` outlives the exchange, for which there is so much time. The callback comes from the
  // loop, never within the call, and once. It may post again, and may destroy this.
  void Post(std::string_view body, pool::Duration timeout, Callback callback);

 private:
  enum class Phase : uint8_t {
    kAtRest,
    kResolving,
    kConnecting,
    kAwaitingHead,
    kReadingBody,
    kTelling,  // answer_ is about to be told
  };

  void MoveTo(Phase next);
  void Resolve();
  void OnAddresses(const pool::AddressAnswer& answer);
  void ConnectToNext();
  void OnDialSlow() override {}  // It has its deadline.
  void OnDialed(std::unique_ptr<pool::Connection> connection) override;
  void OnDialFailed(pool::CheckoutFailure failure) override;
  void OnStreamReady() override;
  // Of a connection that is kept: whatever it has to say, it is of no use any more.
  void OnConnectionReady() override { connection_.reset(); }
  // The kept connection is there and quiet.
  bool MayReuse();
  void Send();
  void ReadHead();
  // The connection broke before an answer began.
  void OnBroken(std::string trouble);
  void ReadBody();
  // Keeps the connection if both sides let it be.
  void EndStream();
  // Ends the exchange; empty: answer_ is whole.
  void Finish(std::string trouble);
  void Tell();
  void OnTimeout(pool::TimePoint now);

  pool::EventLoop* loop_;
  std::unique_ptr<pool::Resolver> resolver_;
  const config::CollectorUrl url_;
  const std::vector<config::ExportHeader> headers_;
  pool::SocketDialer dialer_;

  Phase phase_ = Phase::kAtRest;
  std::string_view body_;
  Callback callback_;
  CollectorAnswer answer_;
  std::shared_ptr<const bool> question_;  // a look-up that outlives it answers nobody
  std::vector<pool::SocketAddress> addresses_;
  size_t next_address_ = 0;
  std::unique_ptr<pool::DialAttempt> attempt_;
  std::unique_ptr<pool::Connection> connection_;  // in use, or kept
  bool reused_ = false;
  http::ResponseHead head_;
  http1::ClientStream stream_;
  pool::MemberTask<CollectorClient, &CollectorClient::Tell> tell_task_{this};
  pool::MemberTimer<CollectorClient, &CollectorClient::OnTimeout> timeout_timer_{this};
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_COLLECTOR_CLIENT_H_
