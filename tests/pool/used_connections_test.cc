#include "pool/used_connections.h"

#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include "pool/net/plain_transport.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/pool/pool_part_harness.h"
#include "tests/pool/scripted_protocol.h"

namespace holdfast::pool {
namespace {

class UsedConnectionsTest : public testing::Test, protected PoolPartHarness {
 protected:
  ~UsedConnectionsTest() override {
    for (auto& upstream : made_) {
      if (used_.Contains(*upstream)) used_.Remove(*upstream);
      while (upstream->used() > 1) upstream->ReturnSlot();
      upstream->Close();
    }
    EXPECT_EQ(cells_.leased.value(), 0);
  }

  UpstreamConnection& Shared(uint32_t leases) {
    UpstreamConnection& upstream =
        *made_.emplace_back(Make(script_.ProtocolFor(EndpointKey{}, any_)));
    for (uint32_t i = 0; i < leases; ++i) upstream.TakeSlot();
    used_.Add(upstream);
    return upstream;
  }

  ScriptedProtocols script_{8};
  UsedConnections used_{&cells_};
  SocketPair pair_ = UnixPair();
  Connection any_{&loop, &slabs, std::make_unique<PlainTransport>(std::move(pair_.ours)), nullptr,
                  Connection::Stage::kEstablished};

 private:
  void OnIdleEnd(UpstreamConnection&, CloseReason) override { FAIL(); }
  void OnRestOver(UpstreamConnection&) override { FAIL(); }
};

TEST_F(UsedConnectionsTest, AnExclusiveOneHasNoRoom) {
  UpstreamConnection& upstream = *made_.emplace_back(Make());
  upstream.TakeSlot();
  used_.Add(upstream);
  EXPECT_EQ(used_.size(), 1u);
  EXPECT_EQ(used_.leases(), 1u);
  EXPECT_EQ(used_.room(), 0u);
  EXPECT_EQ(used_.Fullest(), nullptr);
  EXPECT_EQ(cells_.leased.value(), 1);
  EXPECT_TRUE(used_.Validate());
}

TEST_F(UsedConnectionsTest, LeasesAndRoomAreSumsOverConnections) {
  UpstreamConnection& first = Shared(3);
  Shared(1);
  Shared(8);
  EXPECT_EQ(used_.size(), 3u);
  EXPECT_EQ(used_.leases(), 12u);
  EXPECT_EQ(used_.room(), 12u);
  EXPECT_EQ(used_.Fullest(), &first) << "of those with room";
  EXPECT_EQ(cells_.leased.value(), 3) << "connections, not leases";
  EXPECT_TRUE(used_.Validate());
}

TEST_F(UsedConnectionsTest, OfEquallyFullOnesTheOneUsedLastIsFirst) {
  Shared(2);
  UpstreamConnection& last = Shared(2);
  Shared(1);
  EXPECT_EQ(used_.Fullest(), &last);
}

TEST_F(UsedConnectionsTest, OneThatIsRetiredHasNoRoom) {
  UpstreamConnection& upstream = Shared(2);
  used_.Remove(upstream);
  upstream.Retire(CloseReason::kMaxAge);
  used_.Add(upstream);
  EXPECT_EQ(used_.room(), 0u);
  EXPECT_EQ(used_.Fullest(), nullptr);
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
