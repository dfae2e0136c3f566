#include "pool/net/socket_address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

#include <absl/hash/hash.h>
#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

TEST(SocketAddress, ReadsAndPrintsEachForm) {
  for (const char* text : {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80",
                           "[2001:db8::1]:8080", "[::]:443", ":80", ":0", "unix:/run/holdfast.sock",
                           "unix:relative.sock", "unix:@holdfast", "[::ffff:10.0.0.7]:80"}) {
    const auto address = SocketAddress::Parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->ToString(), text);
    EXPECT_EQ(SocketAddress(address->get(), address->length()).get()->sa_family, address->family());
  }
}

TEST(SocketAddress, RefusesEverythingElse) {
  for (const char* text : {"",
                           ":",
                           "80",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1:+80",
                           "127.0.0.1: 80",
                           "127.0.0.1:80 ",
                           "127.0.0.1:0x50",
                           "127.1:80",
                           "256.0.0.1:80",
                           "localhost:80",
                           "*:80",
                           "[::1]",
                           "[::1]80",
                           "::1:80",
                           "[127.0.0.1]:80",
                           "[::1:80",
                           "::1]:80",
                           "[]:80",
                           "[::g]:80",
                           "[fe80::1%]:80",
                           "[fe80::1%nosuchlink]:80",
                           "unix:",
                           "unix:@",
                           "Unix:/x"}) {
    EXPECT_FALSE(SocketAddress::Parse(text)) << text;
  }
  EXPECT_FALSE(SocketAddress::Parse(std::string_view("127.0.0.1\0:80", 13)));
  EXPECT_FALSE(SocketAddress::Parse(std::string_view("unix:/a\0b", 9)));
}

TEST(SocketAddress, ReadsAScopeByNameAndByNumber) {
  const unsigned loopback = if_nametoindex("lo");
  ASSERT_NE(loopback, 0u);
  const auto by_name = SocketAddress::Parse("[fe80::1%lo]:80");
  const auto by_number = SocketAddress::Parse("[fe80::1%" + std::to_string(loopback) + "]:80");
  ASSERT_TRUE(by_name && by_number);
  EXPECT_EQ(*by_name, *by_number);
  EXPECT_EQ(by_name->ToString(), "[fe80::1%lo]:80");
  EXPECT_EQ(by_name->Ip(), "fe80::1");
  EXPECT_FALSE(*by_name == *SocketAddress::Parse("[fe80::1]:80"));
}

TEST(SocketAddress, PrintsAScopeWithoutALinkAsANumber) {
  const auto address = SocketAddress::Parse("[fe80::1%999999]:80");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->ToString(), "[fe80::1%999999]:80");
}

TEST(SocketAddress, TellsThePortAloneFromAllOfIpv6) {
  const auto both = SocketAddress::Parse(":80");
  const auto ipv6 = SocketAddress::Parse("[::]:80");
  ASSERT_TRUE(both && ipv6);
  EXPECT_TRUE(both->dual_stack());
  EXPECT_FALSE(ipv6->dual_stack());
  EXPECT_FALSE(*both == *ipv6);
}

TEST(SocketAddress, ReadsAnIpWithoutAPort) {
  EXPECT_EQ(SocketAddress::FromIp("10.0.0.7", 80)->ToString(), "10.0.0.7:80");
  EXPECT_EQ(SocketAddress::FromIp("::1", 80)->ToString(), "[::1]:80");
  EXPECT_EQ(SocketAddress::FromIp("[::1]", 80)->ToString(), "[::1]:80");
  EXPECT_FALSE(SocketAddress::FromIp("[10.0.0.7]", 80));
  EXPECT_FALSE(SocketAddress::FromIp("10.0.0.7:80", 80));
  EXPECT_FALSE(SocketAddress::FromIp("", 80));
}

TEST(SocketAddress, TellsTheIpAlone) {
  EXPECT_EQ(SocketAddress::Parse("10.0.0.7:80")->Ip(), "10.0.0.7");
  EXPECT_EQ(SocketAddress::Parse("[::1]:80")->Ip(), "::1");
  EXPECT_EQ(SocketAddress::Parse("[::ffff:10.0.0.7]:80")->Ip(), "10.0.0.7");
  EXPECT_EQ(SocketAddress::Parse("unix:/run/x")->Ip(), "unix:");
  EXPECT_EQ(SocketAddress().Ip(), "");
  EXPECT_EQ(SocketAddress().ToString(), "");
}

TEST(SocketAddress, TellsThePortOfIpOnly) {
  EXPECT_EQ(SocketAddress::Parse("10.0.0.7:65535")->port(), 65535);
  EXPECT_EQ(SocketAddress::Parse("[::1]:81")->port(), 81);
  EXPECT_EQ(SocketAddress::Parse("unix:/run/x")->port(), 0);
  EXPECT_TRUE(SocketAddress::Parse("[::1]:81")->is_ip());
  EXPECT_FALSE(SocketAddress::Parse("unix:/run/x")->is_ip());
}

TEST(SocketAddress, UnixNamesHaveABound) {
  const std::string longest(107, 'x');
  EXPECT_EQ(SocketAddress::Parse("unix:" + longest)->ToString(), "unix:" + longest);
  EXPECT_EQ(SocketAddress::Parse("unix:@" + longest)->ToString(), "unix:@" + longest);
  std::array<char, SocketAddress::kMaxText> room;
  EXPECT_EQ(SocketAddress::Parse("unix:@" + longest)->FormatTo(room), "unix:@" + longest);
  EXPECT_FALSE(SocketAddress::Parse("unix:" + longest + "x"));
  EXPECT_FALSE(SocketAddress::Parse("unix:@" + longest + "x"));
}

// Linux binds a path that leaves no room for its terminator.
TEST(SocketAddress, AUnixPathMayFillTheAddress) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memset(name.sun_path, 'x', sizeof(name.sun_path));
  const SocketAddress address(reinterpret_cast<const sockaddr*>(&name), sizeof(name));
  EXPECT_EQ(address.ToString(), "unix:" + std::string(sizeof(name.sun_path), 'x'));
  EXPECT_EQ(address, SocketAddress(reinterpret_cast<const sockaddr*>(&name), sizeof(name)));
}

TEST(SocketAddress, IsSmallAndCopiesShareAUnixName) {
  EXPECT_LE(sizeof(SocketAddress), 48u);
  for (const char* text : {"unix:/run/holdfast.sock", "unix:@holdfast"}) {
    const SocketAddress address = *SocketAddress::Parse(text);
    SocketAddress copy;
    {
      const SocketAddress original = address;
      copy = original;
    }
    EXPECT_EQ(copy, address);
    EXPECT_EQ(copy.get(), address.get()) << "no memory of its own";
    EXPECT_EQ(copy.ToString(), text);
  }
  const SocketAddress ip = *SocketAddress::Parse("[::1]:80");
  const SocketAddress copy = ip;
  EXPECT_NE(copy.get(), ip.get()) << "an IP address is inside";
  EXPECT_EQ(copy, ip);
}

TEST(SocketAddress, CanBeAssignedAnAddressOfAnotherFamily) {
  SocketAddress address = *SocketAddress::Parse("unix:/run/x");
  address = *SocketAddress::Parse("10.0.0.7:80");
  EXPECT_EQ(address.ToString(), "10.0.0.7:80");
  EXPECT_EQ(address.get()->sa_family, AF_INET);
  address = *SocketAddress::Parse("unix:/run/y");
  EXPECT_EQ(address.ToString(), "unix:/run/y");
  const SocketAddress taken = std::move(address);
  EXPECT_EQ(taken.ToString(), "unix:/run/y");
}

TEST(SocketAddress, IgnoresWhatDoesNotNameThePeer) {
  sockaddr_in padded{};
  padded.sin_family = AF_INET;
  padded.sin_port = htons(80);
  padded.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::memset(padded.sin_zero, 0x55, sizeof(padded.sin_zero));
  const SocketAddress v4(reinterpret_cast<const sockaddr*>(&padded), sizeof(padded));
  EXPECT_EQ(v4, *SocketAddress::Parse("127.0.0.1:80"));

  sockaddr_in6 labelled{};
  labelled.sin6_family = AF_INET6;
  labelled.sin6_port = htons(80);
  labelled.sin6_addr = in6addr_loopback;
  labelled.sin6_flowinfo = 7;
  const SocketAddress v6(reinterpret_cast<const sockaddr*>(&labelled), sizeof(labelled));
  EXPECT_EQ(v6, *SocketAddress::Parse("[::1]:80"));
}

// The kernel counts the terminator in getsockname and need not elsewhere.
TEST(SocketAddress, AUnixPathIsTheSameWithAndWithoutItsTerminator) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strcpy(name.sun_path, "/run/x");
  const auto* raw = reinterpret_cast<const sockaddr*>(&name);
  const socklen_t bare = offsetof(sockaddr_un, sun_path) + 6;
  EXPECT_EQ(SocketAddress(raw, bare), SocketAddress(raw, bare + 1));
  EXPECT_EQ(SocketAddress(raw, bare), SocketAddress(raw, sizeof(name)));
  EXPECT_EQ(SocketAddress(raw, bare), *SocketAddress::Parse("unix:/run/x"));
}

TEST(SocketAddress, TheUnnamedUnixPeerHasNoName) {
  const sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
  const SocketAddress address(reinterpret_cast<const sockaddr*>(&name), sizeof(sa_family_t));
  EXPECT_EQ(address.family(), AF_UNIX);
  EXPECT_EQ(address.ToString(), "unix:");
}

TEST(SocketAddress, OtherFamiliesAndShortAddressesAreEmpty) {
  const sockaddr_in v4{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
  EXPECT_EQ(SocketAddress(reinterpret_cast<const sockaddr*>(&v4), 4).length(), 0u);
  const sockaddr other{.sa_family = AF_APPLETALK, .sa_data = {}};
  EXPECT_EQ(SocketAddress(&other, sizeof(other)).length(), 0u);
}

TEST(SocketAddress, EqualAddressesHashAlike) {
  absl::Hash<SocketAddress> hash;
  EXPECT_EQ(hash(*SocketAddress::Parse("[::1]:80")), hash(*SocketAddress::FromIp("::1", 80)));
  EXPECT_NE(hash(*SocketAddress::Parse("[::1]:80")), hash(*SocketAddress::Parse("[::1]:81")));
}

}  // namespace
}  // namespace holdfast::pool
