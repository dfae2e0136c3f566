#include "pool/openings.h"

#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {

void Opening::OnDialSlow() { openings_->OnSlow(*this); }

void Opening::OnDialed(std::unique_ptr<Connection> connection) {
  openings_->OnDialed(*this, std::move(connection));
}

void Opening::OnDialFailed(CheckoutResult result) { openings_->OnFailed(*this, result); }

Openings::Openings(EventLoop* loop, Dialer* dialer, const EndpointKey* key, PoolCells* cells,
                   OpeningsOwner* owner)
    : loop_(loop), dialer_(dialer), key_(key), cells_(cells), owner_(owner) {
  HOLDFAST_CHECK(dialer_ != nullptr && owner_ != nullptr);
}

Openings::~Openings() { HOLDFAST_CHECK(list_.empty() && forsaken_ == 0); }

bool Openings::Start(ConnectionRecord record, const DialTerms& terms, bool forsaken,
                     CheckoutResult* refusal) {
  HOLDFAST_CHECK(record.permit.held());
  const OpenReason reason = record.open_reason;
  auto opening = std::make_unique<Opening>(this, std::move(record), forsaken);
  DialStart start = dialer_->Dial(*key_, terms, opening.get());
  if (start.attempt == nullptr) {
    *refusal = start.refusal;
    NoteFailure(start.refusal);
    return false;
  }
  opening->attempt_ = std::move(start.attempt);
  cells_->opened(reason).Add();
  cells_->connecting.Add(1);
  list_.PushBack(*opening.release());
  forsaken_ += forsaken ? 1 : 0;
  return true;
}

void Openings::Forsake(Opening& opening) {
  HOLDFAST_CHECK(list_.Contains(opening) && !opening.forsaken_);
  opening.forsaken_ = true;
  ++forsaken_;
}

void Openings::Abandon(CloseReason reason) {
  while (!list_.empty()) {
    Opening& opening = *list_.back();
    opening.attempt_.reset();
    cells_->closed(reason).Add();
    Remove(opening);
  }
}

void Openings::ForEachRecord(const std::function<void(ConnectionRecord*)>& apply) {
  for (Opening* opening = list_.front(); opening != nullptr;
       opening = IntrusiveList<Opening>::Next(*opening)) {
    apply(&opening->record_);
  }
}

void Openings::NoteFailure(CheckoutResult result) {
  const bool silent = result == CheckoutResult::kConnectTimeout;
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
  ConnectionRecord record = std::move(opening.record_);
  Remove(opening);
  owner_->OnOpened(std::move(connection), std::move(record));
}

void Openings::OnFailed(Opening& opening, CheckoutResult result) {
  cells_
      ->closed(result == CheckoutResult::kConnectTimeout ? CloseReason::kConnectTimeout
                                                         : CloseReason::kConnectFailed)
      .Add();
  const bool forsaken = opening.forsaken_;
  Remove(opening);
  // Before anybody hears of it: who asks for another endpoint shall not be sent back to this one.
  NoteFailure(result);
  owner_->OnOpeningFailed(result, forsaken);
}

void Openings::Remove(Opening& opening) {
  list_.Remove(opening);
  forsaken_ -= opening.forsaken_ ? 1 : 0;
  cells_->connecting.Add(-1);
  opening.record_.permit.Release();
  loop_->DestroyLater(std::unique_ptr<Opening>(&opening));
}

}  // namespace holdfast::pool
