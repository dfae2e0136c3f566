#include "gateway/policy/shared_spending.h"

#include <algorithm>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "pool/key_hash.h"

namespace holdfast::policy {
namespace {

using Spent = SharedSpending::Spent;

constexpr size_t kAll = SharedSpending::kSets * 8;
constexpr uint64_t kGreatestKey = (uint64_t{1} << SharedSpending::kKeyBits) - 1;

std::vector<Spent> Drained(SharedSpending* spending) {
  std::vector<Spent> spent;
  EXPECT_TRUE(spending->Drain(kAll, &spent));
  return spent;
}

TEST(SharedSpendingTest, CountsByKeyUntilItIsTakenOut) {
  SharedSpending spending;
  EXPECT_TRUE(Drained(&spending).empty());
  for (int i = 0; i < 3; ++i) spending.Note(0);
  spending.Note(kGreatestKey);
  EXPECT_EQ(Drained(&spending), (std::vector<Spent>{{0, 3}, {kGreatestKey, 1}}));
  EXPECT_TRUE(Drained(&spending).empty());
  spending.Note(kGreatestKey);
  EXPECT_EQ(Drained(&spending), (std::vector<Spent>{{kGreatestKey, 1}}));
  EXPECT_EQ(spending.TakeDropped(), 0u);
}

TEST(SharedSpendingTest, KeysComeBackWhole) {
  SharedSpending spending;
  std::map<uint64_t, uint32_t> noted;
  for (uint64_t i = 0; i < 1000; ++i) {
    const uint64_t key = SharedSpending::KeyOf(pool::NextHash(i));
    spending.Note(key);
    ++noted[key];
  }
  for (const Spent& spent : Drained(&spending)) EXPECT_EQ(noted[spent.key], spent.requests);
}

TEST(SharedSpendingTest, ADrainGoesOnWhereItStopped) {
  SharedSpending spending;
  for (uint64_t i = 0; i < 10; ++i) spending.Note(SharedSpending::KeyOf(pool::NextHash(i)));
  std::vector<Spent> spent;
  EXPECT_FALSE(spending.Drain(4, &spent));
  EXPECT_EQ(spent.size(), 4u);
  EXPECT_FALSE(spending.Drain(4, &spent)) << "there is no room";
  EXPECT_FALSE(spending.Drain(8, &spent));
  EXPECT_EQ(spent.size(), 8u);
  EXPECT_TRUE(spending.Drain(12, &spent));
  EXPECT_EQ(spent.size(), 10u);
}

TEST(SharedSpendingTest, WhatThereIsNoRoomForAtAllStays) {
  SharedSpending spending;
  spending.Note(0);
  std::vector<Spent> spent;
  EXPECT_FALSE(spending.Drain(0, &spent));
  EXPECT_EQ(Drained(&spending), (std::vector<Spent>{{0, 1}}));
  EXPECT_TRUE(spending.Drain(0, &spent)) << "there is nothing more";
}

TEST(SharedSpendingTest, WhatFindsNoRoomIsCounted) {
  SharedSpending spending;
  for (uint64_t key = 0; key < 10; ++key) spending.Note(key);  // all of the first set
  EXPECT_EQ(spending.TakeDropped(), 2u);
  EXPECT_EQ(spending.TakeDropped(), 0u);
  EXPECT_EQ(Drained(&spending).size(), 8u);
  spending.Note(9);
  EXPECT_EQ(Drained(&spending), (std::vector<Spent>{{9, 1}})) << "there is room again";
}

TEST(SharedSpendingTest, ItHoldsTheKeysThatItSays) {
  SharedSpending spending;
  constexpr uint64_t kKeys = 16'000;
  for (uint64_t i = 0; i < kKeys; ++i) spending.Note(SharedSpending::KeyOf(pool::NextHash(i)));
  EXPECT_LE(spending.TakeDropped(), kKeys / 1000);
}

}  // namespace
}  // namespace holdfast::policy
