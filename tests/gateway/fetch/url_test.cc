#include "gateway/fetch/url.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::fetch {
namespace {

TEST(UrlTest, IsTakenApart) {
  const auto url = ParseUrl("https://ca.test/dir?a=b");
  ASSERT_TRUE(url.has_value());
  EXPECT_EQ(url->host, "ca.test");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->authority, "ca.test");
  EXPECT_EQ(url->target, "/dir?a=b");
}

TEST(UrlTest, APortAndAnAddressStayInTheHostField) {
  const auto url = ParseUrl("https://[::1]:14000/dir");
  ASSERT_TRUE(url.has_value());
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 14000);
  EXPECT_EQ(url->authority, "[::1]:14000");
}

TEST(UrlTest, APathIsSpelledOut) {
  EXPECT_EQ(ParseUrl("https://ca.test")->target, "/");
  EXPECT_EQ(ParseUrl("https://ca.test?q")->target, "/?q");
}

TEST(UrlTest, OneOfHttpIsClear) {
  const auto url = ParseUrl("http://ca.test/dir");
  ASSERT_TRUE(url.has_value());
  EXPECT_TRUE(url->clear);
  EXPECT_EQ(url->port, 80);
  EXPECT_EQ(ParseUrl("http://ca.test:8080")->port, 8080);
  EXPECT_FALSE(ParseUrl("https://ca.test")->clear);
}

TEST(UrlTest, TheLoopbackIsKnownByItsAddressAndItsOwnName) {
  for (const char* near : {"http://127.0.0.1/", "http://127.8.9.1:80/", "http://[::1]:80/k",
                           "http://localhost:80/", "https://localhost"}) {
    EXPECT_TRUE(ParseUrl(near)->loopback()) << near;
  }
  for (const char* far : {"http://127.evil.test/", "http://10.0.0.1/", "http://[::2]/",
                          "http://localhost.evil.test/", "http://127.0.0.1.evil.test/"}) {
    EXPECT_FALSE(ParseUrl(far)->loopback()) << far;
  }
}

TEST(UrlTest, AnOriginIsSchemeHostAndPort) {
  const Url url = *ParseUrl("https://ca.test/a");
  for (const char* same : {"https://ca.test/b?c", "https://ca.test:443/a"}) {
    EXPECT_TRUE(SameOrigin(url, *ParseUrl(same))) << same;
  }
  for (const char* other :
       {"http://ca.test/a", "http://ca.test:443/a", "https://cb.test/a", "https://ca.test:444/a"}) {
    EXPECT_FALSE(SameOrigin(url, *ParseUrl(other))) << other;
  }
}

TEST(UrlTest, WhatIsNoneIsRefused) {
  for (const std::string& wrong :
       {std::string(), std::string("ftp://ca.test/"), std::string("https:///dir"),
        std::string("https://ca.test:0/"), std::string("https://ca.test:70000/"),
        std::string("https://user@ca.test/"), std::string("https://ca.test/a b"),
        std::string("https://ca.test/\r\nHost: b"), std::string("https://ca.test/#a"),
        std::string("https://ca.test/\xff"), "https://ca.test/" + std::string(5000, 'a')}) {
    EXPECT_FALSE(ParseUrl(wrong).has_value()) << wrong.substr(0, 40);
  }
}

}  // namespace
}  // namespace holdfast::fetch
