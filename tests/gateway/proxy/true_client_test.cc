#include "gateway/proxy/true_client.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::proxy {
namespace {

// As a request has them whose peer is 192.0.2.1, which is trusted like the rest of its network.
std::string ClientOf(const std::vector<std::string>& fields, std::string_view peer = "192.0.2.1") {
  config::TrustedProxies trusted;
  EXPECT_TRUE(trusted.Add("192.0.2.0/24"));
  EXPECT_TRUE(trusted.Add("2001:db8:1::/48"));
  http::HeaderList headers;
  for (const std::string& value : fields) {
    headers.Add({.name = "X-Forwarded-For", .value = value, .id = http::FieldId::kXForwardedFor});
    headers.Add({.name = "Other", .value = "203.0.113.200"});
  }
  TrueClient client;
  return std::string(client.Find(headers, trusted, peer));
}

TEST(TrueClientTest, WithoutAWordOfOthersItIsThePeer) {
  EXPECT_EQ(ClientOf({}), "192.0.2.1");
  EXPECT_EQ(ClientOf({""}), "192.0.2.1");
  EXPECT_EQ(ClientOf({}, ""), "");
}

TEST(TrueClientTest, ItIsTheRightmostAddressThatIsNotTrusted) {
  EXPECT_EQ(ClientOf({"203.0.113.7"}), "203.0.113.7");
  EXPECT_EQ(ClientOf({"198.51.100.1, 203.0.113.7"}), "203.0.113.7") << "the first is hearsay";
  EXPECT_EQ(ClientOf({"198.51.100.1,203.0.113.7 ,\t192.0.2.9"}), "203.0.113.7");
  EXPECT_EQ(ClientOf({"2001:db8:2::5, 2001:db8:1::1"}), "2001:db8:2::5");
}

TEST(TrueClientTest, SeveralFieldsAreOneList) {
  EXPECT_EQ(ClientOf({"198.51.100.1", "203.0.113.7", "192.0.2.9"}), "203.0.113.7");
}

TEST(TrueClientTest, WhenAllAreTrustedItIsTheFirst) {
  EXPECT_EQ(ClientOf({"192.0.2.5, 192.0.2.9"}), "192.0.2.5");
}

TEST(TrueClientTest, WhatIsNoAddressEndsTheSearch) {
  EXPECT_EQ(ClientOf({"203.0.113.7, unknown"}), "192.0.2.1");
  EXPECT_EQ(ClientOf({"203.0.113.7, _hidden, 192.0.2.9"}), "192.0.2.9");
  EXPECT_EQ(ClientOf({"203.0.113.7,,192.0.2.9"}), "192.0.2.9");
  EXPECT_EQ(ClientOf({"unix:/run/x.sock"}), "192.0.2.1");
  EXPECT_EQ(ClientOf({":80"}), "192.0.2.1");
}

TEST(TrueClientTest, PortsAndBracketsAreLeftOut) {
  EXPECT_EQ(ClientOf({"203.0.113.7:4711"}), "203.0.113.7");
  EXPECT_EQ(ClientOf({"[2001:db8:2::5]:4711"}), "2001:db8:2::5");
  EXPECT_EQ(ClientOf({"[2001:db8:2::5]"}), "2001:db8:2::5");
}

TEST(TrueClientTest, OneAddressHasOneSpelling) {
  EXPECT_EQ(ClientOf({"2001:0DB8:0002:0:0:0:0:5"}), "2001:db8:2::5");
  EXPECT_EQ(ClientOf({"::ffff:203.0.113.7"}), "203.0.113.7");
}

TEST(TrueClientTest, ALongListIsNotReadToItsEnd) {
  std::string list = "203.0.113.7";
  for (int i = 0; i < TrueClient::kMaxHops; ++i) list += ", 192.0.2.8";
  EXPECT_EQ(ClientOf({list}), "192.0.2.8");
  EXPECT_EQ(ClientOf({list.substr(0, list.rfind(','))}), "203.0.113.7");
}

}  // namespace
}  // namespace holdfast::proxy
