#include "pool/upstream_connection.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "pool/connect_result.h"
#include "pool/connection_pool.h"
#include "pool/net/check.h"
#include "pool/net/plain_transport.h"

namespace holdfast::pool {

// A connect that succeeded inside the call (UNIX sockets) is waited for as well: the socket reports
// writable in the next turn, and there is one way to become connected.
UpstreamConnection::UpstreamConnection(ConnectionPool* pool, EventLoop* loop, SlabPool* slabs,
                                       FileDescriptor socket, ConnectionRecord record)
    : pool_(pool),
      loop_(loop),
      connection_(loop, slabs, std::make_unique<PlainTransport>(std::move(socket)), this,
                  Connection::Stage::kEstablishing),
      record_(std::move(record)),
      state_(State::kConnecting) {}

UpstreamConnection::UpstreamConnection(ConnectionPool* pool, EventLoop* loop, SlabPool* slabs,
                                       SparedConnection spared)
    : pool_(pool),
      loop_(loop),
      connection_(loop, slabs, std::move(spared.transport), this, Connection::Stage::kEstablished),
      record_(std::move(spared.record)),
      came_from_elsewhere_(true),
      state_(State::kIdle) {}

bool UpstreamConnection::MayMove(State from, State to) {
  switch (from) {
    case State::kConnecting: return to != State::kConnecting && to != State::kAside;
    case State::kIdle: return to == State::kLeased || to == State::kClosed;
    case State::kAside: return to != State::kConnecting && to != State::kAside;
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
    written_before_lease_ = connection_.transport().wire_bytes_written();
  } else {
    connection_.set_events(this);
  }
  // It lives on to the end of the turn, in which the timer may be due.
  if (next == State::kClosed) loop_->timers().Cancel(timer_);
}

void UpstreamConnection::OnConnectionReady() {
  switch (state_) {
    case State::kConnecting: return FinishConnect();
    case State::kAside:
    case State::kIdle:
      if (const CloseReason end = IdleEnd(); end != CloseReason::kNone)
        pool_->CloseIdle(*this, end);
      return;
    case State::kLeased:  // The holder listens instead.
    case State::kClosed:  // Closed sockets have no events.
      HOLDFAST_CHECK(false);
  }
}

void UpstreamConnection::BeginConnect(TimePoint now, const ConnectPlan& plan) {
  deadline_ = plan.deadline;
  slow_at_ = plan.slow_at;
  if (plan.again) {
    again_after_ = kFirstAgain;
    again_at_ = now + again_after_;
  }
  ArmForConnect();
}

void UpstreamConnection::ArmForConnect() {
  const TimePoint never = TimePoint::max();
  loop_->timers().Arm(timer_,
                      std::min({*deadline_, slow_at_.value_or(never), again_at_.value_or(never)}));
}

// An unconnected socket would only report that it hangs up, so the loop watches it from now on.
void UpstreamConnection::ConnectOnceMore(TimePoint now) {
  int error = ConnectAgain(connection_.fd(), pool_->key().address);
  if (error == EAGAIN) {
    again_after_ = std::min(again_after_ * 2, kLastAgain);
    again_at_ = now + again_after_;
    return;
  }
  again_at_.reset();
  if (error == 0) error = connection_.Open();
  if (error != 0) pool_->OnConnectFailed(*this, ConnectResult(error, /*routed=*/true));
}

void UpstreamConnection::FinishConnect() {
  // A peer that has ended or spoken before it was asked is of no use to any request: what it says
  // is no response (RFC 9112 section 9.2).
  const bool quiet =
      !connection_.gone() && (!connection_.readable() || connection_.Inspect() == Quiet::kQuiet);
  if (connection_.established() && quiet) return pool_->OnConnected(*this);
  pool_->OnConnectFailed(*this, ConnectResult(connection_.error(), /*routed=*/true));
}

// Nobody asked: what the peer says is no response, and spoils the connection. Its end comes first,
// which is what may be learned from.
CloseReason UpstreamConnection::IdleEnd() {
  const bool ended = connection_.gone() || connection_.end() != ConnectionEnd::kOpen;
  switch (ended ? Quiet::kEnd : connection_.Inspect()) {
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
  if (!connection_.open()) return false;
  const std::optional<uint64_t> taken = connection_.transport().wire_bytes_acknowledged();
  return taken.has_value() && *taken <= written_before_lease_;
}

void UpstreamConnection::OnTimer(TimePoint now) {
  switch (state_) {
    case State::kConnecting:
      if (now >= *deadline_) return pool_->OnConnectFailed(*this, CheckoutResult::kConnectTimeout);
      if (slow_at_.has_value() && now >= *slow_at_) {
        slow_at_.reset();
        pool_->OnConnectSlow(*this);
      }
      if (again_at_.has_value() && now >= *again_at_) ConnectOnceMore(now);
      if (state_ == State::kConnecting) ArmForConnect();
      return;
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
    case State::kClosed: HOLDFAST_CHECK(false);
  }
}

void UpstreamConnection::BeginIdle(TimePoint since, std::optional<Duration> idle_timeout) {
  record_.idle_since = since;
  deadline_.reset();
  if (idle_timeout.has_value()) deadline_ = since + *idle_timeout;
  ArmForIdleEnd();
}

SparedConnection UpstreamConnection::Spare() {
  SparedConnection spared{.transport = connection_.Release(), .record = std::move(record_)};
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
