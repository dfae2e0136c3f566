#include "pool/connection_pool.h"
#include "pool/net/check.h"

// Those who wait for a connection: which of them gets what there is.

namespace holdfast::pool {

// Nothing is at hand.
Checkout ConnectionPool::OpenOrWait(Waiter* waiter, bool fresh, const ProxiedEnds* ends) {
  Checkout checkout;
  if (!shelf_->totals().MayWait()) {
    checkout.refusal = CheckoutResult::kPendingBreaker;
    cells_->checkout(checkout.refusal).Add();
    return checkout;
  }
  if (coming() <= waiters_.size()) {
    const Client client = of_one_client() ? Client{.waiter = waiter, .ends = ends} : Client{};
    Supply supply = Obtain(fresh, client, &checkout.refusal);
    // Only those for whom nothing is coming are in the queue.
    if (supply == Supply::kCapped &&
        uncovered() + shelf_->WantedElsewhere(context_.worker) >= limits_.queue_size) {
      checkout.refusal = CheckoutResult::kQueueFull;
      supply = Supply::kFailed;
    }
    if (supply == Supply::kFailed) {
      cells_->checkout(checkout.refusal).Add();
      return checkout;
    }
  }
  waiters_.Begin(*waiter, fresh);
  ShowLoad();
  ShowWaiting();
  checkout.status = Checkout::Status::kWaiting;
  return checkout;
}

void ConnectionPool::TakeOver(Waiter& waiter) {
  context_.loop->AssertInLoop();
  HOLDFAST_CHECK(!waiter.waiting());
  waiters_.Add(waiter);
  ShowLoad();
  QueueServing();
}

Waiter* ConnectionPool::Reclaim(const ConnectionPool& lender, const UpstreamConnection& opened) {
  Waiter* const waiter = waiters_.FirstLentBy(
      *lender.shelf_, [&](const Request& wanted) { return lender.MayServe(opened, wanted.ends); });
  if (waiter != nullptr) RemoveWaiter(*waiter);
  return waiter;
}

void ConnectionPool::RemoveWaiter(Waiter& waiter) {
  waiters_.Remove(waiter);
  ShowLoad();
}

void ConnectionPool::FailWaiter(Waiter& waiter, CheckoutFailure failure) {
  RemoveWaiter(waiter);
  cells_->checkout(failure.result).Add();
  waiter.OnCheckoutFailed(failure, key_.address);
}

void ConnectionPool::OnWaitCancelled() {
  context_.loop->AssertInLoop();
  ShowLoad();
  ShowWaiting();
}

void ConnectionPool::Serve(Waiter& waiter, UpstreamConnection& upstream) {
  // Opened a moment ago: others may have had a lease of it since, but it was never idle.
  const bool new_here =
      upstream.state() != UpstreamConnection::State::kIdle && !upstream.was_kept();
  HOLDFAST_CHECK(!waiter.wanted().fresh || new_here);
  RemoveWaiter(waiter);
  waiter.OnLease(LeaseOut(upstream));
}

void ConnectionPool::ServeFromKept() {
  // Those who ask again from inside the call have their turn later: they must not hold the loop.
  for (size_t left = waiters_.willing(); left > 0 && spoken_for() > 0; --left) {
    UpstreamConnection* const usable = FindUsable();
    if (usable == nullptr) return;
    Serve(waiters_.FirstWilling(), *usable);
  }
}

void ConnectionPool::ServeWaiters() {
  ServeFromKept();
  bool again = spoken_for() > 0;
  while (coming() < waiters_.size()) {
    CheckoutResult refusal;
    const Client client = NextClient();
    const Supply supply = Obtain(waiters_.willing() == 0, client, &refusal);
    if (supply == Supply::kCapped) break;
    if (supply == Supply::kFailed) {
      FailNext(client, refusal);
      again = true;
      break;  // The rest is tried in a later turn: a failing connect must not hold the loop.
    }
  }
  TrimIdle();
  ShowWaiting();
  if (again) QueueServing();
}

void ConnectionPool::QueueServing() {
  if (!waiters_.empty()) context_.loop->Queue(serve_task_);
}

void ConnectionPool::ShowWaiting() {
  share_.ShowWaiting(uncovered(), waiters_.SinceOr(TimePoint()));
}

void ConnectionPool::OnWaitsDue(TimePoint now) {
  ServeFromKept();
  for (size_t left = waiters_.size(); left > 0; --left) {
    Waiter* const due = waiters_.FirstDue(now);
    if (due == nullptr) break;
    FailWaiter(*due, waiters_.WhyDue(*due, now));
  }
  waiters_.ArmForAll();
  ShowWaiting();
}

}  // namespace holdfast::pool
