#ifndef HOLDFAST_GATEWAY_PROXY_EXCHANGE_H_
#define HOLDFAST_GATEWAY_PROXY_EXCHANGE_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/http/framing.h"
#include "gateway/http/message.h"
#include "gateway/http/parser.h"
#include "gateway/proxy/context.h"
#include "gateway/proxy/failure.h"
#include "gateway/proxy/http1_upstream.h"
#include "gateway/proxy/listener.h"
#include "gateway/proxy/local_reply.h"
#include "gateway/proxy/retry.h"
#include "gateway/proxy/stream.h"
#include "gateway/proxy/tunnel.h"
#include "pool/connection_pool.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::proxy {

// One request and its response: finds the route, answers by itself or leases an upstream
// connection, moves both bodies, repeats what may be repeated, and accounts for the whole.
//
// A flat machine over State; Progress does whatever can be done now in the present state. Every
// path ends in Done, after which the object is back in its pool: nothing may be touched on the
// way out.
//
// Loop thread. Owned by the client's session while it runs, by the ExchangePool at rest.
class Exchange final : private pool::Waiter, private pool::ConnectionEvents {
 public:
  // Bodies kept to send a request again.
  static constexpr size_t kMaxReplayBytes = 64 * 1024;
  // Of a request that is answered without being read: so much is read and thrown away to keep
  // the connection.
  static constexpr uint64_t kMaxDiscardBytes = 64 * 1024;
  // A client that has ended its side after its request may have gone, or may wait for the answer:
  // nobody can tell. So long it is waited for.
  static constexpr pool::Duration kHalfClosedPatience = std::chrono::seconds(1);
  // Reads and writes per turn, so that one fast body does not hold up the others.
  static constexpr int kMaxRounds = 16;

  struct Client {
    ClientStream* stream;
    Listener* listener;
    std::string_view ip;  // good while the exchange runs
    bool trusted = false;
    pool::Duration head_time{0};
  };

  explicit Exchange(WorkerContext* context);

  void Begin(const Client& client);
  // Takes the first `bytes` of `in`, a complete head, and parses it.
  http::Refusal TakeHead(pool::Buffer& in, size_t bytes, const http::HeadLimits& limits);
  // After a head that was taken: goes on to the route's action.
  void Start();
  // Instead of Start: the head is refused.
  void Refuse(http::Refusal refusal);
  // Ends the exchange with an error response if none has begun, else by breaking it off.
  void Fail(Failure failure, std::string_view detail = {});

  void Progress();
  // The client has sent its end, or is gone altogether. True if that ended the exchange.
  bool OnClientEnded(bool gone);
  // The drain's deadline.
  void Cut();

  const http::RequestHead& request() const { return request_; }
  bool refused() const { return failure_ == Failure::kRefusedFraming; }

 private:
  enum class State : uint8_t {
    kIdle,           // in the pool
    kRouting,        // from Begin to the first decision
    kCheckout,       // waits for a connection
    kAwaitResponse,  // the request is on its way; no final head yet
    kRelay,          // the response is on its way
    kTunnel,         // raw bytes both ways
    kFinishing,      // all of the response is in the client's buffer
  };

  void MoveTo(State next);

  // Waiter and ConnectionEvents
  void OnLease(pool::Lease lease) override;
  void OnCheckoutFailed(pool::CheckoutResult result) override;
  void OnConnectionReady() override { Progress(); }

  void StartUpstream();
  void Acquire(bool fresh, const pool::SocketAddress* avoid);
  void SendRequest(pool::Lease lease);
  void OnUpstreamBroken(UpstreamTrouble trouble, http::Refusal refusal);
  bool MayRetry();

  // False when the exchange has ended.
  bool PumpRequest();
  // Reads until the upstream is congested (kData), the client has no more now, the body ends, or
  // the exchange has ended (kBroken).
  BodyStep::Kind FillUpstream();
  void OnRequestBroken(http::Refusal refusal);
  void KeepForReplay(const BodyStep& step);
  pool::FlushStatus FlushUpstream();
  pool::FlushStatus FlushClient();
  void AwaitHead();
  void BeginRelay();
  void PumpResponse();
  // Reads until the client is congested, the upstream has no more, or the body ends.
  BodyStep::Kind FillClient();
  void BeginTunnel();
  void PumpTunnel();

  void SendLocal(const http::ResponseHead& head, std::string_view body);
  void BeginFinish();
  void ContinueFinish();
  bool DiscardRequestBody();
  // Ends without a (whole) response.
  void BreakOff(Failure failure);
  void Done(bool complete);
  void Reset();
  void Account();
  void LogExchange();

  void OnTimer(pool::TimePoint now);
  void OnTimeout();
  enum class Party : uint8_t {
    kRequester,  // the client, with more of its request
    kReader,     // the upstream, to read what is sent to it
    kResponder,  // the upstream, with a response
  };
  Party AwaitedParty();
  bool BodyHeldBack() const;
  // Worth reading to its end for the connection's sake; a chunked one is until it proves long.
  bool BodyIsShort() const { return request_.content_length <= kMaxDiscardBytes; }
  pool::TimePoint Deadline();
  void ArmTimer();
  void NoteProgress() { last_progress_ = context_->loop->now(); }

  std::string_view DefaultHost() const;
  pool::Cluster& cluster() { return view_->cluster(route_->upstream); }
  const std::string& upstream_name() const {
    return view_->snapshot().config().upstreams[route_->upstream].name;
  }

  WorkerContext* context_;
  Client client_{};
  ViewPin view_;
  uint32_t listener_index_ = 0;  // the listener's place in view_; a reload may give it another
  const route::Route* route_ = nullptr;
  State state_ = State::kIdle;
  Failure failure_ = Failure::kNone;
  Http1Upstream upstream_;
  pool::SocketAddress endpoint_;

  http::RequestHead request_;
  http::ResponseHead response_;
  pool::Buffer head_bytes_;  // what request_ points into
  pool::Buffer replay_;
  LocalReply reply_;
  Tunnel tunnel_;

  int status_ = 0;  // of the final response, once its head was sent
  uint32_t attempts_left_ = 0;
  uint32_t retries_ = 0;
  uint64_t body_received_ = 0;  // of the request, decoded
  uint64_t discarded_ = 0;
  bool request_done_ = false;  // read to its end and handed to the upstream
  bool continued_ = false;     // the upstream asked for the body (100)
  bool discarding_ = false;    // the request's body is read for the connection's sake only
  bool reused_ = false;
  bool keep_for_replay_ = false;
  bool replayable_ = true;
  bool te_trailers_ = false;

  pool::TimePoint started_;
  pool::TimePoint last_progress_;
  std::optional<pool::TimePoint> client_ended_at_;
  std::optional<pool::TimePoint> connected_at_;
  std::optional<pool::TimePoint> first_byte_at_;
  pool::MemberTimer<Exchange, &Exchange::OnTimer> timer_{this};
  pool::MemberTask<Exchange, &Exchange::Progress> progress_task_{this};
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_EXCHANGE_H_
