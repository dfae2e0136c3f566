#include "pool/connection_tie.h"

#include <utility>

#include "pool/connection_pool.h"
#include "pool/net/check.h"

// And the part of ConnectionPool that deals with idle connections which are not for everybody.

namespace holdfast::pool {

ConnectionPool* ConnectionTie::pool() const { return upstream_->pool_; }

void ConnectionTie::Close() {
  if (held()) pool()->CloseIdle(*upstream_, CloseReason::kOwnerGone);
}

// With a tie it waits for its client as long as an idle one may; without, it rests.
void ConnectionPool::SetAside(UpstreamConnection& upstream, ConnectionTie* tie) {
  HOLDFAST_CHECK(tie != nullptr || !upstream.record_.authenticated);
  if (tie != nullptr) tie->Close();
  Unlink(upstream);
  upstream.MoveTo(UpstreamConnection::State::kAside);
  if (tie != nullptr) {
    tie->upstream_ = &upstream;
    upstream.tie_ = tie;
  }
  aside_.PushFront(upstream);
  ShowAside();
  cells_->idle.Add(1);
  upstream.BeginIdle(context_.loop->now(), tie != nullptr ? IdleTimeoutOf(upstream) : kRest);
  ShowLoad();
  if (shelf_->over_cap()) CloseIdle(upstream, CloseReason::kIdleEvicted);
}

void ConnectionPool::UnlinkAside(UpstreamConnection& upstream) {
  if (ConnectionTie* tie = std::exchange(upstream.tie_, nullptr)) tie->upstream_ = nullptr;
  aside_.Remove(upstream);
  ShowAside();
  cells_->idle.Add(-1);
}

// Nothing came: it is as good as any other.
void ConnectionPool::EndRest(UpstreamConnection& upstream) {
  HOLDFAST_CHECK(!upstream.record_.authenticated);
  if (GiveAway(upstream)) return;
  Unlink(upstream);
  upstream.MoveTo(UpstreamConnection::State::kIdle);
  KeepIdle(upstream, upstream.idle_since());
  QueueServing();
}

Lease ConnectionPool::LeaseTied(const ConnectionTie& tie) {
  UpstreamConnection& upstream = *tie.upstream_;
  HOLDFAST_CHECK(aside_.Contains(upstream));
  const CloseReason end = upstream.IdleEnd();
  if (end == CloseReason::kNone) return LeaseOut(upstream);
  CloseIdle(upstream, end);
  return Lease();
}

void ConnectionPool::CloseAside(CloseReason reason) {
  while (!aside_.empty()) CloseIdle(*aside_.back(), reason);
}

}  // namespace holdfast::pool
