#include "pool/waiter.h"

#include <algorithm>

#include "pool/net/check.h"
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
  HOLDFAST_CHECK(waiting() && request.fresh == wanted_.fresh);
  wanted_ = request;
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
}

}  // namespace holdfast::pool
