#include "pool/connect_result.h"

#include <cerrno>

#include "pool/net/socket.h"

namespace holdfast::pool {

CheckoutResult ConnectResult(int error, bool routed) {
  switch (error) {
    case ECONNREFUSED: return CheckoutResult::kConnectRefused;
    case ETIMEDOUT: return CheckoutResult::kConnectTimeout;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EAFNOSUPPORT: return CheckoutResult::kConnectUnreachable;
    case EADDRNOTAVAIL:
      return routed ? CheckoutResult::kNoLocalPort : CheckoutResult::kConnectUnreachable;
    case EMFILE:
    case ENFILE: return CheckoutResult::kNoDescriptors;
    case ENOMEM:
    case ENOBUFS:
    case ENOSPC: return CheckoutResult::kNoMemory;  // ENOSPC: no epoll watch is left.
    default: return CheckoutResult::kConnectFailed;
  }
}

CheckoutResult ConnectResultAt(const SocketAddress& address, int error) {
  return ConnectResult(error, error != EADDRNOTAVAIL || HasRoute(address));
}

std::optional<Outcome> OutcomeOf(CheckoutResult result) {
  switch (result) {
    case CheckoutResult::kConnectRefused: return Outcome::kConnectRefused;
    case CheckoutResult::kConnectTimeout: return Outcome::kConnectTimeout;
    case CheckoutResult::kConnectUnreachable: return Outcome::kConnectUnreachable;
    case CheckoutResult::kConnectFailed: return Outcome::kConnectFailed;
    case CheckoutResult::kTlsFailed: return Outcome::kTlsFailed;
    case CheckoutResult::kTlsTimeout: return Outcome::kTlsTimeout;
    default: return std::nullopt;
  }
}

// Each destination uses up ports of its own.
bool IsOfOneEndpoint(CheckoutResult result) {
  return OutcomeOf(result).has_value() || result == CheckoutResult::kQueueFull ||
         result == CheckoutResult::kNoLocalPort;
}

}  // namespace holdfast::pool
