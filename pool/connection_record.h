#ifndef HOLDFAST_POOL_CONNECTION_RECORD_H_
#define HOLDFAST_POOL_CONNECTION_RECORD_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "pool/connection_permit.h"
#include "pool/limits.h"
#include "pool/net/clock.h"
#include "pool/net/proxy_header.h"
#include "pool/net/transport.h"
#include "pool/reasons.h"

namespace holdfast::pool {

// How long, how often and by how many at a time a connection may be used, by the limits.
struct ConnectionTerms {
  std::optional<TimePoint> expires_at;
  std::optional<uint64_t> max_leases;
  uint32_t slots = PoolLimits().streams_per_connection;  // leases at a time, at the most
};

// What belongs to a connection for its whole life, whichever worker it is at.
struct ConnectionRecord {
  ConnectionPermit permit;
  OpenReason open_reason = OpenReason::kEmpty;
  TimePoint opened_at;
  ConnectionTerms terms;
  uint64_t leases = 0;  // the present ones included
  // How long the peer said that it keeps the connection while it is idle.
  std::optional<Duration> peer_timeout;
  TimePoint idle_since;
  bool authenticated = false;  // a client; it never serves another one
  // Those that it was introduced with; null: it was not, or they were not known.
  std::unique_ptr<const ProxiedEnds> ends;
};

// An idle connection on its way from one worker to another.
struct SparedConnection {
  std::unique_ptr<Transport> transport;
  ConnectionRecord record;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_CONNECTION_RECORD_H_
