#ifndef HOLDFAST_GATEWAY_PROXY_EXCHANGE_H_
#define HOLDFAST_GATEWAY_PROXY_EXCHANGE_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/http/framing.h"
#include "gateway/http/message.h"
#include "gateway/http/parser.h"
#include "gateway/http/path_form.h"
#include "gateway/proxy/attempts.h"
#include "gateway/proxy/context.h"
#include "gateway/proxy/exchange_account.h"
#include "gateway/proxy/failure.h"
#include "gateway/proxy/http1_upstream.h"
#include "gateway/proxy/interim_budget.h"
#include "gateway/proxy/listener.h"
#include "gateway/proxy/local_reply.h"
#include "gateway/proxy/replay_body.h"
#include "gateway/proxy/retry.h"
#include "gateway/proxy/stream.h"
#include "gateway/proxy/true_client.h"
#include "gateway/proxy/tunnel.h"
#include "gateway/route/route_choice.h"
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
  // Of a request that is answered without being read: so much is read and thrown away to keep
  // the connection.
  static constexpr uint64_t kMaxDiscardBytes = 64 * 1024;
  // A client that has ended its side after its request may have gone, or may wait for the answer:
  // nobody can tell. So long it is waited for.
  static constexpr pool::Duration kHalfClosedPatience = std::chrono::seconds(1);
  // A peer that has sent its end under a request will answer what it has not read with a reset,
  // unless it has only ended its sending side. So long that reset is waited for before the request
  // is given up; a lost one is provoked again by the first retransmission (200 ms or more).
  static constexpr pool::Duration kProofPatience = std::chrono::seconds(1);
  // How often it is looked whether the peer has taken the request instead, which nothing tells.
  static constexpr pool::Duration kProofStep = std::chrono::milliseconds(50);
  // Reads and writes per turn, so that one fast body does not hold up the others.
  static constexpr int kMaxRounds = 16;

  using Client = ExchangeClient;

  explicit Exchange(WorkerContext* context);

  void Begin(const Client& client);
  // Takes the first `bytes` of `in`, a complete head, and parses it.
  http::Refusal TakeHead(pool::Buffer& in, size_t bytes, const http::HeadLimits& limits);
  // Takes all of `in`, which is no head or not a whole one: before Refuse or Fail.
  void TakeUnread(pool::Buffer& in);
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
  // The listener may have other limits now: looks at its deadline again.
  void OnReconfigured() { ArmTimer(); }

  const http::RequestHead& request() const { return request_; }
  // What the gateway calls itself to both sides of this exchange.
  std::string_view via_name() const { return view_->snapshot().config().via; }
  bool refused() const { return account_.failure == Failure::kRefusedFraming; }

 private:
  enum class State : uint8_t {
    kIdle,           // in the pool
    kRouting,        // from Begin to the first decision
    kCheckout,       // waits for a connection, or for the time to ask for another one
    kAwaitResponse,  // the request is on its way; no final head yet
    kProving,        // the connection has died; whether the request was read will be known shortly
    kRelay,          // the response is on its way
    kTunnel,         // raw bytes both ways
    kFinishing,      // all of the response is in the client's buffer
  };

  void MoveTo(State next);

  // Waiter and ConnectionEvents
  void OnLease(pool::Lease lease) override;
  void OnCheckoutFailed(pool::CheckoutResult result, const pool::SocketAddress& endpoint) override;
  void OnConnectionReady() override { Progress(); }

  // A rule of framing is broken, by the "client" or the "upstream".
  void CountRefusal(std::string_view sender, http::Refusal refusal);
  void StartUpstream();
  void Acquire();
  void SendRequest(pool::Lease lease);

  // The end of an attempt and the decision about another (exchange_retry.cc).
  void OnUpstreamBroken(UpstreamTrouble trouble, http::Refusal refusal);
  void ConsiderBroken(AttemptEnd end, bool patience_over);
  void BeginProving();
  void LookForProof();
  // True if the response is not relayed, because another attempt is made.
  bool RepeatInsteadOfRelay();
  void OnFirstByteTimeout();
  RetryFacts FactsAt(AttemptEnd end);
  bool EndsTotalTime(pool::Duration pause) const;
  bool MayAskNext();
  bool MetKeptConnection() const;
  // Goes on with another attempt, if that was decided and the budget has room for it.
  bool Repeat(RetryDecision decision, std::optional<pool::Outcome> outcome);
  std::optional<pool::Outcome> OutcomeAfter(Failure failure) const;
  // The upstream is done with, for this attempt; `outcome` speaks about its endpoint.
  void EndAttempt(std::optional<pool::Outcome> outcome);
  void EndLastAttempt(std::optional<pool::Outcome> outcome);

  // False when the exchange has ended.
  bool PumpRequest();
  // Reads until the upstream is congested (kData), the client has no more now, the body ends, or
  // the exchange has ended (kBroken).
  BodyStep::Kind FillUpstream();
  void OnRequestBroken(http::Refusal refusal);
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

  // exchange_timers.cc
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
  pool::TimePoint AwaitDeadline();
  void OnAwaitTimeout();
  void ArmTimer();
  void NoteProgress() { last_progress_ = context_->loop->now(); }
  void NoteRequestDone() {
    request_done_ = true;
    response_due_since_ = context_->loop->now();
  }

  std::string_view DefaultHost() const;
  pool::Cluster& cluster() { return view_->cluster(route_->upstream); }
  const std::string& upstream_name() const {
    return view_->snapshot().config().upstreams[route_->upstream].name;
  }

  WorkerContext* context_;
  Client client_{};
  TrueClient true_client_;
  ViewPin view_;
  uint32_t listener_index_ = 0;  // the listener's place in view_; a reload may give it another
  const route::Route* route_ = nullptr;
  State state_ = State::kIdle;
  Http1Upstream upstream_;
  Attempts attempts_;
  ExchangeAccount account_;

  http::RequestHead request_;
  http::PathForm path_form_;  // request_.path may point into it
  http::ResponseHead response_;
  pool::Buffer head_bytes_;  // what request_ points into
  ReplayBody replay_;
  LocalReply reply_;
  Tunnel tunnel_;

  uint64_t body_received_ = 0;  // of the request, decoded
  uint64_t discarded_ = 0;
  bool request_done_ = false;  // read to its end and handed to the upstream
  bool continued_ = false;     // the upstream asked for the body (100)
  bool discarding_ = false;    // the request's body is read for the connection's sake only
  bool te_trailers_ = false;
  std::optional<uint64_t> hash_;  // what the choice of the endpoint goes by

  InterimBudget interim_;  // of this attempt

  pool::TimePoint begun_;  // with the request's head complete
  pool::TimePoint last_progress_;
  // Since when nobody but the upstream can bring the response about, in this attempt.
  pool::TimePoint response_due_since_;
  pool::TimePoint proving_since_;
  // kCheckout: when another connection is asked for; kProving: when to look again.
  std::optional<pool::TimePoint> wake_at_;
  std::optional<pool::TimePoint> client_ended_at_;
  pool::MemberTimer<Exchange, &Exchange::OnTimer> timer_{this};
  pool::MemberTask<Exchange, &Exchange::Progress> progress_task_{this};
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_EXCHANGE_H_
