#include "gateway/policy/client_connections.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::policy {
namespace {

using Place = ClientConnections::Place;
using Verdict = ClientConnections::Verdict;

pool::SocketAddress Ip(std::string_view text) { return *pool::SocketAddress::FromIp(text, 4711); }

class ClientConnectionsTest : public testing::Test {
 protected:
  Verdict Take(std::string_view listener, std::string_view client, uint32_t cap) {
    return connections_.Take(listener, Ip(client), cap, &place_);
  }

  ClientConnections connections_{1000};
  Place place_ = Place::kNowhere;
};

TEST_F(ClientConnectionsTest, AClientGetsAsManyAsItMay) {
  EXPECT_EQ(Take("edge", "192.0.2.1", 2), Verdict::kCounted);
  EXPECT_NE(place_, Place::kNowhere);
  EXPECT_EQ(Take("edge", "192.0.2.1", 2), Verdict::kCounted);
  EXPECT_EQ(Take("edge", "192.0.2.1", 2), Verdict::kRefused);
  EXPECT_EQ(connections_.counted(), 2u);
}

TEST_F(ClientConnectionsTest, ARefusedOneTakesNoPlace) {
  EXPECT_EQ(Take("edge", "192.0.2.1", 1), Verdict::kCounted);
  Place refused = Place::kNowhere;
  EXPECT_EQ(connections_.Take("edge", Ip("192.0.2.1"), 1, &refused), Verdict::kRefused);
  EXPECT_EQ(refused, Place::kNowhere);
  connections_.Return(refused);
  EXPECT_EQ(connections_.counted(), 1u);
}

TEST_F(ClientConnectionsTest, WhatIsReturnedMayBeTakenAgain) {
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(Take("edge", "192.0.2.1", 1), Verdict::kCounted) << i;
    ASSERT_EQ(connections_.Take("edge", Ip("192.0.2.1"), 1, nullptr), Verdict::kRefused) << i;
    connections_.Return(place_);
    ASSERT_EQ(connections_.counted(), 0u) << i;
  }
}

TEST_F(ClientConnectionsTest, EachClientIsCountedByItself) {
  EXPECT_EQ(Take("edge", "192.0.2.1", 1), Verdict::kCounted);
  EXPECT_EQ(Take("edge", "192.0.2.2", 1), Verdict::kCounted);
  EXPECT_EQ(Take("edge", "2001:db8:1:2::1", 1), Verdict::kCounted);
  EXPECT_EQ(Take("edge", "2001:db8:1:3::1", 1), Verdict::kCounted);
}

// A subscriber has 2^64 addresses, and IPv4 ones may be written as IPv6.
TEST_F(ClientConnectionsTest, NoClientIsTwoByAnotherAddress) {
  EXPECT_EQ(Take("edge", "2001:db8:1:2::1", 1), Verdict::kCounted);
  EXPECT_EQ(Take("edge", "2001:db8:1:2:ffff::7", 1), Verdict::kRefused);
  EXPECT_EQ(Take("edge", "192.0.2.1", 1), Verdict::kCounted);
  EXPECT_EQ(Take("edge", "::ffff:192.0.2.1", 1), Verdict::kRefused);
}

TEST_F(ClientConnectionsTest, APortIsNoPartOfAClient) {
  EXPECT_EQ(connections_.Take("edge", *pool::SocketAddress::FromIp("192.0.2.1", 1), 1, &place_),
            Verdict::kCounted);
  EXPECT_EQ(connections_.Take("edge", *pool::SocketAddress::FromIp("192.0.2.1", 2), 1, &place_),
            Verdict::kRefused);
}

TEST_F(ClientConnectionsTest, EachListenerCountsByItself) {
  EXPECT_EQ(Take("edge", "192.0.2.1", 1), Verdict::kCounted);
  EXPECT_EQ(Take("door", "192.0.2.1", 1), Verdict::kCounted);
  EXPECT_EQ(Take("edge", "192.0.2.1", 1), Verdict::kRefused);
}

TEST_F(ClientConnectionsTest, WhoHasNoIpAddressIsNotCounted) {
  EXPECT_EQ(connections_.Take("edge", *pool::SocketAddress::Parse("unix:/tmp/s"), 1, &place_),
            Verdict::kNoAddress);
  EXPECT_EQ(connections_.Take("edge", pool::SocketAddress(), 1, &place_), Verdict::kNoAddress);
  EXPECT_EQ(place_, Place::kNowhere);
  EXPECT_EQ(connections_.counted(), 0u);
}

TEST_F(ClientConnectionsTest, ACapMayChangeWhileConnectionsAreCounted) {
  std::vector<Place> places(3);
  for (Place& place : places) {
    ASSERT_EQ(connections_.Take("edge", Ip("192.0.2.1"), 3, &place), Verdict::kCounted);
  }
  EXPECT_EQ(Take("edge", "192.0.2.1", 2), Verdict::kRefused) << "lower";
  connections_.Return(places[0]);
  EXPECT_EQ(Take("edge", "192.0.2.1", 2), Verdict::kRefused) << "as many as it may now";
  connections_.Return(places[1]);
  EXPECT_EQ(Take("edge", "192.0.2.1", 2), Verdict::kCounted);
  EXPECT_EQ(Take("edge", "192.0.2.1", 5), Verdict::kCounted) << "higher";
}

TEST_F(ClientConnectionsTest, TheHighestCapIsCountedTo) {
  for (uint32_t i = 0; i < ClientConnections::kMostConnections; ++i) {
    ASSERT_EQ(connections_.Take(7, ClientConnections::kMostConnections, &place_), Verdict::kCounted)
        << i;
  }
  EXPECT_EQ(connections_.Take(7, ClientConnections::kMostConnections, &place_), Verdict::kRefused);
}

// Eight words are one set.
TEST(ClientConnectionsFullTest, WhoFindsNoWordIsLetInAndNobodyIsForgotten) {
  ClientConnections connections(1);
  std::vector<Place> places(8);
  for (uint64_t key = 1; key <= 8; ++key) {
    ASSERT_EQ(connections.Take(key, 1, &places[key - 1]), Verdict::kCounted);
  }
  Place place = Place::kNowhere;
  EXPECT_EQ(connections.Take(9, 1, &place), Verdict::kNoRoom);
  EXPECT_EQ(place, Place::kNowhere);
  for (uint64_t key = 1; key <= 8; ++key) {
    EXPECT_EQ(connections.Take(key, 1, &place), Verdict::kRefused) << key;
  }
  connections.Return(places[3]);
  EXPECT_EQ(connections.Take(9, 1, &place), Verdict::kCounted);
  EXPECT_EQ(connections.Take(9, 1, &place), Verdict::kRefused);
  EXPECT_EQ(connections.counted(), 8u);
}

// Wherever its word is: those before it may be free again.
TEST(ClientConnectionsFullTest, AClientKeepsItsWord) {
  ClientConnections connections(1);
  std::vector<Place> places(4);
  for (uint64_t key = 1; key <= 4; ++key) {
    ASSERT_EQ(connections.Take(key, 2, &places[key - 1]), Verdict::kCounted);
  }
  connections.Return(places[0]);
  Place second = Place::kNowhere;
  EXPECT_EQ(connections.Take(4, 2, &second), Verdict::kCounted);
  EXPECT_EQ(second, places[3]);
  EXPECT_EQ(connections.Take(4, 2, &second), Verdict::kRefused);
}

TEST(ClientConnectionsFullTest, AQuarterOfItsClientsFindRoom) {
  ClientConnections connections(10'000);
  int no_room = 0;
  for (int i = 0; i < 2'500; ++i) {
    const std::string ip = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    Place place = Place::kNowhere;
    no_room += connections.Take("edge", Ip(ip), 1, &place) == Verdict::kNoRoom ? 1 : 0;
  }
  EXPECT_LE(no_room, 2'500 / 100);
}

TEST(ClientConnectionsFullTest, ItsMemoryIsWhatItSays) {
  EXPECT_EQ(ClientConnections(1).bytes(), 64u);
  EXPECT_EQ(ClientConnections().bytes(), ClientConnections::kMaxClients * 2 * 8);
}

}  // namespace
}  // namespace holdfast::policy
