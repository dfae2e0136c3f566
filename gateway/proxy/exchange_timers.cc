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
  if (request_done_ || BodyHeldBack()) return Party::kResponder;
  return upstream_.Congested() ? Party::kReader : Party::kRequester;
}

// A client that was not told to go on keeps its body back (RFC 9110 section 10.1.1).
bool Exchange::BodyHeldBack() const {
  return request_.expect_continue && !continued_ && !request_done_ && body_received_ == 0;
}

// What ends the present state if nothing happens any more.
TimePoint Exchange::Deadline() {
  const config::Listener& listener = client_.listener->config();
  TimePoint deadline = TimePoint::max();
  switch (state_) {
    case State::kAwaitResponse: deadline = AwaitDeadline(); break;
    case State::kRelay: deadline = After(last_progress_, route_->timeouts.stall); break;
    case State::kTunnel: return After(last_progress_, route_->tunnel_idle_timeout);
    case State::kFinishing: return After(last_progress_, listener.body_timeout);
    case State::kRouting:
    case State::kIdle: return TimePoint::max();
    case State::kCheckout:  // The pool limits the wait for a connection.
    case State::kProving: deadline = wake_at_.value_or(TimePoint::max()); break;
  }
  if (client_ended_at_.has_value() && state_ != State::kRelay) {
    deadline = std::min(deadline, *client_ended_at_ + kHalfClosedPatience);
  }
  return std::min(deadline, After(begun_, route_->timeouts.total));
}

TimePoint Exchange::AwaitDeadline() {
  switch (AwaitedParty()) {
    case Party::kResponder:
      return std::min(After(last_progress_, route_->timeouts.first_byte),
                      After(response_due_since_, route_->retry.per_try_timeout));
    case Party::kRequester: return After(last_progress_, client_.listener->config().body_timeout);
    case Party::kReader: return After(last_progress_, route_->timeouts.stall);
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
  if (state_ == State::kIdle) return;
  if (now >= Deadline()) return OnTimeout();
  ArmTimer();
}

void Exchange::OnTimeout() {
  const auto& total = route_ != nullptr ? route_->timeouts.total : std::nullopt;
  if (state_ != State::kTunnel && state_ != State::kFinishing && total.has_value() &&
      context_->loop->now() >= begun_ + *total) {
    return Fail(Failure::kTotalTimeout);
  }
  const bool awaited =
      state_ == State::kCheckout || state_ == State::kAwaitResponse || state_ == State::kProving;
  if (awaited && client_ended_at_.has_value() &&
      context_->loop->now() >= *client_ended_at_ + kHalfClosedPatience) {
    return BreakOff(Failure::kClientGone);
  }
  switch (state_) {
    case State::kAwaitResponse: return OnAwaitTimeout();
    case State::kProving: return LookForProof();
    case State::kCheckout:
      HOLDFAST_CHECK(wake_at_.has_value());
      wake_at_.reset();
      return Acquire();
    case State::kRelay:
      return BreakOff(client_.stream->Congested() ? Failure::kClientGone : Failure::kStallTimeout);
    case State::kTunnel: account_.failure = Failure::kNone; return Done(/*complete=*/true);
    case State::kFinishing:
      if (!discarding_) return BreakOff(Failure::kClientGone);
      // The request is not worth more time; the response may still be on its way.
      discarding_ = false;
      NoteProgress();
      ArmTimer();
      return ContinueFinish();
    case State::kRouting:
    case State::kIdle: HOLDFAST_CHECK(false);
  }
}

void Exchange::OnAwaitTimeout() {
  switch (AwaitedParty()) {
    case Party::kResponder: return OnFirstByteTimeout();
    case Party::kRequester: return Fail(Failure::kClientBodyTimeout);
    case Party::kReader: return Fail(Failure::kStallTimeout);
  }
}

}  // namespace holdfast::proxy
