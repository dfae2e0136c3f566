#include "pool/used_connections.h"

#include "pool/net/check.h"

namespace holdfast::pool {

UsedConnections::~UsedConnections() { HOLDFAST_CHECK(size() == 0 && leases_ == 0 && room_ == 0); }

UpstreamConnection* UsedConnections::Fullest() const {
  UpstreamConnection* fullest = open_.front();
  UpstreamConnection* next = fullest;
  for (int looks = 0; next != nullptr && looks < kMaxLooks; ++looks) {
    if (next->used() > fullest->used()) fullest = next;
    next = IntrusiveList<UpstreamConnection>::Next(*next);
  }
  return fullest;
}

void UsedConnections::ForEach(const std::function<void(UpstreamConnection&)>& apply) const {
  for (const auto* list : {&open_, &full_}) {
    for (UpstreamConnection* upstream = list->front(); upstream != nullptr;
         upstream = IntrusiveList<UpstreamConnection>::Next(*upstream)) {
      apply(*upstream);
    }
  }
}

bool UsedConnections::Validate() const {
  size_t leases = 0;
  size_t room = 0;
  bool sound = true;
  ForEach([&](const UpstreamConnection& upstream) {
    sound = sound && upstream.Validate() && upstream.used() > 0 &&
            open_.Contains(upstream) == (upstream.free_slots() > 0);
    leases += upstream.used();
    room += upstream.free_slots();
  });
  return sound && leases == leases_ && room == room_;
}

}  // namespace holdfast::pool
