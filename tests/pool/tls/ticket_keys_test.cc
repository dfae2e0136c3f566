#include "pool/tls/ticket_keys.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

TEST(TicketKeysTest, FreshOnesAreAllDifferent) {
  const TicketKeys a = *TicketKeys::Fresh(), b = *TicketKeys::Fresh();
  EXPECT_NE(a, b);
  EXPECT_NE(a.previous, a.current);
  EXPECT_NE(a.current, a.next);
  EXPECT_NE(a.current.name, TicketKey{}.name);
}

TEST(TicketKeysTest, RotationMovesEachOneOn) {
  const TicketKeys before = *TicketKeys::Fresh();
  const TicketKeys after = *before.Rotated();
  EXPECT_EQ(after.previous, before.current);
  EXPECT_EQ(after.current, before.next);
  EXPECT_NE(after.next, before.next);
  EXPECT_NE(after.next, before.previous);
}

// A ticket is opened for two rotations, and by those who rotate later or earlier.
TEST(TicketKeysTest, OnlyTheCurrentOneNeedsNoRenewal) {
  const TicketKeys keys = *TicketKeys::Fresh();
  bool renew = true;
  EXPECT_EQ(keys.Find(keys.current.name.data(), &renew), &keys.current);
  EXPECT_FALSE(renew);
  EXPECT_EQ(keys.Find(keys.previous.name.data(), &renew), &keys.previous);
  EXPECT_TRUE(renew);
  EXPECT_EQ(keys.Find(keys.next.name.data(), &renew), &keys.next);
  EXPECT_TRUE(renew);
  EXPECT_EQ(keys.Find(TicketKeys::Fresh()->current.name.data(), &renew), nullptr);
}

TEST(TicketKeysTest, WhoHasTheSecretHasTheKeysOfEachPeriod) {
  const TicketKeys seven = *TicketKeys::Derived("secret", 7);
  const TicketKeys eight = *TicketKeys::Derived("secret", 8);
  EXPECT_EQ(*TicketKeys::Derived("secret", 7), seven);
  EXPECT_EQ(eight.previous, seven.current);
  EXPECT_EQ(eight.current, seven.next);
  EXPECT_FALSE(eight.current == seven.current);
  EXPECT_FALSE(eight.next == seven.previous);
  EXPECT_FALSE(TicketKeys::Derived("Secret", 7)->current == seven.current);
}

TEST(TicketKeysTest, BytesAndBack) {
  const TicketKeys keys = *TicketKeys::Fresh();
  const std::string bytes = keys.Serialize();
  EXPECT_EQ(bytes.size(), TicketKeys::kBytes);
  EXPECT_EQ(TicketKeys::Parse(bytes), keys);
  EXPECT_EQ(TicketKeys::Parse(bytes.substr(1)), std::nullopt);
  EXPECT_EQ(TicketKeys::Parse(bytes + "x"), std::nullopt);
  EXPECT_EQ(TicketKeys::Parse(""), std::nullopt);
}

}  // namespace
}  // namespace holdfast::pool
