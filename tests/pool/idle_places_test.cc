#include "pool/idle_places.h"

#include <memory>

#include <gtest/gtest.h>

#include "pool/shelves.h"

namespace holdfast::pool {
namespace {

class IdlePlacesTest : public testing::Test {
 protected:
  Shelves shelves_{3};
  EndpointKey key_{"web", *SocketAddress::Parse("127.0.0.1:80")};
  std::shared_ptr<Shelf> shelf_ = shelves_.For(key_);
};

TEST_F(IdlePlacesTest, TakesAsManyAsThereAreAndNotTwice) {
  shelf_->SetCaps(10, 3);
  IdlePlaces places(shelf_.get());
  places.TakeUpTo(2);
  places.TakeUpTo(1);
  EXPECT_EQ(places.taken(), 2u);
  places.TakeUpTo(9);
  EXPECT_EQ(places.taken(), 3u);
  EXPECT_EQ(shelves_.idle_places(), 3u);
}

TEST_F(IdlePlacesTest, HoldsNoMoreThanThereAreConnections) {
  IdlePlaces places(shelf_.get());
  places.TakeUpTo(5);
  places.ReturnBeyond(7);
  EXPECT_EQ(places.taken(), 5u);
  places.ReturnBeyond(2);
  EXPECT_EQ(places.taken(), 2u);
  EXPECT_EQ(shelves_.idle_places(), 2u);
}

TEST_F(IdlePlacesTest, GivesBackWhatALoweredLimitForbids) {
  IdlePlaces places(shelf_.get());
  places.TakeUpTo(5);
  shelf_->SetCaps(10, 3);
  places.ReturnOver();
  EXPECT_EQ(places.taken(), 3u);
  shelves_.SetIdleLimit(1);
  places.ReturnOver();
  EXPECT_EQ(places.taken(), 1u);
}

TEST_F(IdlePlacesTest, DestructionGivesAllBack) {
  { IdlePlaces(shelf_.get()).TakeUpTo(4); }
  EXPECT_EQ(shelves_.idle_places(), 0u);
}

}  // namespace
}  // namespace holdfast::pool
