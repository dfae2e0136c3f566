#include "pool/used_connections.h"

#include "pool/net/check.h"

namespace holdfast::pool {

UsedConnections::~UsedConnections() { HOLDFAST_CHECK(size() == 0 && leases_ == 0 && room_ == 0); }

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
