#include "pool/upstream_connection.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {

namespace {

using State = UpstreamConnection::State;

// A bit for each of them.
constexpr uint8_t SetOf(std::initializer_list<State> states) {
  uint8_t set = 0;
  for (const State state : states) set |= static_cast<uint8_t>(1 << static_cast<int>(state));
  return set;
}

// By state, the states that may follow it.
constexpr std::array<uint8_t, 7> kFollowers = {
    SetOf({State::kIdle, State::kOpen, State::kFull, State::kClosed}),                    // kNew
    SetOf({State::kOpen, State::kFull, State::kClosed}),                                  // kIdle
    SetOf({State::kIdle, State::kFull, State::kClosed}),                                  // kAside
    SetOf({State::kIdle, State::kFull, State::kRetired, State::kClosed}),                 // kOpen
    SetOf({State::kIdle, State::kAside, State::kOpen, State::kRetired, State::kClosed}),  // kFull
    SetOf({State::kClosed}),  // kRetired
    SetOf({}),                // kClosed
};
static_assert(static_cast<size_t>(State::kClosed) + 1 == kFollowers.size());

bool Follows(State from, State to) {
  return (kFollowers[static_cast<size_t>(from)] & SetOf({to})) != 0;
}

}  // namespace

// Every lease goes through these five.
inline void UpstreamConnection::MoveTo(State next) {
  HOLDFAST_CHECK(Follows(state_, next));
  state_ = next;
}

// A client's own carries one request at a time, whatever its protocol could.
inline uint32_t UpstreamConnection::CapacityNow() const {
  if (exclusive_ || record_.authenticated) return 1;
  return std::min(protocol_->capacity(), record_.terms.slots);
}

inline void UpstreamConnection::UpdateCapacity() {
  if (!exclusive_) capacity_ = CapacityNow();
}

inline void UpstreamConnection::BecomeUnused(State next) {
  HOLDFAST_CHECK(used_ <= 1);
  used_ = 0;
  UpdateCapacity();
  MoveTo(next);
  connection_->set_events(this);
}

// An earlier wake-up that is armed already may stay: it looks at the deadlines when it comes, which
// is cheaper than moving the timer for every lease.
inline void UpstreamConnection::ArmForIdleEnd() {
  const TimePoint next = std::min(deadline_, record_.terms.expires_at.value_or(TimePoint::max()));
  if (next == TimePoint::max()) return;
  if (!timer_.armed() || timer_.deadline() > next) loop_->timers().Arm(timer_, next);
}

inline void UpstreamConnection::SetDeadline(std::optional<Duration> timeout) {
  deadline_ = timeout.has_value() ? record_.idle_since + *timeout : TimePoint::max();
  ArmForIdleEnd();
}

UpstreamConnection::UpstreamConnection(UpstreamConnectionOwner* owner, EventLoop* loop,
                                       std::unique_ptr<Connection> connection,
                                       std::unique_ptr<ConnectionProtocol> protocol,
                                       ConnectionRecord record, Origin origin)
    : owner_(owner),
      loop_(loop),
      connection_(std::move(connection)),
      protocol_(std::move(protocol)),
      record_(std::move(record)),
      capacity_(record_.authenticated ? 1 : std::min(protocol_->capacity(), record_.terms.slots)),
      came_from_elsewhere_(origin == Origin::kSpared),
      exclusive_(protocol_->listener() == nullptr),
      travels_(protocol_->travels()) {
  HOLDFAST_CHECK(connection_->open() && connection_->established());
  HOLDFAST_CHECK(record_.permit.held());
  HOLDFAST_CHECK(capacity_ > 0 && (!exclusive_ || capacity_ == 1));
  connection_->set_events(this);
  protocol_->Attach(this);
}

bool UpstreamConnection::MayMove(State from, State to) { return Follows(from, to); }

CheckoutResult UpstreamConnection::TakeSlot() {
  HOLDFAST_CHECK(free_slots() > 0);
  const bool tied = state_ == State::kAside;
  if (used_ == 0) {
    was_kept_ = state_ != State::kNew;
    if (!exclusive_) connection_->set_events(protocol_->listener());
  }
  const CheckoutResult result = record_.leases == 0 ? CheckoutResult::kFresh
                                : tied              ? CheckoutResult::kTied
                                : std::exchange(came_from_elsewhere_, false)
                                    ? CheckoutResult::kShared
                                    : CheckoutResult::kReused;
  ++record_.leases;
  ++used_;
  const State next = used_ < capacity_ ? State::kOpen : State::kFull;
  if (state_ != next) MoveTo(next);
  return result;
}

void UpstreamConnection::ReturnSlot() {
  HOLDFAST_CHECK(used_ > 1 && !exclusive_);
  --used_;
  Refresh();
}

void UpstreamConnection::Refresh() {
  UpdateCapacity();
  if (used_ == 0 || state_ == State::kRetired) return;
  const State next = used_ < capacity_ ? State::kOpen : State::kFull;
  if (state_ != next) MoveTo(next);
}

void UpstreamConnection::Retire(CloseReason reason) {
  HOLDFAST_CHECK(used_ > 0 && reason != CloseReason::kNone);
  if (state_ == State::kRetired) return;
  MoveTo(State::kRetired);
  retired_ = reason;
}

void UpstreamConnection::BeginIdle(TimePoint since, std::optional<Duration> timeout) {
  HOLDFAST_CHECK(tie_ == nullptr && !record_.authenticated);
  BecomeUnused(State::kIdle);
  record_.idle_since = since;
  SetDeadline(timeout);
}

void UpstreamConnection::BeginAside(ConnectionTie* tie, TimePoint since,
                                    std::optional<Duration> timeout) {
  HOLDFAST_CHECK(record_.authenticated ? tie != nullptr : exclusive_);
  BecomeUnused(State::kAside);
  tie_ = tie;
  record_.idle_since = since;
  SetDeadline(timeout);
}

void UpstreamConnection::SetIdleTimeout(std::optional<Duration> timeout) {
  HOLDFAST_CHECK(state_ == State::kIdle || state_ == State::kAside);
  SetDeadline(timeout);
}

// It lives on to the end of the turn, in which the timer may be due.
void UpstreamConnection::Close() {
  HOLDFAST_CHECK(tie_ == nullptr);
  BecomeUnused(State::kClosed);
  loop_->timers().Cancel(timer_);
  connection_->Close();
  record_.permit.Release();
}

SparedConnection UpstreamConnection::Spare(TimePoint idle_since) {
  HOLDFAST_CHECK(Detachable() && !record_.authenticated);
  record_.idle_since = idle_since;
  BecomeUnused(State::kClosed);
  loop_->timers().Cancel(timer_);
  return {.transport = connection_->Release(), .record = std::move(record_)};
}

void UpstreamConnection::OnConnectionReady() {
  switch (state_) {
    case State::kAside:
    case State::kIdle:
      if (const CloseReason end = FindEnd(); end != CloseReason::kNone) {
        owner_->OnIdleEnd(*this, end);
      }
      return;
    case State::kNew:   // It is given to somebody at once.
    case State::kOpen:  // The holder or the protocol listens instead.
    case State::kFull:
    case State::kRetired:
    case State::kClosed:  // Closed sockets have no events.
      HOLDFAST_CHECK(false);
  }
}

// The peer's end comes first, which is what may be learned from.
CloseReason UpstreamConnection::FindEnd() {
  const bool over =
      !connection_->open() || connection_->gone() || connection_->end() != ConnectionEnd::kOpen;
  if (used_ > 0) return over ? CloseReason::kPeerClosed : CloseReason::kNone;
  if (over) return CloseReason::kIdlePeerClosed;
  const CloseReason end = protocol_->OnIdleReadable(*connection_);
  if (end == CloseReason::kNone && CapacityNow() != capacity_) owner_->OnProtocolNews(*this);
  return end;
}

void UpstreamConnection::OnProtocolChanged() {
  HOLDFAST_CHECK(state_ != State::kNew);
  if (state_ == State::kClosed) return;
  const CloseReason end = used_ == 0 ? protocol_->end() : CloseReason::kNone;
  if (end == CloseReason::kPeerClosed)
    return owner_->OnIdleEnd(*this, CloseReason::kIdlePeerClosed);
  if (end != CloseReason::kNone) return owner_->OnIdleEnd(*this, end);
  owner_->OnProtocolNews(*this);
}

void UpstreamConnection::OnTimer(TimePoint now) {
  HOLDFAST_CHECK(state_ != State::kNew && state_ != State::kClosed);
  if (state_ != State::kIdle && state_ != State::kAside) return;  // Armed again when it is idle.
  if (now >= deadline_) {
    if (state_ == State::kAside && tie_ == nullptr) return owner_->OnRestOver(*this);
    owner_->OnIdleEnd(*this, CloseReason::kIdleTimeout);
  } else if (too_old(now)) {
    owner_->OnIdleEnd(*this, CloseReason::kMaxAge);
  } else {
    ArmForIdleEnd();
  }
}

bool UpstreamConnection::Validate() const {
  if (state_ == State::kClosed) return used_ == 0 && !linked();
  if (!record_.permit.held() || (tie_ != nullptr && state_ != State::kAside)) return false;
  const bool in_use = state_ == State::kOpen || state_ == State::kFull || state_ == State::kRetired;
  if (in_use != (used_ > 0) || record_.leases < used_) return false;
  if (state_ == State::kOpen && used_ >= capacity_) return false;
  return (state_ == State::kRetired) == (retired_ != CloseReason::kNone);
}

}  // namespace holdfast::pool
