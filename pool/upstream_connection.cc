#include "pool/upstream_connection.h"

#include <algorithm>
#include <utility>

#include "pool/connection_pool.h"
#include "pool/net/check.h"

namespace holdfast::pool {

UpstreamConnection::UpstreamConnection(ConnectionPool* pool, EventLoop* loop,
                                       std::unique_ptr<Connection> connection,
                                       ConnectionRecord record, Origin origin)
    : pool_(pool),
      loop_(loop),
      connection_(std::move(connection)),
      record_(std::move(record)),
      came_from_elsewhere_(origin == Origin::kSpared),
      state_(State::kNew) {
  HOLDFAST_CHECK(connection_->open() && connection_->established());
  HOLDFAST_CHECK(record_.permit.held());
  connection_->set_events(this);
}

bool UpstreamConnection::MayMove(State from, State to) {
  switch (from) {
    case State::kNew: return to != State::kNew && to != State::kAside;
    case State::kIdle: return to == State::kLeased || to == State::kClosed;
    case State::kAside: return to != State::kNew && to != State::kAside;
    case State::kLeased: return to == State::kIdle || to == State::kAside || to == State::kClosed;
    case State::kClosed: return false;
  }
  HOLDFAST_CHECK(false);
}

void UpstreamConnection::MoveTo(State next) {
  HOLDFAST_CHECK(MayMove(state_, next));
  const bool tied = state_ == State::kAside;
  was_kept_ = tied || state_ == State::kIdle;
  state_ = next;
  if (next == State::kLeased) {
    result_ = record_.leases == 0                          ? CheckoutResult::kFresh
              : tied                                       ? CheckoutResult::kTied
              : std::exchange(came_from_elsewhere_, false) ? CheckoutResult::kShared
                                                           : CheckoutResult::kReused;
    ++record_.leases;
    written_before_lease_ = connection_->transport().wire_bytes_written();
  } else {
    connection_->set_events(this);
  }
  // It lives on to the end of the turn, in which the timer may be due.
  if (next == State::kClosed) loop_->timers().Cancel(timer_);
}

void UpstreamConnection::OnConnectionReady() {
  switch (state_) {
    case State::kAside:
    case State::kIdle:
      if (const CloseReason end = IdleEnd(); end != CloseReason::kNone)
        pool_->CloseIdle(*this, end);
      return;
    case State::kNew:     // It is given to somebody at once.
    case State::kLeased:  // The holder listens instead.
    case State::kClosed:  // Closed sockets have no events.
      HOLDFAST_CHECK(false);
  }
}

// Nobody asked: what the peer says is no response, and spoils the connection. Its end comes first,
// which is what may be learned from.
CloseReason UpstreamConnection::IdleEnd() {
  const bool ended = connection_->gone() || connection_->end() != ConnectionEnd::kOpen;
  switch (ended ? Quiet::kEnd : connection_->Inspect()) {
    case Quiet::kQuiet: return CloseReason::kNone;
    case Quiet::kData: return CloseReason::kIdleBytes;
    case Quiet::kEnd:
    case Quiet::kError: return CloseReason::kIdlePeerClosed;
  }
  HOLDFAST_CHECK(false);
}

// Acknowledgements are cumulative (RFC 9293 section 3.4), so what was acknowledged in all tells
// whether any byte of the last request was.
bool UpstreamConnection::NothingAcknowledged() const {
  if (!connection_->open()) return false;
  const std::optional<uint64_t> taken = connection_->transport().wire_bytes_acknowledged();
  return taken.has_value() && *taken <= written_before_lease_;
}

void UpstreamConnection::OnTimer(TimePoint now) {
  switch (state_) {
    case State::kNew:  // Never armed.
    case State::kClosed: break;
    case State::kAside:
    case State::kIdle:
      if (deadline_.has_value() && now >= *deadline_) {
        if (state_ == State::kAside && tie_ == nullptr) return pool_->EndRest(*this);
        pool_->CloseIdle(*this, CloseReason::kIdleTimeout);
      } else if (too_old(now)) {
        pool_->CloseIdle(*this, CloseReason::kMaxAge);
      } else {
        ArmForIdleEnd();
      }
      return;
    case State::kLeased: return;  // Armed again when the lease ends.
  }
  HOLDFAST_CHECK(false);
}

void UpstreamConnection::BeginIdle(TimePoint since, std::optional<Duration> idle_timeout) {
  record_.idle_since = since;
  deadline_.reset();
  if (idle_timeout.has_value()) deadline_ = since + *idle_timeout;
  ArmForIdleEnd();
}

SparedConnection UpstreamConnection::Spare() {
  SparedConnection spared{.transport = connection_->Release(), .record = std::move(record_)};
  MoveTo(State::kClosed);
  return spared;
}

// An earlier wake-up that is armed already may stay: it looks at the deadlines when it comes, which
// is cheaper than moving the timer for every lease.
void UpstreamConnection::ArmForIdleEnd() {
  const TimePoint next =
      std::min(deadline_.value_or(TimePoint::max()), record_.expires_at.value_or(TimePoint::max()));
  if (next == TimePoint::max()) return;
  if (!timer_.armed() || timer_.deadline() > next) loop_->timers().Arm(timer_, next);
}

}  // namespace holdfast::pool
