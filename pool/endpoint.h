#ifndef HOLDFAST_POOL_ENDPOINT_H_
#define HOLDFAST_POOL_ENDPOINT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pool/dns/endpoint_spec.h"
#include "pool/net/clock.h"

namespace holdfast::pool {

// Whether an endpoint may get new requests, and if not, why. Names are label values. No interface
// of this version sets the last two.
enum class Availability : uint8_t {
  kUp,
  kUnhealthy,    // its health checks fail
  kEjected,      // it failed requests
  kDrained,      // an operator drains it: what it has in flight finishes
  kMaintenance,  // the same, and its kept connections are closed as well
};
inline constexpr int kAvailabilities = 5;
std::string_view AvailabilityName(Availability availability);

// What metrics call an endpoint of an upstream; several may share a name.
using EndpointLabel = std::function<std::string(const std::string&, const SocketAddress&)>;
// Each has its own.
std::string OwnLabel(const std::string& upstream, const SocketAddress& endpoint);

struct EndpointState : EndpointSpec {
  Availability availability = Availability::kUp;
  // When it came up after it was not; slow start counts from here. nullopt: it was always up.
  std::optional<TimePoint> up_since;

  bool operator==(const EndpointState&) const = default;
};

class KeyTable;

// One upstream's endpoints at one time, as the main thread tells the workers. `note` tells
// operators, in the log's `detail`, why some are missing. `keys` is the table in which all workers
// look keys up, if the upstream is balanced by keys (MakeKeyTable).
struct EndpointSet {
  std::vector<EndpointState> endpoints;
  std::string note;
  std::shared_ptr<const KeyTable> keys = nullptr;

  bool operator==(const EndpointSet&) const = default;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_ENDPOINT_H_
