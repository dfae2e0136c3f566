#include "gateway/route/plan.h"

#include <string>

#include <gtest/gtest.h>

#include "gateway/config/load.h"

namespace holdfast::route {
namespace {

using pool::SocketAddress;

config::Config Load(const std::string& upstreams) {
  config::LoadResult loaded = config::LoadConfig(
      "listeners: [{bind: ':8080'}]\nupstreams:\n" + upstreams + "routes: [{upstream: web}]\n",
      "test");
  EXPECT_TRUE(loaded.config.has_value()) << config::FormatDiagnostics(loaded.diagnostics);
  return loaded.config.value_or(config::Config{});
}

TEST(PlanTest, AddressesAreKnownAndNamesAreLookedUp) {
  const Plan plan =
      PlanOf(Load("  web: {endpoints: ['192.0.2.1:80', {address: 'web.test:8080', weight: 3},\n"
                  "                    {srv: _http._tcp.web.test, backup: true}]}\n"));
  ASSERT_EQ(plan.names.size(), 1u);
  const pool::UpstreamNames& web = plan.names.front();
  EXPECT_EQ(web.upstream, "web");
  ASSERT_EQ(web.literals.size(), 1u);
  EXPECT_EQ(web.literals[0].address, *SocketAddress::Parse("192.0.2.1:80"));
  EXPECT_EQ(web.literals[0].host, "");
  ASSERT_EQ(web.names.size(), 2u);
  EXPECT_EQ(web.names[0].host, "web.test");
  EXPECT_EQ(web.names[0].port, 8080);
  EXPECT_EQ(web.names[0].weight, 3u);
  EXPECT_FALSE(web.names[0].backup);
  EXPECT_TRUE(web.names[1].srv);
  EXPECT_TRUE(web.names[1].backup);
}

TEST(PlanTest, PoliciesAreInTheOrderOfTheFile) {
  const Plan plan =
      PlanOf(Load("  web: {endpoints: ['192.0.2.1:80'], outlier: {consecutive_errors: 7}}\n"
                  "  api: {endpoints: ['192.0.2.2:80'], outlier: off, health_check: {path: /}}\n"));
  ASSERT_EQ(plan.policies.size(), 2u);
  EXPECT_EQ(plan.policies[0].upstream, "web");
  EXPECT_EQ(plan.policies[0].outlier->consecutive_errors, 7u);
  EXPECT_FALSE(plan.policies[0].checked);
  EXPECT_EQ(plan.policies[1].upstream, "api");
  EXPECT_FALSE(plan.policies[1].outlier.has_value());
  EXPECT_TRUE(plan.policies[1].checked);
}

TEST(HostOfTest, NamesTheEndpointAsAClientWould) {
  const auto host_of = [](const std::string& address, const std::string& host = "") {
    return HostOf({.address = *SocketAddress::Parse(address), .host = host}, 80);
  };
  EXPECT_EQ(host_of("10.0.0.7:80"), "10.0.0.7");
  EXPECT_EQ(host_of("10.0.0.7:8080"), "10.0.0.7:8080");
  EXPECT_EQ(host_of("[::1]:8080"), "[::1]:8080");
  EXPECT_EQ(host_of("10.0.0.7:80", "web.test"), "web.test");
  EXPECT_EQ(host_of("[::1]:81", "web.test"), "web.test:81");
  EXPECT_EQ(host_of("unix:/run/web.sock"), "localhost");
}

}  // namespace
}  // namespace holdfast::route
