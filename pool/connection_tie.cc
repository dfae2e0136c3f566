#include "pool/connection_tie.h"

#include "pool/connection_pool.h"
#include "pool/net/check.h"

namespace holdfast::pool {

ConnectionPool* ConnectionTie::pool() const {
  HOLDFAST_CHECK(held());
  return upstream_->owner()->pool();
}

UpstreamConnection& ConnectionTie::upstream() const {
  HOLDFAST_CHECK(held());
  return *upstream_;
}

void ConnectionTie::Close() {
  if (held()) pool()->CloseTied(*this);
}

void ConnectionTie::Take(UpstreamConnection* upstream) {
  HOLDFAST_CHECK(!held() && upstream != nullptr);
  upstream_ = upstream;
}

void ConnectionTie::Lose(const UpstreamConnection& upstream) {
  HOLDFAST_CHECK(upstream_ == &upstream);
  upstream_ = nullptr;
}

}  // namespace holdfast::pool
