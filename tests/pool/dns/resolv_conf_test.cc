#include "pool/dns/resolv_conf.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

TEST(ResolvConfTest, WhatIsOfUseIsNotSpokenOf) {
  for (const char* text :
       {"", "nameserver 10.0.0.2", "nameserver\t10.0.0.2 \nnameserver fd00::53\n",
        "# nameserver fe80::1%lo\n; nameserver x\nsearch a.test\noptions ndots:5\n",
        "nameserver 10.0.0.2 # the usual\r\n", "nameserver\n", "nameservers x\n"}) {
    EXPECT_TRUE(ResolvConfTroubles(text).empty()) << text;
  }
}

TEST(ResolvConfTest, AServerBehindOneInterfaceIsTold) {
  for (const char* server : {"fe80::53%lo", "fe80::53%nowhere7", "fe80::53", "fd00::1%lo"}) {
    const std::vector<std::string> troubles =
        ResolvConfTroubles("nameserver 10.0.0.2\nnameserver " + std::string(server) + "\n");
    ASSERT_EQ(troubles.size(), 1u) << server;
    EXPECT_EQ(troubles[0], "nameserver " + std::string(server) +
                               " is never asked: it is bound to one interface");
  }
}

TEST(ResolvConfTest, WhatIsNoAddressIsTold) {
  EXPECT_EQ(ResolvConfTroubles("nameserver 10.0.0.2\nnameserver dns.test\n"),
            std::vector<std::string>{"nameserver dns.test is never asked: it is no IP address"});
}

TEST(ResolvConfTest, ThatNobodyIsLeftIsTold) {
  const std::vector<std::string> troubles = ResolvConfTroubles("nameserver fe80::53%lo");
  ASSERT_EQ(troubles.size(), 2u);
  EXPECT_EQ(troubles[1], "no name server can be asked but this machine, 127.0.0.1");
}

}  // namespace
}  // namespace holdfast::pool
