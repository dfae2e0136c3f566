#include "pool/connection_permit.h"

#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include "pool/shelves.h"

namespace holdfast::pool {
namespace {

class ConnectionPermitTest : public testing::Test {
 protected:
  Shelves shelves_{3};
  EndpointKey key_{"web", *SocketAddress::Parse("127.0.0.1:80")};
  std::shared_ptr<Shelf> shelf_ = shelves_.For(key_);
};

TEST_F(ConnectionPermitTest, CountsForEndpointAndUpstreamUntilItGoes) {
  shelf_->SetCaps(1, 1);
  bool breaker = false;
  ConnectionPermit permit = ConnectionPermit::Take(shelf_, &breaker);
  ASSERT_TRUE(permit.held());
  EXPECT_FALSE(ConnectionPermit::Take(shelf_, &breaker).held());
  EXPECT_FALSE(breaker) << "it is the endpoint's cap";
  ConnectionPermit moved = std::move(permit);
  permit.Release();
  EXPECT_EQ(shelf_->connections(), 1u);
  moved = ConnectionPermit();
  EXPECT_EQ(shelf_->connections(), 0u);
  EXPECT_EQ(shelf_->totals().connections(), 0u);
}

TEST_F(ConnectionPermitTest, TheUpstreamsLimitIsABreakerAndTakesNothing) {
  shelf_->totals().SetLimits({.connections = 1}, {});
  bool breaker = true;
  const ConnectionPermit held = ConnectionPermit::Take(shelf_, &breaker);
  EXPECT_TRUE(held.held());
  EXPECT_FALSE(breaker);
  EXPECT_FALSE(ConnectionPermit::Take(shelf_, &breaker).held());
  EXPECT_TRUE(breaker);
  EXPECT_EQ(shelf_->connections(), 1u);
}

TEST_F(ConnectionPermitTest, AssignmentGivesTheFormerPlaceBack) {
  bool breaker = false;
  ConnectionPermit one = ConnectionPermit::Take(shelf_, &breaker);
  ConnectionPermit other = ConnectionPermit::Take(shelf_, &breaker);
  EXPECT_EQ(shelf_->connections(), 2u);
  one = std::move(other);
  EXPECT_TRUE(one.held());
  EXPECT_EQ(shelf_->connections(), 1u);
  ConnectionPermit& same = one;
  one = std::move(same);
  EXPECT_TRUE(one.held());
}

}  // namespace
}  // namespace holdfast::pool
