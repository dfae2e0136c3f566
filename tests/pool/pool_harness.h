#ifndef HOLDFAST_TESTS_POOL_POOL_HARNESS_H_
#define HOLDFAST_TESTS_POOL_POOL_HARNESS_H_

#include <sched.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "metrics/registry.h"
#include "pool/connection_pool.h"
#include "tests/support/manual_clock.h"
#include "tests/support/unserved_address.h"

namespace holdfast::pool {

// Facts of an exchange that went as HTTP asks: the connection may be kept.
inline constexpr ReuseFacts kGoodEnd{
    .asked = true, .request_finished = true, .response_finished = true, .peer_allows = true};

enum class PeerKind { kTcp, kUnix };

// A backend in the test's hands: listens, accepts when told to, and keeps what it accepted.
class Peer {
 public:
  explicit Peer(PeerKind kind = PeerKind::kTcp);
  // At that address.
  explicit Peer(const SocketAddress& address);

  const SocketAddress& address() const { return address_; }
  // Waits for the next connection and returns its socket, good until it is closed.
  FileDescriptor& Accept();
  // Takes what has come without waiting.
  void AcceptAll();
  // In the order in which they were accepted; closed ones stay as invalid descriptors.
  std::deque<FileDescriptor>& accepted() { return accepted_; }

 private:
  FileDescriptor listener_;
  SocketAddress address_;
  std::deque<FileDescriptor> accepted_;
};

using support::RefusingAddress;
using support::SilentAddress;

// The socket saw the other side's end, a reset included; false while the other side is open, after
// a bounded wait.
bool SeesEnd(const FileDescriptor& socket);

// One who asks a pool for a connection and holds what it gets: the exchange of these tests.
class Holder final : public Waiter, private ConnectionEvents {
 public:
  Checkout::Status Ask(ConnectionPool& pool, bool fresh = false);
  // Takes in what Acquire answered.
  Checkout::Status Accept(Checkout checkout);

  bool holds() const { return lease_.held(); }
  const Lease& lease() const { return lease_; }
  Lease& lease() { return lease_; }
  const std::optional<CheckoutResult>& failure() const { return failure_; }
  // The transport's word for it; empty: none.
  const std::string& word() const { return word_; }
  // Where it failed after it had waited.
  const SocketAddress& failed_at() const { return failed_at_; }
  // Neither holds nor waits nor failed.
  bool at_rest() const { return !holds() && !waiting() && !failure_.has_value(); }

  // Ends the lease after a good exchange.
  CloseReason GiveBack() { return lease_.End(kGoodEnd); }
  // Forgets the lease.
  void Drop() { lease_ = Lease(); }
  void ForgetFailure() { failure_.reset(); }

  // Called at the end of OnLease and OnCheckoutFailed.
  std::function<void()> on_lease;
  std::function<void()> on_failure;
  // How many readiness calls came while it held a lease.
  int events = 0;

 private:
  void OnLease(Lease lease) override;
  void OnCheckoutFailed(CheckoutFailure failure, const SocketAddress& endpoint) override;
  void OnConnectionReady() override { ++events; }

  Lease lease_;
  std::optional<CheckoutResult> failure_;
  std::string word_;
  SocketAddress failed_at_;
};

// One worker's surroundings on a manual clock.
class PoolHarness {
 public:
  PoolContext context() {
    return {
        .loop = &loop, .slabs = &slabs, .dialer = dialer, .random = &random, .shelves = &shelves};
  }

  void Turn() { loop.RunOnce(Duration::zero()); }
  // Moves the clock and turns: timers that are due fire.
  void Advance(Duration step);
  // Turns until the condition holds; false after many turns without it. What the loopback delivers
  // is there within a few.
  template <class Condition>
  [[nodiscard]] bool TurnUntil(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!condition()) {
      if (std::chrono::steady_clock::now() >= give_up) return false;
      Turn();
      sched_yield();
    }
    return true;
  }

  // As the scrape sees them; 0 for a series that does not exist.
  int64_t ConnectionsGauge(const std::string& state);
  int64_t WaitersGauge();
  uint64_t Checkouts(CheckoutResult result);
  uint64_t Opened(OpenReason reason);
  uint64_t Closed(std::string_view reason);
  uint64_t AllOpened();
  uint64_t AllClosed();

  ManualClock clock;
  SlabPool slabs;
  EventLoop loop{&clock};
  SocketDialer socket_dialer{&loop, &slabs};
  Dialer* dialer = &socket_dialer;  // what context() gives; tests may have another
  metrics::Registry registry;
  metrics::Shard* shard = registry.AddShard();
  Random random{1};
  Shelves shelves{1};
  const std::string upstream = "web";
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_POOL_HARNESS_H_
