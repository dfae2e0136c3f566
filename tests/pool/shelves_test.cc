#include "pool/shelves.h"

#include <memory>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

class ShelvesTest : public testing::Test {
 protected:
  Shelves shelves_{3};
  EndpointKey key_{"web", *SocketAddress::Parse("127.0.0.1:80")};
  std::shared_ptr<Shelf> shelf_ = shelves_.For(key_);
};

TEST_F(ShelvesTest, OneShelfForEachEndpointAndGoesWithItsHolders) {
  EXPECT_EQ(shelves_.For(key_), shelf_);
  const EndpointKey other{"web", *SocketAddress::Parse("127.0.0.1:81")};
  EXPECT_NE(shelves_.For(other), shelf_);
  EXPECT_EQ(&shelves_.For(other)->totals(), &shelf_->totals()) << "of one upstream";
  EXPECT_NE(&shelves_.For({"api", key_.address})->totals(), &shelf_->totals());
  const std::weak_ptr<Shelf> watched = shelf_;
  shelf_.reset();
  EXPECT_TRUE(watched.expired());
}

TEST_F(ShelvesTest, AnotherTlsIdentityIsAnotherShelf) {
  EndpointKey other = key_;
  other.tls = TlsIdentity(TlsSettings{.server_name = "web.test"});
  EXPECT_NE(shelves_.For(other), shelf_);
  EXPECT_EQ(&shelves_.For(other)->totals(), &shelf_->totals());
}

TEST_F(ShelvesTest, TheProcessHasSoManyConnectionsWhateverTheCapsSay) {
  const std::shared_ptr<Shelf> other = shelves_.For({"api", key_.address});
  shelves_.SetConnectionLimit(3);
  EXPECT_TRUE(shelf_->TakeConnection());
  EXPECT_TRUE(shelf_->TakeConnection());
  EXPECT_TRUE(other->TakeConnection());
  EXPECT_FALSE(other->TakeConnection());
  EXPECT_TRUE(other->OutOfDescriptors());
  EXPECT_EQ(other->connections(), 1u) << "what failed took nothing";
  shelf_->ReturnConnection();
  EXPECT_FALSE(other->OutOfDescriptors());
  EXPECT_TRUE(other->TakeConnection());
}

TEST_F(ShelvesTest, RequestsOfAnUpstreamAreCounted) {
  EXPECT_EQ(shelves_.RequestsOf("web"), 0u);
  EXPECT_EQ(shelves_.RequestsOf("nobody"), 0u);
  shelf_->totals().AddActive(1, 1);
  EXPECT_EQ(shelves_.RequestsOf("web"), 1u);
  EXPECT_EQ(shelves_.RequestsOf("nobody"), 0u);
}

}  // namespace
}  // namespace holdfast::pool
