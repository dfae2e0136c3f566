#include "tests/pool/pool_harness.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <random>
#include <utility>

#include <gtest/gtest.h>

#include "tests/pool/net/socket_pair.h"

namespace holdfast::pool {
namespace {

using metrics::Metric;

SocketAddress AnyPort() { return *SocketAddress::FromIp("127.0.0.1", 0); }

// Abstract names are common to all processes, process ids in a sandbox are not.
SocketAddress FreshUnixName() {
  static std::random_device device;
  const std::string name = "unix:@holdfast-pool-test-" + std::to_string(device()) + "-";
  return *SocketAddress::Parse(name + std::to_string(device()));
}

template <class Cell>
typename Cell::Value ValueOf(const metrics::Registry& registry, Metric metric,
                             const metrics::LabelValues& labels) {
  const metrics::Sums sums = registry.Collect();
  const auto& series = sums.Of<Cell>(metric);
  const auto found = series.find(labels);
  return found == series.end() ? 0 : found->second;
}

uint64_t TotalOf(const metrics::Registry& registry, Metric metric) {
  const metrics::Sums sums = registry.Collect();
  uint64_t total = 0;
  for (const auto& [labels, value] : sums.Of<metrics::Counter>(metric)) total += value;
  return total;
}

}  // namespace

Peer::Peer(PeerKind kind) : Peer(kind == PeerKind::kUnix ? FreshUnixName() : AnyPort()) {}

Peer::Peer(const SocketAddress& address) {
  auto listener = Listen(address, false);
  EXPECT_TRUE(listener.ok()) << listener.status();
  listener_ = std::move(*listener);
  address_ = *LocalAddress(listener_.get());
}

FileDescriptor& Peer::Accept() {
  EXPECT_TRUE(WaitFor(listener_.get(), POLLIN));
  accepted_.emplace_back(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  EXPECT_TRUE(accepted_.back().valid());
  return accepted_.back();
}

void Peer::AcceptAll() {
  while (true) {
    FileDescriptor socket(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.valid()) return;
    accepted_.push_back(std::move(socket));
  }
}

bool SeesEnd(const FileDescriptor& socket) {
  if (!WaitFor(socket.get(), POLLIN | POLLRDHUP)) return false;
  char bytes[4096];
  ssize_t got;
  while ((got = recv(socket.get(), bytes, sizeof(bytes), 0)) > 0) {
  }
  return got == 0 || errno == ECONNRESET;
}

Checkout::Status Holder::Ask(ConnectionPool& pool, bool fresh) {
  return Accept(pool.Acquire(this, fresh));
}

Checkout::Status Holder::Accept(Checkout checkout) {
  EXPECT_EQ(waiting(), checkout.status == Checkout::Status::kWaiting);
  EXPECT_EQ(checkout.lease.held(), checkout.status == Checkout::Status::kLeased);
  if (checkout.lease.held()) {
    lease_ = std::move(checkout.lease);
    lease_.connection().set_events(this);
  }
  if (checkout.status == Checkout::Status::kRefused) failure_ = checkout.refusal;
  return checkout.status;
}

void Holder::OnLease(Lease lease) {
  EXPECT_FALSE(waiting());
  EXPECT_FALSE(holds());
  lease_ = std::move(lease);
  lease_.connection().set_events(this);
  if (on_lease) on_lease();
}

void Holder::OnCheckoutFailed(CheckoutFailure failure, const SocketAddress& endpoint) {
  EXPECT_FALSE(waiting());
  failure_ = failure.result;
  word_ = failure.word != nullptr ? failure.word : "";
  failed_at_ = endpoint;
  if (on_failure) on_failure();
}

void PoolHarness::Advance(Duration step) {
  clock.Advance(step);
  Turn();
}

int64_t PoolHarness::ConnectionsGauge(const std::string& state) {
  return ValueOf<metrics::Gauge>(registry, Metric::kUpstreamConnections, {upstream, state});
}

int64_t PoolHarness::WaitersGauge() {
  return ValueOf<metrics::Gauge>(registry, Metric::kUpstreamWaiters, {upstream});
}

uint64_t PoolHarness::Checkouts(CheckoutResult result) {
  return ValueOf<metrics::Counter>(registry, Metric::kUpstreamCheckoutsTotal,
                                   {upstream, std::string(CheckoutResultName(result))});
}

uint64_t PoolHarness::Opened(OpenReason reason) {
  return ValueOf<metrics::Counter>(registry, Metric::kUpstreamConnectionsOpenedTotal,
                                   {upstream, std::string(OpenReasonName(reason))});
}

uint64_t PoolHarness::Closed(std::string_view reason) {
  return ValueOf<metrics::Counter>(registry, Metric::kUpstreamConnectionsClosedTotal,
                                   {upstream, std::string(reason)});
}

uint64_t PoolHarness::AllOpened() {
  return TotalOf(registry, Metric::kUpstreamConnectionsOpenedTotal);
}

uint64_t PoolHarness::AllClosed() {
  return TotalOf(registry, Metric::kUpstreamConnectionsClosedTotal);
}

}  // namespace holdfast::pool
