#include "pool/openings.h"

#include <utility>

#include "pool/net/check.h"
#include "pool/waiter.h"

namespace holdfast::pool {
namespace {

CloseReason CloseReasonOf(CheckoutResult result) {
  switch (result) {
    case CheckoutResult::kConnectTimeout: return CloseReason::kConnectTimeout;
    case CheckoutResult::kTlsFailed:
    case CheckoutResult::kTlsTimeout: return CloseReason::kTlsFailed;
    default: return CloseReason::kConnectFailed;
  }
}

}  // namespace

OpenReason WhyOpen(const OpenFacts& facts) {
  if (facts.fresh) return OpenReason::kRetry;
  if (facts.has_connections) return OpenReason::kAllBusy;
  switch (facts.last_end) {
    case CloseReason::kNone:
      return facts.idle_elsewhere ? OpenReason::kKeyMismatch : OpenReason::kEmpty;
    case CloseReason::kIdleTimeout: return OpenReason::kExpired;
    case CloseReason::kGoaway:
    case CloseReason::kIdlePeerClosed:
    case CloseReason::kIdleBytes: return OpenReason::kPeerClosed;
    case CloseReason::kMaxAge:
    case CloseReason::kMaxRequests: return OpenReason::kMaxAge;
    case CloseReason::kIdleOff:
    case CloseReason::kIdleEvicted: return OpenReason::kCap;
    case CloseReason::kDrained:
    case CloseReason::kUnhealthy: return OpenReason::kUnhealthy;
    default: return OpenReason::kNotKept;
  }
}

void Opening::Forsake() {
  HOLDFAST_CHECK(!forsaken_);
  forsaken_ = true;
}

void Opening::Reserve(Waiter* waiter) {
  HOLDFAST_CHECK(waiter_ == nullptr && waiter->opening_ == nullptr && !forsaken_);
  waiter_ = waiter;
  waiter->opening_ = this;
}

Waiter* Opening::TakeWaiter() {
  if (waiter_ != nullptr) waiter_->opening_ = nullptr;
  return std::exchange(waiter_, nullptr);
}

void Opening::OnWaiterGone() {
  HOLDFAST_CHECK(waiter_ != nullptr);
  TakeWaiter();
  openings_->Forsake(*this);
}

bool Opening::Begin(Dialer* dialer, const EndpointKey& key, const DialTerms& terms,
                    CheckoutResult* refusal) {
  HOLDFAST_CHECK(attempt_ == nullptr && record_.permit.held());
  DialStart start = dialer->Dial(key, terms, this);
  attempt_ = std::move(start.attempt);
  if (attempt_ == nullptr) *refusal = start.refusal;
  return attempt_ != nullptr;
}

void Opening::OnDialSlow() { openings_->OnSlow(*this); }

void Opening::OnDialed(std::unique_ptr<Connection> connection) {
  openings_->OnDialed(*this, std::move(connection));
}

void Opening::OnDialFailed(CheckoutFailure failure) { openings_->OnFailed(*this, failure); }

Openings::Openings(EventLoop* loop, Dialer* dialer, const EndpointKey* key,
                   std::shared_ptr<Shelf> shelf, PoolCells* cells, OpeningsOwner* owner)
    : loop_(loop),
      dialer_(dialer),
      key_(key),
      shelf_(std::move(shelf)),
      cells_(cells),
      owner_(owner) {
  HOLDFAST_CHECK(dialer_ != nullptr && owner_ != nullptr);
}

Openings::~Openings() { HOLDFAST_CHECK(list_.empty() && forsaken_ == 0); }

// With room wanted and idle connections to spare, it is a fresh one that is wanted: it is worth
// more to a repetition than the oldest idle one.
Openings::Room Openings::MakeRoom(ConnectionPermit* permit, CheckoutResult* refusal) {
  HOLDFAST_CHECK(!permit->held());
  bool breaker = false;
  const auto take = [&] {
    *permit = ConnectionPermit::Take(shelf_, &breaker);
    return permit->held();
  };
  if (take() || (owner_->EvictHere() && take())) return Room::kThere;
  if (shelf_->OutOfDescriptors() && owner_->EvictElsewhere() && take()) return Room::kThere;
  // With no connection of this pool's own left, none will come back to a request that waits.
  const bool lost = shelf_->OutOfDescriptors() && owner_->OtherConnections() + size() == 0;
  if (!breaker && !lost) return Room::kCapped;
  *refusal = breaker ? CheckoutResult::kConnectionsBreaker : CheckoutResult::kNoDescriptors;
  return Room::kRefused;
}

bool Openings::Start(ConnectionRecord record, const DialTerms& terms, bool forsaken, Waiter* whom,
                     CheckoutResult* refusal) {
  const OpenReason reason = record.open_reason;
  auto opening = std::make_unique<Opening>(this, std::move(record), forsaken);
  if (!opening->Begin(dialer_, *key_, terms, refusal)) {
    NoteFailure(*refusal);
    return false;
  }
  cells_->opened(reason).Add();
  cells_->connecting.Add(1);
  if (whom != nullptr) opening->Reserve(whom);
  list_.PushBack(*opening.release());
  forsaken_ += forsaken ? 1 : 0;
  return true;
}

void Openings::Forsake(Opening& opening) {
  HOLDFAST_CHECK(list_.Contains(opening));
  opening.Forsake();
  ++forsaken_;
}

void Openings::Abandon(CloseReason reason) {
  while (!list_.empty()) {
    Opening& opening = *list_.back();
    opening.GiveUp();
    opening.TakeWaiter();
    cells_->closed(reason).Add();
    Remove(opening);
  }
}

void Openings::ForEachRecord(const std::function<void(ConnectionRecord*)>& apply) {
  for (Opening* opening = list_.front(); opening != nullptr;
       opening = IntrusiveList<Opening>::Next(*opening)) {
    apply(&opening->record());
  }
}

void Openings::NoteFailure(CheckoutResult result) {
  const bool silent =
      result == CheckoutResult::kConnectTimeout || result == CheckoutResult::kTlsTimeout;
  if (silent || result == CheckoutResult::kConnectUnreachable) Doubt();
  if (!silent) slow_ = false;
}

void Openings::Doubt() {
  doubtful_ = true;
  probe_at_ = loop_->now() + kDoubtTime;
}

bool Openings::TakeProbe() {
  if (!doubtful_ || loop_->now() < probe_at_) return false;
  probe_at_ = loop_->now() + kDoubtTime;
  return true;
}

void Openings::OnSlow(Opening& opening) {
  HOLDFAST_CHECK(list_.Contains(opening));
  slow_ = true;
  owner_->OnOpeningSlow(opening);
}

void Openings::OnDialed(Opening& opening, std::unique_ptr<Connection> connection) {
  HOLDFAST_CHECK(connection != nullptr && connection->established());
  slow_ = doubtful_ = false;
  ConnectionRecord record = std::move(opening.record());
  cells_->connect().Observe(loop_->now() - record.opened_at);
  Waiter* const whom = opening.TakeWaiter();
  Remove(opening);
  owner_->OnOpened(std::move(connection), std::move(record), whom);
}

void Openings::OnFailed(Opening& opening, CheckoutFailure failure) {
  cells_->closed(CloseReasonOf(failure.result)).Add();
  const bool forsaken = opening.forsaken();
  Waiter* const whom = opening.TakeWaiter();
  Remove(opening);
  // Before anybody hears of it: who asks for another endpoint shall not be sent back to this one.
  NoteFailure(failure.result);
  owner_->OnOpeningFailed(failure, forsaken, whom);
}

void Openings::Remove(Opening& opening) {
  HOLDFAST_CHECK(!opening.forsaken() || forsaken_ > 0);
  list_.Remove(opening);
  forsaken_ -= opening.forsaken() ? 1 : 0;
  cells_->connecting.Add(-1);
  opening.record().permit.Release();
  loop_->DestroyLater(std::unique_ptr<Opening>(&opening));
}

bool Openings::Validate() const {
  size_t forsaken = 0;
  for (Opening* opening = list_.front(); opening != nullptr;
       opening = IntrusiveList<Opening>::Next(*opening)) {
    if (!opening->record().permit.held()) return false;
    forsaken += opening->forsaken() ? 1 : 0;
  }
  return forsaken == forsaken_;
}

}  // namespace holdfast::pool
