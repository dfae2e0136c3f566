#include "gateway/acme/https_url.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::acme {
namespace {

TEST(HttpsUrlTest, IsTakenApart) {
  const auto url = ParseHttpsUrl("https://ca.test/dir?a=b");
  ASSERT_TRUE(url.has_value());
  EXPECT_EQ(url->host, "ca.test");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->authority, "ca.test");
  EXPECT_EQ(url->target, "/dir?a=b");
}

TEST(HttpsUrlTest, APortAndAnAddressStayInTheHostField) {
  const auto url = ParseHttpsUrl("https://[::1]:14000/dir");
  ASSERT_TRUE(url.has_value());
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 14000);
  EXPECT_EQ(url->authority, "[::1]:14000");
}

TEST(HttpsUrlTest, APathIsSpelledOut) {
  EXPECT_EQ(ParseHttpsUrl("https://ca.test")->target, "/");
  EXPECT_EQ(ParseHttpsUrl("https://ca.test?q")->target, "/?q");
}

TEST(HttpsUrlTest, WhatIsNoneIsRefused) {
  for (const std::string& wrong :
       {std::string(), std::string("http://ca.test/"), std::string("https:///dir"),
        std::string("https://ca.test:0/"), std::string("https://ca.test:70000/"),
        std::string("https://user@ca.test/"), std::string("https://ca.test/a b"),
        std::string("https://ca.test/\r\nHost: b"), std::string("https://ca.test/#a"),
        std::string("https://ca.test/\xff"), "https://ca.test/" + std::string(5000, 'a')}) {
    EXPECT_FALSE(ParseHttpsUrl(wrong).has_value()) << wrong.substr(0, 40);
  }
}

}  // namespace
}  // namespace holdfast::acme
