#include "gateway/proxy/true_client.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::proxy {
namespace {

using From = config::ClientIp::From;

std::string ClientBy(const config::ClientIp& rule, std::string_view name,
                     const std::vector<std::string>& fields, std::string_view peer = "192.0.2.1") {
  config::Listener listener;
  EXPECT_TRUE(listener.trusted_proxies.Add("192.0.2.0/24"));
  EXPECT_TRUE(listener.trusted_proxies.Add("2001:db8:1::/48"));
  listener.client_ip = rule;
  http::HeaderList headers;
  for (const std::string& value : fields) {
    headers.Add({.name = name, .value = value, .id = http::IdentifyField(name)});
    headers.Add({.name = "Other", .value = "203.0.113.200"});
  }
  TrueClient client;
  return std::string(client.Find(headers, listener, peer));
}

// As a request has them whose peer is 192.0.2.1, which is trusted like the rest of its network.
std::string ClientOf(const std::vector<std::string>& fields, std::string_view peer = "192.0.2.1") {
  return ClientBy({}, "X-Forwarded-For", fields, peer);
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

TEST(TrueClientTest, AZoneIsNoPartOfAnAddress) {
  for (const std::string entry : {"fe80::1%lo", "[fe80::1%lo]:4711", "fe80::1%1", "fe80::1%"}) {
    EXPECT_EQ(ClientOf({entry + ", 192.0.2.9"}), "192.0.2.9") << entry;
  }
}

TEST(TrueClientTest, APortThatIsNoneEndsTheSearch) {
  for (const std::string entry :
       {"203.0.113.7:", "203.0.113.7:x", "203.0.113.7:123456", "[2001:db8:2::5]4711",
        "[2001:db8:2::5", "203.0.113.7 4711", "2001:db8:2::5:x"}) {
    EXPECT_EQ(ClientOf({entry + ", 192.0.2.9"}), "192.0.2.9") << entry;
  }
}

TEST(TrueClientTest, WithADepthItIsTheSoManyth) {
  const auto at = [](uint32_t depth, const std::vector<std::string>& fields) {
    return ClientBy({.depth = depth}, "X-Forwarded-For", fields);
  };
  const std::string list = "198.51.100.1, 203.0.113.7, 192.0.2.9";
  EXPECT_EQ(at(1, {list}), "192.0.2.9") << "whether or not it is trusted";
  EXPECT_EQ(at(2, {list}), "203.0.113.7");
  EXPECT_EQ(at(3, {list}), "198.51.100.1");
  EXPECT_EQ(at(2, {"198.51.100.1", "203.0.113.7"}), "198.51.100.1");
  EXPECT_EQ(at(4, {list}), "198.51.100.1") << "there are no more";
  EXPECT_EQ(at(3, {"198.51.100.1, unknown, 192.0.2.9"}), "192.0.2.9") << "it ends at what is none";
  EXPECT_EQ(at(2, {}), "192.0.2.1");
}

TEST(TrueClientTest, ForwardedSaysTheSame) {
  const auto by = [](const std::vector<std::string>& fields, std::optional<uint32_t> depth = {}) {
    return ClientBy({.from = From::kForwarded, .depth = depth}, "Forwarded", fields);
  };
  EXPECT_EQ(by({"for=198.51.100.1, for=203.0.113.7;proto=https, for=192.0.2.9"}), "203.0.113.7");
  EXPECT_EQ(by({"for=203.0.113.7", "For=\"192.0.2.9:4711\""}), "203.0.113.7");
  EXPECT_EQ(by({"for=\"[2001:db8:2::5]:4711\""}), "2001:db8:2::5");
  EXPECT_EQ(by({"for=\"[2001:db8:2::5]:_port\""}), "2001:db8:2::5");
  EXPECT_EQ(by({"for=203.0.113.7, for=unknown"}), "192.0.2.1");
  EXPECT_EQ(by({"for=203.0.113.7, for=_hidden, for=192.0.2.9"}), "192.0.2.9");
  EXPECT_EQ(by({"for=203.0.113.7, by=203.0.113.8, for=192.0.2.9"}), "192.0.2.9");
  EXPECT_EQ(by({"for=\"10.0.0.1, for=203.0.113.7"}), "203.0.113.7") << "behind an open quote";
  EXPECT_EQ(by({"for=198.51.100.1, for=203.0.113.7"}, 2), "198.51.100.1");
  EXPECT_EQ(ClientBy({.from = From::kForwarded}, "X-Forwarded-For", {"203.0.113.7"}), "192.0.2.1");
}

TEST(TrueClientTest, XRealIpIsOneAddress) {
  const auto by = [](const std::vector<std::string>& fields) {
    return ClientBy({.from = From::kXRealIp}, "X-Real-IP", fields);
  };
  EXPECT_EQ(by({"203.0.113.7"}), "203.0.113.7");
  EXPECT_EQ(by({"2001:db8:2::5"}), "2001:db8:2::5");
  EXPECT_EQ(by({"10.0.0.1", "203.0.113.7"}), "203.0.113.7") << "of several the proxy's own";
  EXPECT_EQ(by({"10.0.0.1", "192.0.2.9"}), "192.0.2.9");
  EXPECT_EQ(by({"10.0.0.1, 203.0.113.7"}), "192.0.2.1") << "no list";
  EXPECT_EQ(by({"x"}), "192.0.2.1");
  EXPECT_EQ(by({""}), "192.0.2.1");
  EXPECT_EQ(ClientBy({.from = From::kXRealIp}, "X-Forwarded-For", {"203.0.113.7"}), "192.0.2.1");
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
