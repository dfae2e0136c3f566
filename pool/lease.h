#ifndef HOLDFAST_POOL_LEASE_H_
#define HOLDFAST_POOL_LEASE_H_

#include <utility>

#include "pool/reuse.h"
#include "pool/upstream_connection.h"

namespace holdfast::pool {

// The right to use one upstream connection. Movable; exactly one holder. Its default end is close:
// a lease that is dropped closes the connection, whatever state it is in. Only End with facts that
// DecideReuse accepts keeps it.
//
//   Lease lease = std::move(checkout.lease);
//   lease.connection().set_events(this);
//   ...
//   ReuseFacts facts{.asked = true, .request_finished = true, ...};
//   lease.End(facts);
//
// One thread, that of the pool, which it must not outlive.
class Lease {
 public:
  Lease() = default;
  Lease(ConnectionPool* pool, UpstreamConnection* upstream) : pool_(pool), upstream_(upstream) {}
  Lease(Lease&& other) noexcept
      : pool_(other.pool_), upstream_(std::exchange(other.upstream_, nullptr)) {}
  Lease& operator=(Lease&& other) noexcept;
  ~Lease() { End(ReuseFacts{}); }

  bool held() const { return upstream_ != nullptr; }
  Connection& connection() const { return upstream_->connection(); }
  // The connection has served a request before this one.
  bool reused() const { return upstream_->leases() > 1; }
  // It was kept before this lease, used or not.
  bool was_kept() const { return upstream_->was_kept(); }
  // How it was had: kReused, kShared or kFresh.
  CheckoutResult result() const { return upstream_->result(); }
  // Why it was opened; of one that is reused, back then.
  OpenReason open_reason() const { return upstream_->open_reason(); }
  const SocketAddress& address() const;
  // The kernel knows that the peer's TCP has taken not one byte of what was written since the lease
  // began (tcpi_bytes_acked), which proves that its application has not either. False where that
  // cannot be known (UNIX sockets).
  bool NothingAcknowledged() const { return upstream_->NothingAcknowledged(); }

  // Gives the connection back; it may be closed. No effect when nothing is held.
  CloseReason End(ReuseFacts facts);

 private:
  ConnectionPool* pool_ = nullptr;
  UpstreamConnection* upstream_ = nullptr;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_LEASE_H_
