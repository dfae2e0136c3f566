#include "pool/net/peer_ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "pool/net/random.h"

namespace holdfast::pool {
namespace {

std::string TextOf(const SocketAddress& peer) {
  std::array<char, PeerIp::kMaxText> room;
  return std::string(PeerIp(peer).Text(room));
}

SocketAddress Ipv6(const in6_addr& address) {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = address;
  return {reinterpret_cast<const sockaddr*>(&v6), sizeof(v6)};
}

TEST(PeerIpTest, IsTheTextOfTheAddress) {
  for (const std::string_view ip : {"0.0.0.0",
                                    "127.0.0.1",
                                    "10.200.3.40",
                                    "255.255.255.255",
                                    "::",
                                    "::1",
                                    "::2",
                                    "fe80::1",
                                    "2001:db8::ff00:42:8329",
                                    "2001:db8:0:1:1:1:1:1",
                                    "1:0:0:2:0:0:0:3",
                                    "1:0:0:2:3:0:0:4",
                                    "1::",
                                    "0:1:1:1:1:1:1:1",
                                    "1:1:1:1:1:1:1:0",
                                    "::1.2.3.4",
                                    "::255.255.255.255",
                                    "::ffff:10.0.0.7",
                                    "::ffff:0:1.2.3.4",
                                    "64:ff9b::1.2.3.4",
                                    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    const SocketAddress peer = *SocketAddress::FromIp(ip, 4711);
    EXPECT_EQ(TextOf(peer), peer.Ip());
  }
}

TEST(PeerIpTest, NoIpIsNothing) {
  EXPECT_EQ(TextOf(SocketAddress()), "");
  EXPECT_EQ(TextOf(*SocketAddress::Parse("unix:@holdfast-peer")), "");
}

// Zero groups are common, in all places.
TEST(PeerIpTest, AnyIpv6AddressIsAsTheSystemHasIt) {
  Random random(7);
  for (int i = 0; i < 20'000; ++i) {
    in6_addr address;
    for (size_t group = 0; group < 8; ++group) {
      const auto bits = static_cast<uint16_t>(random.Next() >> (random.Below(4) * 4 + 48));
      const uint16_t value = htons(random.Below(2) == 0 ? 0 : bits);
      std::memcpy(&address.s6_addr[2 * group], &value, sizeof(value));
    }
    const SocketAddress peer = Ipv6(address);
    ASSERT_EQ(TextOf(peer), peer.Ip());
  }
}

}  // namespace
}  // namespace holdfast::pool
