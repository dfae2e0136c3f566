#include "pool/connect_result.h"

#include <cerrno>

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

bool SpeaksOfEndpoint(CheckoutResult result) {
  switch (result) {
    case CheckoutResult::kConnectRefused:
    case CheckoutResult::kConnectTimeout:
    case CheckoutResult::kConnectUnreachable:
    case CheckoutResult::kConnectFailed: return true;
    default: return false;
  }
}

// Ports are used up for each destination by itself.
bool IsOfOneEndpoint(CheckoutResult result) {
  return SpeaksOfEndpoint(result) || result == CheckoutResult::kQueueFull ||
         result == CheckoutResult::kNoLocalPort;
}

}  // namespace holdfast::pool
