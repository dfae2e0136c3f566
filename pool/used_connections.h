#ifndef HOLDFAST_POOL_USED_CONNECTIONS_H_
#define HOLDFAST_POOL_USED_CONNECTIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "pool/net/check.h"
#include "pool/net/intrusive_list.h"
#include "pool/pool_cells.h"
#include "pool/upstream_connection.h"

namespace holdfast::pool {

// The connections of a pool that somebody holds a lease of, those with room for more apart, and the
// sums of their slots.
//
// One thread. Part of a ConnectionPool, which owns what is in it; it is empty when it is destroyed
// (asserted).
class UsedConnections {
 public:
  // Those with room that are compared, those used last: enough unless each carries little.
  static constexpr int kMaxLooks = 16;

  // `cells` outlive it.
  explicit UsedConnections(PoolCells* cells) : cells_(cells) {}
  ~UsedConnections();
  UsedConnections(const UsedConnections&) = delete;
  UsedConnections& operator=(const UsedConnections&) = delete;

  bool Contains(const UpstreamConnection& upstream) const {
    return open_.Contains(upstream) || full_.Contains(upstream);
  }
  size_t size() const { return open_.size() + full_.size(); }
  // Leases, and how many more there may be.
  size_t leases() const { return leases_; }
  size_t room() const { return room_; }
  // The one with room that has the most leases, of equals the one that was used last; null when
  // there is none. So requests gather on few connections, and the others can rest.
  UpstreamConnection* Fullest() const;

  // It is in here while it is used. A change of its slots is a Remove before and an Add after.
  void Add(UpstreamConnection& upstream) {
    HOLDFAST_CHECK(upstream.used() > 0);
    const uint32_t room = upstream.free_slots();
    if (room > 0) {
      open_.PushFront(upstream);
    } else {
      full_.PushBack(upstream);
    }
    leases_ += upstream.used();
    room_ += room;
    cells_->leased.Add(1);
    cells_->streams.Add(upstream.used());
  }
  void Remove(UpstreamConnection& upstream) {
    const uint32_t room = upstream.free_slots();
    HOLDFAST_CHECK(leases_ >= upstream.used() && room_ >= room);
    leases_ -= upstream.used();
    room_ -= room;
    cells_->leased.Add(-1);
    cells_->streams.Add(-static_cast<int64_t>(upstream.used()));
    if (open_.Contains(upstream)) return open_.Remove(upstream);
    full_.Remove(upstream);
  }
  void ForEach(const std::function<void(UpstreamConnection&)>& apply) const;

  bool Validate() const;

 private:
  PoolCells* cells_;
  IntrusiveList<UpstreamConnection> open_;  // front: used last
  IntrusiveList<UpstreamConnection> full_;
  size_t leases_ = 0;
  size_t room_ = 0;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_USED_CONNECTIONS_H_
