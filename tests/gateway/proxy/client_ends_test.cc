#include "gateway/proxy/client_ends.h"

#include <sys/socket.h>

#include <string>

#include <gtest/gtest.h>

#include "tests/pool/net/socket_pair.h"

namespace holdfast::proxy {
namespace {

pool::SocketAddress Address(std::string_view text) { return *pool::SocketAddress::Parse(text); }

TEST(ClientEndsTest, TheSocketKnowsThem) {
  const pool::SocketPair pair = pool::TcpPair();
  const pool::ProxiedEnds ours = ClientEnds(pair.ours.get(), nullptr, "");
  const pool::ProxiedEnds theirs = ClientEnds(pair.theirs.get(), nullptr, "");
  EXPECT_TRUE(ours.known());
  EXPECT_EQ(ours.source, theirs.destination);
  EXPECT_EQ(ours.destination, theirs.source);
  EXPECT_NE(ours.source, ours.destination);
}

TEST(ClientEndsTest, WhatWasAnnouncedIsBetterKnown) {
  const pool::SocketPair pair = pool::TcpPair();
  const pool::ProxiedEnds announced{Address("203.0.113.9:4711"), Address("198.51.100.2:443")};
  EXPECT_EQ(ClientEnds(pair.ours.get(), &announced, ""), announced);
}

TEST(ClientEndsTest, WhomThePeerSpeaksForTakesItsPlace) {
  const pool::SocketPair pair = pool::TcpPair();
  const pool::ProxiedEnds peer = ClientEnds(pair.ours.get(), nullptr, "");
  const pool::ProxiedEnds ends = ClientEnds(pair.ours.get(), nullptr, "2001:db8::9");
  EXPECT_EQ(ends.source, Address("[2001:db8::9]:0"));
  EXPECT_EQ(ends.destination, peer.destination);
  EXPECT_EQ(ClientEnds(pair.ours.get(), nullptr, "nobody"), peer);
}

TEST(ClientEndsTest, UnixSocketsHaveNoneButThoseOfWhomTheySpeakFor) {
  const pool::SocketPair pair = pool::UnixPair();
  EXPECT_FALSE(ClientEnds(pair.ours.get(), nullptr, "").known());
  EXPECT_EQ(ClientEnds(pair.ours.get(), nullptr, "203.0.113.9"),
            (pool::ProxiedEnds{Address("203.0.113.9:0"), Address("0.0.0.0:0")}));
  EXPECT_EQ(ClientEnds(pair.ours.get(), nullptr, "2001:db8::9"),
            (pool::ProxiedEnds{Address("[2001:db8::9]:0"), Address("[::]:0")}));
}

TEST(ClientEndsTest, WithoutASocketNothingIsKnown) {
  EXPECT_FALSE(ClientEnds(-1, nullptr, "").known());
}

}  // namespace
}  // namespace holdfast::proxy
