#include "pool/connection_protocol.h"

#include <sys/socket.h>

#include <memory>

#include <gtest/gtest.h>

#include "pool/net/plain_transport.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::pool {
namespace {

class ExclusiveProtocolTest : public testing::Test, protected PoolHarness {
 protected:
  SocketPair pair_ = UnixPair();
  Connection connection_{&loop, &slabs, std::make_unique<PlainTransport>(std::move(pair_.ours)),
                         nullptr, Connection::Stage::kEstablished};
  ExclusiveProtocol protocol_;
};

TEST_F(ExclusiveProtocolTest, HasOneSlotForWhoeverHoldsItAndTravels) {
  EXPECT_EQ(protocol_.capacity(), 1u);
  EXPECT_TRUE(protocol_.travels());
  EXPECT_EQ(protocol_.listener(), nullptr);
}

TEST_F(ExclusiveProtocolTest, AnyByteWhileIdleSpoilsTheConnection) {
  EXPECT_EQ(protocol_.OnIdleReadable(connection_), CloseReason::kNone);
  SendAll(pair_.theirs, "H");
  EXPECT_EQ(protocol_.OnIdleReadable(connection_), CloseReason::kIdleBytes);
}

TEST_F(ExclusiveProtocolTest, AnEndWhileIdleIsThePeersClose) {
  pair_.theirs.Reset();
  EXPECT_EQ(protocol_.OnIdleReadable(connection_), CloseReason::kIdlePeerClosed);
}

TEST_F(ExclusiveProtocolTest, IsTheChoiceForEveryEndpoint) {
  EXPECT_EQ(AlwaysExclusive().ExpectedCapacity(EndpointKey{}), 1u);
  EXPECT_EQ(AlwaysExclusive().ProtocolFor(EndpointKey{}, connection_)->capacity(), 1u);
}

}  // namespace
}  // namespace holdfast::pool
