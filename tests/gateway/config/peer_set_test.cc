#include "gateway/config/peer_set.h"

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

pool::SocketAddress Ip(std::string_view text) { return *pool::SocketAddress::FromIp(text, 1234); }
pool::SocketAddress Unix() { return *pool::SocketAddress::Parse("unix:/run/peer.sock"); }

TEST(PeerSetTest, NobodyIsTrustedAtFirst) {
  const PeerSet none;
  EXPECT_FALSE(none.Contains(Ip("127.0.0.1")));
  EXPECT_FALSE(none.Contains(Unix()));
  EXPECT_FALSE(none.Contains(pool::SocketAddress()));
}

TEST(PeerSetTest, NetworksAndSingleAddressesAreTrusted) {
  PeerSet proxies;
  EXPECT_TRUE(proxies.Add("192.0.2.0/24"));
  EXPECT_TRUE(proxies.Add("2001:db8::1"));
  EXPECT_TRUE(proxies.Contains(Ip("192.0.2.77")));
  EXPECT_TRUE(proxies.Contains(Ip("2001:db8::1")));
  EXPECT_FALSE(proxies.Contains(Ip("198.51.100.1")));
  EXPECT_FALSE(proxies.Contains(Unix())) << "a network says nothing about a UNIX socket";
}

TEST(PeerSetTest, AUnixSocketsPeersAreTrustedByTheirWord) {
  PeerSet proxies;
  EXPECT_TRUE(proxies.Add("unix"));
  EXPECT_TRUE(proxies.Contains(Unix()));
  EXPECT_TRUE(proxies.Contains(pool::SocketAddress())) << "most of them have no name";
  EXPECT_FALSE(proxies.Contains(Ip("127.0.0.1")));
}

TEST(PeerSetTest, OtherWordsAreNone) {
  PeerSet proxies;
  for (const char* word : {"", "UNIX", "unix:", "unix:/run/x.sock", "10.0.0.1/8", "all", "*"}) {
    EXPECT_FALSE(proxies.Add(word)) << word;
  }
  EXPECT_TRUE(proxies.ranges().empty());
  EXPECT_FALSE(proxies.unix_peers());
}

}  // namespace
}  // namespace holdfast::config
