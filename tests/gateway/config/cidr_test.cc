#include "gateway/config/cidr.h"

#include <gtest/gtest.h>

#include "pool/net/ipv4_text.h"

namespace holdfast::config {
namespace {

bool Contains(std::string_view range, std::string_view ip) {
  const std::optional<Cidr> parsed = Cidr::Parse(range);
  EXPECT_TRUE(parsed) << range;
  const auto address = pool::SocketAddress::FromIp(ip, 1234);
  EXPECT_TRUE(address) << ip;
  const auto ipv4 = pool::ReadIpv4(ip);
  if (parsed && address && ipv4) {
    EXPECT_EQ(parsed->Contains(*ipv4), parsed->Contains(*address)) << range << " " << ip;
  }
  return parsed && address && parsed->Contains(*address);
}

TEST(CidrTest, ContainsTheAddressesOfItsPrefix) {
  EXPECT_TRUE(Contains("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(Contains("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(Contains("192.168.4.0/22", "192.168.7.255"));
  EXPECT_FALSE(Contains("192.168.4.0/22", "192.168.8.0"));
  EXPECT_TRUE(Contains("fd00::/8", "fdff::1"));
  EXPECT_FALSE(Contains("fd00::/8", "fe00::1"));
  EXPECT_TRUE(Contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(Contains("2001:db8::/33", "2001:db8:8000::1"));
}

TEST(CidrTest, AnAddressAloneIsARangeOfOne) {
  EXPECT_TRUE(Contains("10.0.0.7", "10.0.0.7"));
  EXPECT_FALSE(Contains("10.0.0.7", "10.0.0.6"));
  EXPECT_TRUE(Contains("10.0.0.7/32", "10.0.0.7"));
  EXPECT_TRUE(Contains("::1", "::1"));
  EXPECT_FALSE(Contains("::1/128", "::2"));
}

TEST(CidrTest, ZeroBitsContainEveryAddressOfTheFamily) {
  EXPECT_TRUE(Contains("0.0.0.0/0", "255.1.2.3"));
  EXPECT_FALSE(Contains("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(Contains("::/0", "2001:db8::1"));
  EXPECT_TRUE(Contains("::/0", "192.0.2.1"));
}

TEST(CidrTest, FindsIpv4PeersOfADualStackListener) {
  EXPECT_TRUE(Contains("10.0.0.0/8", "::ffff:10.1.2.3"));
  EXPECT_FALSE(Contains("10.0.0.0/8", "::ffff:11.1.2.3"));
  // The IPv4-compatible form is another address.
  EXPECT_FALSE(Contains("10.0.0.0/8", "::10.1.2.3"));
}

TEST(CidrTest, UnixPeersAreInNoRange) {
  const auto unix_peer = pool::SocketAddress::Parse("unix:/run/x.sock");
  ASSERT_TRUE(unix_peer);
  EXPECT_FALSE(Cidr::Parse("0.0.0.0/0")->Contains(*unix_peer));
  EXPECT_FALSE(Cidr::Parse("::/0")->Contains(*unix_peer));
}

TEST(CidrTest, RefusesWhatIsNoRange) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8",
                           "10.0.0.0/8/8", "10.0.0.0/8 ", "10.0.0/8", "10.0.0.300", "fd00::/129",
                           "example.com", "localhost/8", "10.0.0.0/a", "10.0.0.0:80"}) {
    EXPECT_EQ(Cidr::Parse(text), std::nullopt) << text;
  }
}

TEST(CidrTest, RefusesBitsBehindThePrefix) {
  EXPECT_EQ(Cidr::Parse("10.0.0.1/8"), std::nullopt);
  EXPECT_EQ(Cidr::Parse("192.168.5.0/22"), std::nullopt);
  EXPECT_EQ(Cidr::Parse("fd00::1/8"), std::nullopt);
  EXPECT_EQ(Cidr::Parse("1.0.0.0/0"), std::nullopt);
}

}  // namespace
}  // namespace holdfast::config
