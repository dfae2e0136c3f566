#include "pool/dns/cares_hosts_file.h"

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

TEST(CaresHostsFileTest, KnowsThisMachine) {
  CaresHostsFile hosts;
  EXPECT_FALSE(hosts.Find("localhost", 80).empty());
  EXPECT_FALSE(hosts.Find("localhost.", 80).empty());
  EXPECT_TRUE(hosts.Find("nowhere.test", 80).empty());
}

TEST(CaresHostsFileTest, AddressesHaveThePortAskedFor) {
  CaresHostsFile hosts;
  for (const SocketAddress& address : hosts.Find("localhost", 8080)) {
    EXPECT_EQ(address.port(), 8080);
    EXPECT_EQ(address, *SocketAddress::FromIp(address.Ip(), 8080));
  }
}

}  // namespace
}  // namespace holdfast::pool
