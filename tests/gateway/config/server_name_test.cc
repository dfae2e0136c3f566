#include "gateway/config/server_name.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

Upstream Of(const std::vector<std::string_view>& endpoints, std::string server_name = "") {
  Upstream upstream{.name = "web"};
  for (const std::string_view text : endpoints) {
    upstream.endpoints.push_back(text.starts_with('_') ? *ParseService(text)
                                                       : *ParseEndpoint(text));
  }
  upstream.tls = UpstreamTls{.server_name = std::move(server_name)};
  return upstream;
}

TEST(ServerNameTest, IsTheOneHostOfTheEndpoints) {
  EXPECT_EQ(ServerNameOf(Of({"web.test:443", "web.test:8443"})), "web.test");
  EXPECT_EQ(ServerNameOf(Of({"192.0.2.1:443"})), "192.0.2.1");
  EXPECT_EQ(ServerNameOf(Of({"[2001:db8::1]:443"})), "2001:db8::1");
}

TEST(ServerNameTest, WhatIsGivenCounts) {
  EXPECT_EQ(ServerNameOf(Of({"192.0.2.1:443", "unix:/run/web"}, "web.test")), "web.test");
}

TEST(ServerNameTest, SeveralHostsHaveNone) {
  EXPECT_EQ(ServerNameOf(Of({"a.test:443", "b.test:443"})), std::nullopt);
  EXPECT_EQ(ServerNameOf(Of({"192.0.2.1:443", "192.0.2.2:443"})), std::nullopt);
}

TEST(ServerNameTest, NeitherHaveSocketsAndServiceRecords) {
  EXPECT_EQ(ServerNameOf(Of({"unix:/run/web"})), std::nullopt);
  EXPECT_EQ(ServerNameOf(Of({"_https._tcp.web.test"})), std::nullopt);
}

}  // namespace
}  // namespace holdfast::config
