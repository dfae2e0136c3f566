#include "pool/lease.h"

#include "pool/connection_pool.h"

namespace holdfast::pool {

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    End(ReuseFacts{});
    pool_ = other.pool_;
    upstream_ = std::exchange(other.upstream_, nullptr);
    result_ = other.result_;
  }
  return *this;
}

const SocketAddress& Lease::address() const { return pool_->key().address; }

CloseReason Lease::End(ReuseFacts facts) {
  if (upstream_ == nullptr) return CloseReason::kNotAsked;
  return pool_->TakeBack(std::exchange(upstream_, nullptr), facts);
}

}  // namespace holdfast::pool
