#include "pool/used_connections.h"

#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pool/net/plain_transport.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/pool/pool_harness.h"
#include "tests/pool/scripted_protocol.h"

namespace holdfast::pool {
namespace {

class UsedConnectionsTest : public testing::Test,
                            protected PoolHarness,
                            private UpstreamConnectionOwner {
 protected:
  ~UsedConnectionsTest() override {
    for (auto& upstream : made_) {
      if (used_.Contains(*upstream)) used_.Remove(*upstream);
      while (upstream->used() > 1) upstream->ReturnSlot();
      upstream->Close();
    }
    EXPECT_EQ(cells_.leased.value(), 0);
  }

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
  UpstreamConnection& Shared(uint32_t leases) {
    UpstreamConnection& upstream = *made_.emplace_back(Make(script_.ProtocolFor(any_)));
    for (uint32_t i = 0; i < leases; ++i) upstream.TakeSlot();
    used_.Add(upstream);
    return upstream;
  }

  ScriptedProtocols script_{8};
  PoolCells cells_{shard, upstream};
  std::shared_ptr<Shelf> shelf_ = shelves.For({upstream, *SocketAddress::Parse("127.0.0.1:80")});
  UsedConnections used_{&cells_};
  std::deque<FileDescriptor> peers_;
  std::vector<std::unique_ptr<UpstreamConnection>> made_;
  SocketPair pair_ = UnixPair();
  Connection any_{&loop, &slabs, std::make_unique<PlainTransport>(std::move(pair_.ours)), nullptr,
                  Connection::Stage::kEstablished};

 private:
  void OnIdleEnd(UpstreamConnection&, CloseReason) override { FAIL(); }
  ConnectionPool* pool() override { return nullptr; }
  void OnRestOver(UpstreamConnection&) override { FAIL(); }
};

TEST_F(UsedConnectionsTest, AnExclusiveOneHasNoRoom) {
  UpstreamConnection& upstream = *made_.emplace_back(Make());
  upstream.TakeSlot();
  used_.Add(upstream);
  EXPECT_EQ(used_.size(), 1u);
  EXPECT_EQ(used_.leases(), 1u);
  EXPECT_EQ(used_.room(), 0u);
  EXPECT_EQ(used_.FirstOpen(), nullptr);
  EXPECT_EQ(cells_.leased.value(), 1);
  EXPECT_TRUE(used_.Validate());
}

TEST_F(UsedConnectionsTest, LeasesAndRoomAreSumsOverConnections) {
  Shared(3);
  UpstreamConnection& second = Shared(1);
  Shared(8);
  EXPECT_EQ(used_.size(), 3u);
  EXPECT_EQ(used_.leases(), 12u);
  EXPECT_EQ(used_.room(), 12u);
  EXPECT_EQ(used_.FirstOpen(), &second) << "used last of those with room";
  EXPECT_EQ(cells_.leased.value(), 3) << "connections, not leases";
  EXPECT_TRUE(used_.Validate());
}

TEST_F(UsedConnectionsTest, OneThatIsRetiredHasNoRoom) {
  UpstreamConnection& upstream = Shared(2);
  used_.Remove(upstream);
  upstream.Retire(CloseReason::kMaxAge);
  used_.Add(upstream);
  EXPECT_EQ(used_.room(), 0u);
  EXPECT_EQ(used_.FirstOpen(), nullptr);
  EXPECT_TRUE(used_.Validate());
}

TEST_F(UsedConnectionsTest, ASlotTakenBehindItsBackIsFoundOut) {
  UpstreamConnection& upstream = Shared(2);
  upstream.TakeSlot();
  EXPECT_FALSE(used_.Validate());
  EXPECT_DEATH(used_.Remove(upstream), "broken invariant");
  upstream.ReturnSlot();
  EXPECT_TRUE(used_.Validate());
}

}  // namespace
}  // namespace holdfast::pool
