#include "pool/waiter.h"

#include <algorithm>

#include "pool/net/check.h"
#include "pool/openings.h"
#include "pool/wait_queue.h"

namespace holdfast::pool {

void Waiter::CancelWait() {
  if (queue_ != nullptr) queue_->Cancel(*this);
}

void Waiter::BeginWait(TimePoint now, bool fresh) {
  HOLDFAST_CHECK(!waiting());
  since_ = now;
  wanted_ = Request{.fresh = fresh};
  lenders_.clear();
}

void Waiter::Remember(const Request& request) {
  // It may have to be a fresh one for the pool's sake.
  const bool fresh = wanted_.fresh;
  HOLDFAST_CHECK(waiting() && (fresh || !request.fresh));
  wanted_ = request;
  wanted_.fresh = fresh;
}

bool Waiter::LentBy(const Shelf& shelf) const {
  return std::ranges::find(lenders_, &shelf) != lenders_.end();
}

void Waiter::EnterQueue(WaitQueue* queue) {
  HOLDFAST_CHECK(queue_ == nullptr && queue != nullptr);
  queue_ = queue;
}

void Waiter::LeaveQueue(const WaitQueue* queue) {
  HOLDFAST_CHECK(queue_ == queue);
  queue_ = nullptr;
  if (opening_ != nullptr) opening_->OnWaiterGone();
}

}  // namespace holdfast::pool
