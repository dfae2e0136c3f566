#ifndef HOLDFAST_GATEWAY_PROXY_EXCHANGE_ACCOUNT_H_
#define HOLDFAST_GATEWAY_PROXY_EXCHANGE_ACCOUNT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/grpc/status.h"
#include "gateway/http/framing.h"
#include "gateway/http/message.h"
#include "gateway/proxy/context.h"
#include "gateway/proxy/failure.h"
#include "gateway/proxy/listener.h"
#include "gateway/proxy/retry.h"
#include "gateway/proxy/view.h"
#include "gateway/route/route_table.h"
#include "gateway/stream/stream.h"
#include "pool/connection_tie.h"
#include "pool/lease.h"
#include "pool/net/clock.h"
#include "pool/net/proxy_header.h"
#include "pool/net/socket_address.h"
#include "pool/net/transport.h"
#include "pool/reasons.h"

namespace holdfast::proxy {

class FieldEdits;

// Owns an exchange while it runs. Hears that it is over, once, if none of its own calls said so;
// it then calls Finish. Loop thread.
class ExchangeOwner {
 public:
  virtual void OnExchangeOver() = 0;

 protected:
  ~ExchangeOwner() = default;
};

// Who asked, as the session knows it.
struct ExchangeClient {
  stream::ServerStream* stream;
  ExchangeOwner* owner;
  Listener* listener;
  std::string_view ip;      // of the peer, as below
  std::string_view origin;  // who asks: the peer, or whom trusted ones speak for; good while the
                            // exchange runs
  bool trusted = false;     // the peer
  const pool::ProxiedEnds* announced = nullptr;  // by a PROXY header; good as long as `ip`
  const pool::Connection* connection = nullptr;  // its socket; outlives the exchange
  bool encrypted = false;                        // what it sends and gets
  // The client's; good until the exchange is over. Null: nothing is known of it.
  pool::Transport* transport = nullptr;
  pool::Duration head_time{0};
  // What holds the upstream connection that has authenticated the client.
  pool::ConnectionTie* tie = nullptr;
};

// What was asked, and of whom. Everything outlives the account's writing.
struct ExchangeSubject {
  const ExchangeClient& client;
  View& view;
  uint32_t listener;          // its place in `view`
  const route::Route* route;  // null: none matched
  const http::RequestHead& request;
  FieldEdits* edits = nullptr;  // null: it has none
};

// What an exchange tells about itself once it is over: noted as it happens, then written to the
// metric cells and the access log in one go. A member of its exchange; one thread.
struct ExchangeAccount {
  // What was noted of the last attempt is not of the next.
  void BeginAttempt() {
    had.reset();
    close = pool::CloseReason::kNone;
    grpc_status.reset();
  }
  // The client is sent the upstream's final head.
  void NoteUpstreamAnswer(int answered, pool::TimePoint now) {
    status = answered;
    source = AnswerSource::kUpstream;
    first_byte_at = now;
  }
  // A connection was had for one more attempt.
  void NoteLease(const pool::Lease& lease, pool::TimePoint now);
  // The request is under way no longer.
  void Write(const ExchangeSubject& subject, WorkerContext* context) const;
  // What the client was sent.
  AnswerStatus answer() const { return {status, grpc_status}; }
  // The last attempt's connection had served before.
  bool reused() const { return had.has_value() && *had != pool::CheckoutResult::kFresh; }

  pool::TimePoint started;  // with the first byte of the request's head
  std::optional<pool::TimePoint> connected_at;
  std::optional<pool::TimePoint> first_byte_at;
  int status = 0;  // of the final response, once its head was sent
  AnswerSource source = AnswerSource::kGateway;
  Failure failure = Failure::kNone;
  http::Refusal refusal = http::Refusal::kNone;  // the rule of framing that was broken
  std::string detail;                            // for the operator alone
  std::string_view request_id;                   // while the exchange runs (correlation.h)
  std::string_view trace_id;                     // likewise
  bool upstream_asked = false;                   // a connection was asked for
  bool identified = false;                       // by a name and password, which are right
  bool grpc = false;                             // it is a call of gRPC
  std::optional<grpc::Status> grpc_status;       // how it ended, by the response
  // Of the last attempt.
  pool::SocketAddress endpoint;
  bool not_reached = false;                 // no connection to that endpoint could be had
  std::optional<pool::CheckoutResult> had;  // how the connection was had: as Lease::result
  pool::OpenReason open_reason = pool::OpenReason::kEmpty;  // with kFresh
  pool::CloseReason close = pool::CloseReason::kNone;

  uint32_t retries = 0;
  std::optional<RetryDecision> retry;  // the last one that was made

 private:
  // As nginx reports requests whose client did not wait for an answer.
  static constexpr int kClientClosedRequest = 499;
  // What metrics and log tell of the status; 0: there was none.
  int ReportedStatus() const {
    return status == 0 && failure == Failure::kClientGone ? kClientClosedRequest : status;
  }
  // CheckoutResultName, or why it was opened; empty: no connection was had.
  std::string_view ConnectionText() const;
  void Count(const ExchangeSubject& subject, WorkerContext* context) const;
  void CountGrpc(const ExchangeSubject& subject, WorkerContext* context) const;
  // "none": there was none.
  std::string_view GrpcStatusText() const {
    return grpc_status.has_value() ? grpc::StatusNumber(*grpc_status) : "none";
  }
  // In the access log if it is `logged`, and as a span if it has one.
  void Tell(const ExchangeSubject& subject, bool logged, WorkerContext* context) const;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_EXCHANGE_ACCOUNT_H_
