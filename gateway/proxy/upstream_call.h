#ifndef HOLDFAST_GATEWAY_PROXY_UPSTREAM_CALL_H_
#define HOLDFAST_GATEWAY_PROXY_UPSTREAM_CALL_H_

#include <cstdint>
#include <optional>
#include <string>

#include "gateway/config/config.h"
#include "gateway/http/serializer.h"
#include "gateway/http1/client_stream.h"
#include "gateway/proxy/attempts.h"
#include "gateway/proxy/exchange_account.h"
#include "gateway/proxy/failure.h"
#include "gateway/proxy/replay_body.h"
#include "gateway/proxy/retry.h"
#include "gateway/stream/stream.h"
#include "pool/cluster.h"
#include "pool/connection_pool.h"
#include "pool/net/check.h"

namespace holdfast::proxy {

struct WorkerContext;

// Hears that its call has come on by itself, outside any call to it: ask stage(). May end the call.
class CallEvents {
 public:
  virtual void OnCallReady() = 0;

 protected:
  ~CallEvents() = default;
};

// Makes streams of leases, where the protocol is not HTTP/1.1 on the connection itself. Loop
// thread. The stream and the lease are given back together by Finish.
class UpstreamStreams {
 public:
  // Null: it is HTTP/1.1.
  virtual stream::UpstreamStream* Open(pool::Lease& lease, http::Method method,
                                       stream::StreamEvents* events) = 0;

 protected:
  ~UpstreamStreams() = default;
};

// One exchange's call to its upstream: has connections given, sends the request's head, keeps what
// may have to be sent again, finds out whether a request that met trouble was acted upon, and
// decides whether it is sent once more.
//
// A member of its exchange, used again and again: between Begin and End. Loop thread.
class UpstreamCall final : private pool::Waiter, private stream::StreamEvents {
 public:
  // A peer that has sent its end under a request will answer what it has not read with a reset,
  // unless it has only ended its sending side. That reset is waited for so long before the request
  // is given up; a lost one is provoked again by the first retransmission (200 ms or more).
  static constexpr pool::Duration kProofPatience = std::chrono::seconds(1);
  // How often it is looked whether the peer has taken the request instead, which nothing tells.
  static constexpr pool::Duration kProofStep = std::chrono::milliseconds(50);

  // What is called, and how. Everything that is pointed to outlives the call.
  struct Request {
    pool::Cluster* cluster = nullptr;
    const config::RetryPolicy* policy = nullptr;
    const http::RequestHead* head = nullptr;
    http::ForwardedFacts facts;
    bool endpoint_host = false;  // facts.host is to be the endpoint's own name
    const http::HeadLimits* response_limits = nullptr;  // over HTTP/1; null: the defaults
    std::optional<uint64_t> hash;                       // what the choice of the endpoint goes by
    const pool::SocketAddress* preferred = nullptr;     // the endpoint that is asked first
    pool::ConnectionTie* tie = nullptr;                 // the client's
    const pool::ProxiedEnds* client_ends = nullptr;     // for a cluster that introduces
    std::optional<pool::TimePoint> ends;                // when the exchange's whole time is over
    bool grpc = false;                                  // it is a call of gRPC
    bool body_kept =
        false;  // whoever calls keeps the body: each attempt is given it from the start
  };

  enum class Stage : uint8_t {
    kAtRest,
    kWaiting,  // for a connection, for the time to ask for another one, or for proof
    kOpen,     // stream() is there and the head was given to it
    kFailed,   // failure() says why; no other attempt follows
  };

  // `account` is told of each attempt.
  UpstreamCall(WorkerContext* context, ExchangeAccount* account, CallEvents* events);

  // Each returns the stage that it leads to.
  Stage Begin(const Request& request);
  // No head came.
  Stage OnTrouble(stream::UpstreamTrouble trouble);
  // The upstream has not answered in time.
  Stage OnFirstByteTimeout();
  // At wake_at(), if that has a value.
  Stage OnWake();
  // Instead of relaying an answer of this status, or of gRPC's if its head has one: kOpen when the
  // answer at hand is the one to relay, with `*replaced` false.
  Stage OnStatus(AnswerStatus status, bool* replaced) {
    HOLDFAST_CHECK(stage_ == Stage::kOpen);
    *replaced = PolicyCovers(*request_.policy, status) && MayReplace(status);
    return *replaced ? Repeat() : stage_;
  }
  // Ends the call. `failure`, and the status if a head was relayed, say how it went.
  void End(Failure failure, AnswerStatus status) {
    if (stage_ != Stage::kAtRest) Finish(failure, status);
  }

  Stage stage() const { return stage_; }
  // While kOpen.
  stream::UpstreamStream& stream() { return *stream_; }
  bool has_stream() const { return stream_ != nullptr; }
  std::optional<pool::TimePoint> wake_at() const { return wake_at_; }
  // With kFailed.
  Failure failure() const { return failure_; }
  const std::string& failure_detail() const { return failure_detail_; }

  // The request's body: to the stream, and kept as long as it may have to be sent again, unless its
  // caller does.
  void SendBody(pool::Buffer& from, size_t bytes);
  // Its trailers stay where they are until the call ends.
  void SendEnd(const http::HeaderList* trailers);
  bool request_done() const { return request_done_; }

 private:
  // Waiter and StreamEvents
  void OnLease(pool::Lease lease) override;
  void OnCheckoutFailed(pool::CheckoutFailure failure,
                        const pool::SocketAddress& endpoint) override;
  void OnStreamReady() override;

  Stage MoveTo(Stage next);
  void Finish(Failure failure, AnswerStatus status);
  Stage Acquire();
  // Takes the lease.
  Stage Open(pool::Lease& lease);
  // The request's Host becomes the name of the endpoint that it is sent to.
  void NameEndpoint();
  Stage Fail(Failure failure, std::string detail = {});
  Stage OnRefused(pool::CheckoutFailure failure, const pool::SocketAddress& endpoint);
  // The endpoint has taken the connection, but not us.
  Stage OnRefusedLate(const char* word);
  // As Fail, over this word of the transport's.
  Stage FailOver(const char* word, Failure failure);
  Stage ConsiderBroken(AttemptEnd end);
  RetryFacts FactsAt(AttemptEnd end);
  bool EndsWholeTime(pool::Duration pause) const;
  bool MayAskNext();
  // It may have been closed while it was idle. One that others use as well is, if it ends before
  // anything has come since the request was sent.
  bool MetKeptConnection() const;
  bool ConnectionEnded() const;
  bool MayBeRefusedLate() const;
  bool MayBeReturned() const { return !lease_.exclusive() && attempts_.MayReturn(); }
  // The connection is at its end, and what that says was said for another of its streams.
  bool IsToldAlready(pool::Outcome outcome) const;
  // Makes ready for another attempt, if that was decided and the budget has room for it.
  bool MayRepeat(RetryDecision decision, std::optional<pool::Outcome> outcome);
  bool MayReplace(AnswerStatus status);
  // After that: now, or when a pause is over.
  Stage Repeat();
  std::optional<pool::Outcome> OutcomeAfter(Failure failure, AnswerStatus status) const;
  // What was sent before to this attempt's stream.
  void SendAgain();
  // What the pool is to count of the attempt that ends.
  void NoteAnswer(pool::ReuseFacts* facts) const;
  // The stream is done with, for this attempt; `outcome` speaks about its endpoint.
  void EndAttempt(std::optional<pool::Outcome> outcome);

  WorkerContext* context_;
  ExchangeAccount* account_;
  CallEvents* events_;
  Request request_;
  Attempts attempts_;
  ReplayBody replay_;
  std::string host_;  // of the endpoint, where the request is to have that
  pool::Lease lease_;
  uint64_t read_before_ = 0;  // on its connection
  pool::TimePoint leased_at_;
  int replaced_ = 0;  // the status of the answer that another attempt is to replace
  stream::UpstreamStream* stream_ = nullptr;
  http1::ClientStream http1_;
  Stage stage_ = Stage::kAtRest;
  bool request_done_ = false;
  bool proving_ = false;  // the stream is broken; it is waited for what tells whether it was read
  const http::HeaderList* trailers_ = nullptr;
  pool::TimePoint proving_since_;
  std::optional<pool::TimePoint> wake_at_;
  Failure failure_ = Failure::kNone;
  std::string failure_detail_;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_UPSTREAM_CALL_H_
