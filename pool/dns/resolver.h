#ifndef HOLDFAST_POOL_DNS_RESOLVER_H_
#define HOLDFAST_POOL_DNS_RESOLVER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "pool/net/clock.h"
#include "pool/net/socket_address.h"

namespace holdfast::pool {

// The names are the values of the metric's `result` label.
enum class ResolveStatus : uint8_t {
  kOk,           // at least one address
  kNotFound,     // NXDOMAIN, or no A and no AAAA record
  kServerError,  // SERVFAIL, REFUSED, a broken answer
  kTimeout,      // no server answered in time
};
std::string_view ResolveStatusName(ResolveStatus status);

struct ResolveAnswer {
  ResolveStatus status = ResolveStatus::kServerError;
  std::vector<SocketAddress> addresses;  // A and AAAA together, as SortUnique leaves them
  Duration ttl{0};                       // the smallest of the records
  std::string detail;                    // for people: what the library said
};

// Brings the addresses into one fixed order and drops duplicates, so that servers that rotate
// their answers do not look like changes.
void SortUnique(std::vector<SocketAddress>& addresses);

// Looks names up (the seam: c-ares in production, a script in tests). Loop thread of its creator.
class Resolver {
 public:
  // It may call Resolve and may destroy the resolver.
  using Callback = absl::AnyInvocable<void(ResolveAnswer)>;
  virtual ~Resolver() = default;
  // `name` without brackets or port; a trailing dot means absolute. The callback runs later, from
  // the loop, exactly once, unless the resolver is destroyed first (then never).
  virtual void Resolve(const std::string& name, uint16_t port, Callback callback) = 0;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_RESOLVER_H_
