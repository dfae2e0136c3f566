#ifndef HOLDFAST_POOL_LEASE_H_
#define HOLDFAST_POOL_LEASE_H_

#include <utility>

#include "pool/reuse.h"
#include "pool/upstream_connection.h"

namespace holdfast::pool {

class ConnectionPool;

// The right to one slot of an upstream connection; to the whole connection where it has only one.
// Movable; exactly one holder. Its default end is close: a lease that is dropped closes the
// connection, whatever state it is in. Only End with facts that DecideReuse accepts keeps it.
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
  // `result`: how it was had.
  Lease(ConnectionPool* pool, UpstreamConnection* upstream, CheckoutResult result)
      : pool_(pool), upstream_(upstream), result_(result) {}
  Lease(Lease&& other) noexcept
      : pool_(other.pool_),
        upstream_(std::exchange(other.upstream_, nullptr)),
        result_(other.result_) {}
  Lease& operator=(Lease&& other) noexcept {
    if (this == &other) return *this;
    Drop();
    pool_ = other.pool_;
    upstream_ = std::exchange(other.upstream_, nullptr);
    result_ = other.result_;
    return *this;
  }
  ~Lease() { Drop(); }

  bool held() const { return upstream_ != nullptr; }
  Connection& connection() const { return upstream_->connection(); }
  // Nobody else has a lease of the connection.
  bool exclusive() const { return upstream_->exclusive(); }
  // What is spoken on it, where it is not exclusive().
  ConnectionProtocol& protocol() const { return upstream_->protocol(); }
  // True for the first who asks on behalf of the connection: its end speaks against the endpoint
  // once, however many leases it ends.
  bool TakeBlame() const { return upstream_->TakeBlame(); }
  // The connection has served a request before this one.
  bool reused() const { return result_ != CheckoutResult::kFresh; }
  // It was kept idle before its present use, whether or not it had served.
  bool was_kept() const { return upstream_->was_kept(); }
  // How it was had: kReused, kShared or kFresh.
  CheckoutResult result() const { return result_; }
  // Why it was opened; of one that is reused, back then.
  OpenReason open_reason() const { return upstream_->record().open_reason; }
  const SocketAddress& address() const;

  // Gives the connection back; it may be closed. No effect when nothing is held.
  CloseReason End(const ReuseFacts& facts);

 private:
  void Drop() {
    if (held()) End(ReuseFacts{});
  }

  ConnectionPool* pool_ = nullptr;
  UpstreamConnection* upstream_ = nullptr;
  CheckoutResult result_ = CheckoutResult::kFresh;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_LEASE_H_
