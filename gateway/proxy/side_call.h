#ifndef HOLDFAST_GATEWAY_PROXY_SIDE_CALL_H_
#define HOLDFAST_GATEWAY_PROXY_SIDE_CALL_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/http/message.h"
#include "gateway/proxy/exchange_account.h"
#include "gateway/proxy/failure.h"
#include "gateway/proxy/upstream_call.h"
#include "pool/net/clock.h"
#include "pool/net/event_loop.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::proxy {

// Hears that a side call is over, never from inside one of its calls.
class SideCallEvents {
 public:
  virtual void OnSideCallOver() = 0;

 protected:
  ~SideCallEvents() = default;
};

// A request of the gateway's own to an upstream, beside an exchange's call: a head goes out, with a
// body that is there as a whole or none, and the answer is taken in as a whole, within a time and a
// size, or read to its end and thrown away. It goes through the upstream's pool with everything
// that belongs to that: kept connections, retries, ejection.
//
// Used again and again: Begin, then over, then Clear. Loop thread. Destruction ends the call.
class SideCall final : private CallEvents {
 public:
  // Of the answer's body, where it is kept; one that is longer is no answer.
  static constexpr size_t kMaxBodyBytes = 64 * 1024;
  // Of memory for answers, from one call to the next.
  static constexpr size_t kMaxKeptBytes = 4096;
  // Steps of an answer's body in one turn, so that a fast one does not hold up the others.
  static constexpr int kMaxRounds = 16;

  enum class Answer : uint8_t {
    kKept,
    kDiscarded,  // but for its status; its body may have any length
  };

  SideCall(WorkerContext* context, SideCallEvents* events, Answer answer = Answer::kKept);
  ~SideCall() { Clear(); }
  SideCall(const SideCall&) = delete;
  SideCall& operator=(const SideCall&) = delete;

  // Begins a call that has `limit` to be over. What `request` points to outlives it, and so does
  // `body`, whose length the head says. True: it is over already.
  bool Begin(const UpstreamCall::Request& request, pool::Duration limit,
             std::string_view body = {});
  bool over() const { return state_ == State::kOver; }
  // Ends the call, if one is under way, and forgets its answer.
  void Clear();

  // Once it is over: kNone, or why there is no answer.
  Failure failure() const { return failure_; }
  // The upstream was not reached, or has said nothing in time: no word of it, and nothing that it
  // has done, is why there is no answer.
  bool unreached() const;
  // With kUpstreamBadResponse: the rule that was broken, if it is one of framing.
  http::Refusal refusal() const { return refusal_; }
  // The answer; its fields point into the call. Fields of one hop are marked as dropped. Of one
  // that is discarded there are none, and no body.
  const http::ResponseHead& head() const { return head_; }
  std::string_view body() const { return body_; }
  // Of memory, for the answer.
  size_t kept_bytes() const { return text_.capacity() + body_.capacity(); }

 private:
  enum class State : uint8_t { kAtRest, kCalling, kHead, kBody, kOver };

  void OnCallReady() override;
  void MoveTo(State next);
  void RunTask();
  void Follow(UpstreamCall::Stage stage);
  void Advance();
  void SendBody();
  void ReadHead();
  void OnBroken(const stream::HeadStep& step);
  void ReadBody();
  // False: it would be longer than it may be.
  bool TakeIn(const stream::BodyStep& step);
  // The views of the stream's head end with the next step: they are moved into text_.
  void Keep(const http::ResponseHead& head);
  void Conclude(Failure failure);
  void Count();
  Failure LateIn(State state) const;
  void ArmTimer();
  void OnTimer(pool::TimePoint now);

  WorkerContext* context_;
  SideCallEvents* events_;
  ExchangeAccount account_;  // of attempts; only the call reads it
  UpstreamCall call_;
  const Answer answer_;
  std::string_view request_body_;
  State state_ = State::kAtRest;
  pool::TimePoint deadline_;
  std::string_view unsent_;  // of the request's body, in this attempt
  int informational_ = 0;
  const pool::Cluster* cluster_ = nullptr;
  Failure failure_ = Failure::kNone;
  http::Refusal refusal_ = http::Refusal::kNone;
  http::ResponseHead received_;  // points into the stream
  http::ResponseHead head_;
  std::string text_;  // what head_ points to
  std::string body_;
  pool::MemberTimer<SideCall, &SideCall::OnTimer> timer_{this};
  pool::MemberTask<SideCall, &SideCall::RunTask> progress_task_{this};
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_SIDE_CALL_H_
