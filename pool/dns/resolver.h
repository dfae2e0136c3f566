#ifndef HOLDFAST_POOL_DNS_RESOLVER_H_
#define HOLDFAST_POOL_DNS_RESOLVER_H_

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "pool/net/clock.h"
#include "pool/net/socket_address.h"

namespace holdfast::pool {

// How a look-up ended. The names are the values of the metric's `result` label.
enum class ResolveStatus : uint8_t {
  kOk,           // at least one address, or one service
  kNotFound,     // NXDOMAIN, or no record of the kind asked for
  kServerError,  // SERVFAIL, REFUSED, a broken answer
  kTimeout,      // no server answered in time
};
std::string_view ResolveStatusName(ResolveStatus status);

// What a name's addresses are. A plain value.
struct AddressAnswer {
  ResolveStatus status = ResolveStatus::kServerError;
  std::vector<SocketAddress> addresses;  // A and AAAA together, as SortUnique leaves them
  Duration ttl{0};                       // the smallest of the records
  // For people: what the library said; with kOk, what went wrong on the way to the answer.
  std::string detail;
  // With kOk: the family, AF_INET or AF_INET6, about which no server said anything, not even that
  // it has no records; AF_UNSPEC when both were answered.
  int failed_family = AF_UNSPEC;
  // With kOk: this is an early answer, and the whole one follows.
  bool more = false;
};

// One host of a service (RFC 2782).
struct SrvRecord {
  std::string target;  // absolute, without the trailing dot; empty: there is no such service
  uint16_t port = 0;
  uint16_t priority = 0;
  uint16_t weight = 0;
  bool operator==(const SrvRecord&) const = default;
};

struct SrvAnswer {
  ResolveStatus status = ResolveStatus::kServerError;
  std::vector<SrvRecord> records;  // in no special order; at least one with kOk
  Duration ttl{0};
  std::string detail;  // as in AddressAnswer
};

// Sorts the addresses and drops duplicates, so that servers that rotate their answers do not look
// as if the answers changed.
void SortUnique(std::vector<SocketAddress>& addresses);
// The order in which SortUnique sorts.
bool AddressBefore(const SocketAddress& a, const SocketAddress& b);

// Looks names up (the seam: c-ares in production, a script in tests). Loop thread of its creator.
//
// Names have no brackets and no port; a trailing dot means absolute. A callback runs later, from
// the loop, exactly once, or never if the resolver is destroyed first. Where the answer is late, an
// early one (`more`) may come before it. A callback may ask again and may destroy the resolver.
class Resolver {
 public:
  using Callback = absl::AnyInvocable<void(AddressAnswer)>;
  using SrvCallback = absl::AnyInvocable<void(SrvAnswer)>;
  virtual ~Resolver() = default;
  virtual void Resolve(const std::string& name, uint16_t port, Callback callback) = 0;
  virtual void ResolveSrv(const std::string& name, SrvCallback callback) = 0;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_RESOLVER_H_
