#include "pool/lease.h"

#include "pool/connection_pool.h"

namespace holdfast::pool {

const SocketAddress& Lease::address() const { return pool_->key().address; }

CloseReason Lease::End(const ReuseFacts& facts) {
  if (!held()) return CloseReason::kNotAsked;
  return pool_->TakeBack(std::exchange(upstream_, nullptr), facts);
}

}  // namespace holdfast::pool
