#include "pool/endpoint.h"

#include "pool/net/check.h"

namespace holdfast::pool {

std::string_view AvailabilityName(Availability availability) {
  switch (availability) {
    case Availability::kUp: return "up";
    case Availability::kUnhealthy: return "unhealthy";
    case Availability::kEjected: return "ejected";
    case Availability::kDrained: return "drained";
    case Availability::kMaintenance: return "maintenance";
  }
  HOLDFAST_CHECK(false);
}

std::string OwnLabel(const std::string&, const SocketAddress& endpoint) {
  return endpoint.ToString();
}

}  // namespace holdfast::pool
