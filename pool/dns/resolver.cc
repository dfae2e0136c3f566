#include "pool/dns/resolver.h"

#include <algorithm>
#include <cstring>

#include "pool/net/check.h"

namespace holdfast::pool {

bool AddressBefore(const SocketAddress& a, const SocketAddress& b) {
  if (a.family() != b.family()) return a.family() < b.family();
  if (a.length() != b.length()) return a.length() < b.length();
  return std::memcmp(a.get(), b.get(), a.length()) < 0;
}

std::string_view ResolveStatusName(ResolveStatus status) {
  switch (status) {
    case ResolveStatus::kOk: return "ok";
    case ResolveStatus::kNotFound: return "not_found";
    case ResolveStatus::kServerError: return "server_error";
    case ResolveStatus::kTimeout: return "timeout";
  }
  HOLDFAST_CHECK(false);
}

void SortUnique(std::vector<SocketAddress>& addresses) {
  std::sort(addresses.begin(), addresses.end(), AddressBefore);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
}

}  // namespace holdfast::pool
