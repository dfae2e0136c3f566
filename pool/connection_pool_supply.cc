#include <utility>

#include "pool/cluster.h"
#include "pool/connect_result.h"
#include "pool/connection_pool.h"
#include "pool/net/check.h"

// How connections come to a pool: opened here, given by another worker, and given to one.

namespace holdfast::pool {

ConnectionPool::Client ConnectionPool::NextClient() const {
  if (!of_one_client()) return {};
  Waiter* const waiter = waiters_.FirstUnserved();
  return {.waiter = waiter, .ends = waiter != nullptr ? waiter->wanted().ends : nullptr};
}

ConnectionPool::Supply ConnectionPool::Obtain(bool fresh, const Client& client,
                                              CheckoutResult* refusal) {
  if (!fresh && share_.AskForSpare(/*all=*/false)) return Supply::kComing;
  const OpenReason reason = WhyOpenNow(fresh);
  ConnectionPermit permit;
  const Openings::Room room = openings_.MakeRoom(&permit, refusal);
  if (room == Openings::Room::kThere) {
    return Open(reason, std::move(permit), client, refusal) ? Supply::kComing : Supply::kFailed;
  }
  if (share_.AskForSpare(/*all=*/true)) return Supply::kComing;
  return room == Openings::Room::kCapped ? Supply::kCapped : Supply::kFailed;
}

OpenReason ConnectionPool::WhyOpenNow(bool fresh) const {
  return WhyOpen({.fresh = fresh && !of_one_client(),
                  .has_connections = connections() > 0,
                  .last_end = idle_.last_end(),
                  .idle_elsewhere = cells_->idle.value() > 0});
}

bool ConnectionPool::Open(OpenReason reason, ConnectionPermit permit, const Client& client,
                          CheckoutResult* refusal, bool forsaken) {
  const TimePoint now = context_.loop->now();
  const Duration slow_after = cluster_ != nullptr ? cluster_->SlowConnect() : kSlowConnect;
  const DialTerms terms{.slow_at = now + slow_after,
                        .deadline = now + limits_.connect_timeout,
                        .ends = client.ends,
                        .for_client = client.waiter != nullptr,
                        .tcp = limits_.tcp};
  ConnectionRecord record{.permit = std::move(permit), .open_reason = reason, .opened_at = now};
  record.terms = NewTerms(now);
  record.authenticated = of_one_client();
  if (client.ends != nullptr) record.ends = std::make_unique<const ProxiedEnds>(*client.ends);
  if (openings_.Start(std::move(record), terms, forsaken, client.waiter, refusal)) return true;
  TellOfFailure(*refusal);
  if (*refusal == CheckoutResult::kConnectUnreachable && cluster_ != nullptr) {
    cluster_->DoubtUnrouted(key_.address.family());
  }
  return false;
}

ConnectionTerms ConnectionPool::NewTerms(TimePoint opened_at) const {
  ConnectionTerms terms;
  terms.slots = limits_.streams_per_connection;
  if (limits_.max_age.has_value()) {
    terms.expires_at = opened_at + context_.random->JitterTenth(*limits_.max_age);
  }
  if (limits_.max_requests.has_value()) {
    terms.max_leases = context_.random->JitterTenth(uint64_t{*limits_.max_requests});
  }
  return terms;
}

// Before anybody who waits hears of it, as openings_ has noted it.
void ConnectionPool::TellOfFailure(CheckoutResult result) {
  if (cluster_ == nullptr) return;
  if (openings_.doubtful()) cluster_->NoteTrouble();
  const std::optional<Outcome> outcome = OutcomeOf(result);
  if (outcome.has_value()) cluster_->Report(key_.address, *outcome);
}

bool ConnectionPool::EvictElsewhere() {
  return context_.pools != nullptr && context_.pools->EvictIdle(*this);
}

// Those it was opened for go on at another endpoint, if there is one to be asked.
void ConnectionPool::OnOpeningSlow(Opening& opening) {
  if (cluster_ == nullptr) return;
  cluster_->NoteTrouble();
  if (opening.forsaken()) return;
  if (of_one_client()) {
    if (opening.waiter() != nullptr) Lend(*opening.waiter());  // which forsakes it
    return;
  }
  bool lent = false;
  for (size_t left = expected_capacity_; left > 0 && !waiters_.empty(); --left) {
    if (!Lend(*waiters_.front())) break;
    if (!std::exchange(lent, true)) openings_.Forsake(opening);
  }
  if (lent && expected_capacity_ > 1) QueueServing();
}

bool ConnectionPool::Lend(Waiter& waiter) {
  ConnectionPool* const other = cluster_->StandInFor(*this, waiter);
  if (other == nullptr) return false;
  HOLDFAST_CHECK(other != this);
  waiters_.Lend(waiter, *shelf_);
  ShowLoad();
  ShowWaiting();
  other->TakeOver(waiter);
  return true;
}

Waiter* ConnectionPool::TakeLent(const UpstreamConnection& opened) {
  return cluster_ != nullptr ? cluster_->ReclaimWaiter(*this, opened) : nullptr;
}

UpstreamConnection& ConnectionPool::Make(std::unique_ptr<Connection> connection,
                                         ConnectionRecord record,
                                         UpstreamConnection::Origin origin) {
  std::unique_ptr<ConnectionProtocol> protocol = context_.protocols->ProtocolFor(key_, *connection);
  HOLDFAST_CHECK(protocol != nullptr);
  UpstreamConnectionOwner* const owner = this;
  auto made = std::make_unique<UpstreamConnection>(owner, context_.loop, std::move(connection),
                                                   std::move(protocol), std::move(record), origin);
  return *made.release();  // Its list owns it.
}

// It serves as many as it carries: those who wait here, and those who have been lent.
void ConnectionPool::OnOpened(std::unique_ptr<Connection> connection, ConnectionRecord record,
                              Waiter* whom) {
  UpstreamConnection& upstream =
      Make(std::move(connection), std::move(record), UpstreamConnection::Origin::kOpenedHere);
  if (of_one_client()) {
    if (whom != nullptr) return Serve(*whom, upstream);
    if (Waiter* const lent = TakeLent(upstream)) return lent->OnLease(LeaseOut(upstream));
    Discard(upstream, CloseReason::kOwnerGone);
    TellRoom();
    return QueueServing();
  }
  // Until the peer says more it is as good a guess as any.
  if (upstream.exclusive() || expected_capacity_ == 1) expected_capacity_ = upstream.capacity();
  bool serves = false;
  for (uint32_t left = upstream.capacity(); left > 0; --left) {
    // From inside the last call it may have been given back, or closed.
    if (serves && upstream.state() != UpstreamConnection::State::kOpen) break;
    if (!waiters_.empty()) {
      serves = true;
      Serve(*waiters_.front(), upstream);
    } else if (Waiter* const lent = TakeLent(upstream)) {
      serves = true;
      lent->OnLease(LeaseOut(upstream));
    } else {
      break;
    }
  }
  if (!serves) KeepIdle(upstream, context_.loop->now());
  // It may carry less than was hoped for.
  QueueServing();
}

void ConnectionPool::OnOpeningFailed(CheckoutFailure failure, bool forsaken, Waiter* whom) {
  idle_.ReturnPlacesBeyond(connections());
  TellOfFailure(failure.result);
  if (whom != nullptr) FailWaiter(*whom, failure);
  forsaken |= of_one_client();
  // Waiters stand for each attempt, unless a connection that came back is there for them, or they
  // went on to another endpoint.
  ServeFromKept();
  for (size_t left = expected_capacity_; !forsaken && left > 0 && coming() < waiters_.size();
       --left) {
    FailFirstWaiter(failure);
  }
  QueueServing();
  TellRoom();
}

void ConnectionPool::Doubt() {
  openings_.Doubt();
  if (cluster_ != nullptr) cluster_->NoteTrouble();
}

void ConnectionPool::ProbeIfDue() {
  if (draining_ || !openings_.TakeProbe()) return;
  bool breaker = false;
  ConnectionPermit permit = ConnectionPermit::Take(shelf_, &breaker);
  if (!permit.held()) return;
  CheckoutResult refusal;
  Open(WhyOpenNow(/*fresh=*/false), std::move(permit), {}, &refusal, /*forsaken=*/true);
}

// What is aside is not given away, but at a cap it gives way: the place is there for whoever asked.
std::optional<SparedConnection> ConnectionPool::GiveSpare(bool all) {
  if (draining_) return std::nullopt;
  const size_t kept = idle_spoken_for() + (all ? 0 : Shelf::kFloor);
  if (idle_.size() > kept && idle_.oldest()->Detachable()) {
    return TakeOut(*idle_.oldest(), idle_.oldest()->idle_since());
  }
  if (all) EvictIdle();
  return std::nullopt;
}

// Its place under the caps goes with it.
SparedConnection ConnectionPool::TakeOut(UpstreamConnection& upstream, TimePoint idle_since) {
  Unlink(upstream);
  SparedConnection spared = upstream.Spare(idle_since);
  context_.loop->DestroyLater(std::unique_ptr<UpstreamConnection>(&upstream));
  idle_.ReturnPlacesBeyond(connections());
  ShowLoad();
  return spared;
}

bool ConnectionPool::GiveToOther(UpstreamConnection& upstream) {
  if (!upstream.Detachable()) return false;
  const std::optional<size_t> other = share_.TakeWish(waiters_.SinceOr(TimePoint::max()));
  if (!other.has_value()) return false;
  share_.Send(*other, TakeOut(upstream, context_.loop->now()));
  return true;
}

void ConnectionPool::OnSpared(std::optional<SparedConnection> spared) {
  if (spared.has_value()) {
    const TimePoint since = spared->record.idle_since;
    const uint64_t served = spared->record.leases;
    auto connection =
        std::make_unique<Connection>(context_.loop, context_.slabs, std::move(spared->transport),
                                     /*events=*/nullptr, Connection::Stage::kEstablished);
    if (connection->Open() == 0) {
      KeepIdle(Make(std::move(connection), std::move(spared->record),
                    UpstreamConnection::Origin::kSpared),
               since);
    } else {
      cells_->closed(CloseReason::kBroken).Add();
      cells_->requests().ObserveCount(served);
    }
  }
  ServeFromKept();
  QueueServing();
}

void ConnectionPool::TellRoom() {
  if (!share_.SomeoneWaits()) return;
  const TimePoint own = uncovered() == 0 ? TimePoint::max() : waiters_.SinceOr(TimePoint::max());
  const std::optional<size_t> other = share_.TakeWish(own);
  if (!other.has_value()) return;
  bool breaker = false;
  share_.SendRoom(*other, ConnectionPermit::Take(shelf_, &breaker));
}

void ConnectionPool::OnRoom(ConnectionPermit permit) {
  if (permit.held() && uncovered() > 0) {
    CheckoutResult refusal;
    const OpenReason reason = WhyOpenNow(/*fresh=*/waiters_.willing() == 0);
    const Client client = NextClient();
    if (!Open(reason, std::move(permit), client, &refusal)) FailNext(client, refusal);
  } else if (permit.held()) {
    permit.Release();
    TellRoom();
  }
  QueueServing();
}

}  // namespace holdfast::pool
