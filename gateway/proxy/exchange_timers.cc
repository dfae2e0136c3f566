#include <algorithm>

#include "gateway/proxy/exchange.h"
#include "pool/net/check.h"

// What ends an exchange in which nothing happens any more.

namespace holdfast::proxy {

using pool::TimePoint;

namespace {

TimePoint After(TimePoint since, std::optional<pool::Duration> limit) {
  return limit.has_value() ? since + *limit : TimePoint::max();
}

}  // namespace

// Who is to do the next thing before there is a response.
Exchange::Party Exchange::AwaitedParty() {
  if (call_.request_done() || BodyHeldBack()) return Party::kResponder;
  return call_.stream().Congested() ? Party::kReader : Party::kRequester;
}

// What ends the present state if nothing happens any more.
TimePoint Exchange::Deadline() {
  const config::Listener& listener = client_.listener->config();
  TimePoint deadline = TimePoint::max();
  switch (state_) {
    case State::kAwait: deadline = AwaitDeadline(); break;
    case State::kRelay: deadline = After(run_.last_progress, run_.route->timeouts.stall); break;
    case State::kTunnel: return After(run_.last_progress, run_.route->tunnel_idle_timeout);
    case State::kFinishing: return After(run_.last_progress, listener.body_timeout);
    case State::kChecking:  // Others who find out are never long about it.
      deadline = admission_.wake_at().value_or(TimePoint::max());
      break;
    case State::kBuffering: deadline = After(run_.last_progress, listener.body_timeout); break;
    case State::kRouting:
    case State::kOver:
    case State::kIdle: return TimePoint::max();
    case State::kCheckout:  // The pool limits the wait for a connection.
      deadline = call_.wake_at().value_or(TimePoint::max());
      break;
  }
  if (run_.client_ended_at.has_value() && state_ != State::kRelay) {
    deadline = std::min(deadline, *run_.client_ended_at + kHalfClosedPatience);
  }
  return std::min(deadline, run_.ends.value_or(TimePoint::max()));
}

TimePoint Exchange::AwaitDeadline() {
  switch (AwaitedParty()) {
    case Party::kResponder:
      return std::min(After(run_.last_progress, run_.route->timeouts.first_byte),
                      After(run_.response_due_since, run_.route->retry.per_try_timeout));
    case Party::kRequester:
      return After(run_.last_progress, client_.listener->config().body_timeout);
    case Party::kReader: return After(run_.last_progress, run_.route->timeouts.stall);
  }
  HOLDFAST_CHECK(false);
}

// The deadline only moves away while a state lasts, but for the end of a request's body; the timer
// that is armed may come too early and looks again.
void Exchange::ArmTimer() {
  const TimePoint deadline = Deadline();
  if (deadline == TimePoint::max()) return;
  if (!timer_.armed() || timer_.deadline() > deadline) {
    context_->loop->timers().Arm(timer_, deadline);
  }
}

void Exchange::OnTimer(TimePoint now) {
  if (state_ == State::kIdle || state_ == State::kOver) return;
  NoteBytesSent();
  if (now < Deadline()) return ArmTimer();
  OnTimeout();
  TellIfOver();
}

void Exchange::OnTimeout() {
  if (state_ != State::kTunnel && state_ != State::kFinishing && run_.ends.has_value() &&
      context_->loop->now() >= *run_.ends) {
    if (state_ == State::kChecking) admission_.Clear();
    return Fail(Failure::kTotalTimeout);
  }
  const bool awaited = state_ >= State::kChecking && state_ <= State::kAwait;
  if (awaited && run_.client_ended_at.has_value() &&
      context_->loop->now() >= *run_.client_ended_at + kHalfClosedPatience) {
    return BreakOff(Failure::kClientGone);
  }
  switch (state_) {
    case State::kAwait: return OnAwaitTimeout();
    case State::kBuffering: return OnBufferingTimeout();
    case State::kChecking: return FollowAdmission(admission_.OnWake());
    case State::kCheckout: return FollowCall(call_.OnWake());
    case State::kRelay:
      return BreakOff(client_.stream->Congested() ? Failure::kClientGone : Failure::kStallTimeout);
    case State::kTunnel: account_.failure = Failure::kNone; return Done(/*complete=*/true);
    case State::kFinishing:
      if (!body_.discarding()) return BreakOff(Failure::kClientGone);
      // The request is not worth more time; the response may still be on its way.
      body_.set_discarding(false);
      NoteProgress();
      ArmTimer();
      return ContinueFinish();
    case State::kRouting:
    case State::kOver:
    case State::kIdle: HOLDFAST_CHECK(false);
  }
}

void Exchange::OnAwaitTimeout() {
  switch (AwaitedParty()) {
    case Party::kResponder: return FollowCall(call_.OnFirstByteTimeout());
    case Party::kRequester: return OnBodyTimeout();
    case Party::kReader: return Fail(Failure::kStallTimeout);
  }
}

// What the client has sent may not have been told of yet: its turn is behind that of others.
void Exchange::OnBodyTimeout() {
  client_.stream->LookForMore();
  if (!PumpRequest()) return;
  if (context_->loop->now() < Deadline()) return ArmTimer();
  Fail(Failure::kClientBodyTimeout);
}

}  // namespace holdfast::proxy
