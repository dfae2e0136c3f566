#ifndef HOLDFAST_TESTS_POOL_POOL_PART_HARNESS_H_
#define HOLDFAST_TESTS_POOL_POOL_PART_HARNESS_H_

#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pool/connection_permit.h"
#include "pool/connection_protocol.h"
#include "pool/net/plain_transport.h"
#include "pool/pool_cells.h"
#include "pool/shelf.h"
#include "pool/upstream_connection.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::pool {

// For tests of the lists that a pool consists of: established connections that no pool owns, with
// their places on a shelf. The test hears of them as a pool would.
class PoolPartHarness : public PoolHarness, private UpstreamConnectionOwner {
 protected:
  std::unique_ptr<UpstreamConnection> Make(
      std::unique_ptr<ConnectionProtocol> protocol = std::make_unique<ExclusiveProtocol>()) {
    SocketPair pair = UnixPair();
    peers_.push_back(std::move(pair.theirs));
    auto connection = std::make_unique<Connection>(
        &loop, &slabs, std::make_unique<PlainTransport>(std::move(pair.ours)), nullptr,
        Connection::Stage::kEstablished);
    EXPECT_EQ(connection->Open(), 0);
    bool breaker = false;
    ConnectionRecord record{.permit = ConnectionPermit::Take(shelf_, &breaker)};
    UpstreamConnectionOwner* const owner = this;
    return std::make_unique<UpstreamConnection>(owner, &loop, std::move(connection),
                                                std::move(protocol), std::move(record),
                                                UpstreamConnection::Origin::kOpenedHere);
  }

  PoolCells cells_{shard, upstream};
  std::shared_ptr<Shelf> shelf_ = shelves.For({upstream, *SocketAddress::Parse("127.0.0.1:80")});
  std::deque<FileDescriptor> peers_;  // the other end of each
  std::vector<std::unique_ptr<UpstreamConnection>> made_;
  std::vector<UpstreamConnection*> news_;

 private:
  void OnProtocolNews(UpstreamConnection& upstream) override { news_.push_back(&upstream); }
  ConnectionPool* pool() override { return nullptr; }
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_POOL_PART_HARNESS_H_
