// More clients than the gateway may have, and fewer descriptors than it was promised.

#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"

namespace holdfast::support {
namespace {

// The number that the gateway's next descriptor will have: the limit counts by it.
size_t NextDescriptor(const GatewayProcess& gateway) {
  const std::string folder = "/proc/" + std::to_string(gateway.pid()) + "/fd/";
  size_t next = 0;
  // The links lead to sockets, which are no files: it is the link itself that is looked at.
  while (std::filesystem::is_symlink(folder + std::to_string(next))) ++next;
  return next;
}

// Takes descriptors away from a running gateway, which believes that it has many.
void LimitDescriptors(const GatewayProcess& gateway, size_t limit) {
  rlimit limits{};
  ASSERT_EQ(prlimit(gateway.pid(), RLIMIT_NOFILE, nullptr, &limits), 0);
  limits.rlim_cur = limit;
  ASSERT_EQ(prlimit(gateway.pid(), RLIMIT_NOFILE, &limits, nullptr), 0);
}

// CPU time over a second in which nothing is asked of the gateway.
std::chrono::milliseconds CpuTimeOfAQuietSecond(const GatewayProcess& gateway) {
  const std::chrono::milliseconds before = gateway.CpuTime();
  poll(nullptr, 0, 1000);
  return gateway.CpuTime() - before;
}

constexpr std::chrono::milliseconds kHardlyAny{150};

std::vector<RawClient> Flood(const GatewayProcess& gateway, int clients) {
  std::vector<RawClient> flood;
  const std::string address = gateway.address();
  for (int i = 0; i < clients; ++i) flood.emplace_back(address);
  return flood;
}

// Waits until one of the flood is told that it will not be served, by the end of its connection.
void AwaitShed(const std::vector<RawClient>& flood) {
  EXPECT_TRUE(Eventually([&] {
    return std::ranges::any_of(flood, [](const RawClient& client) {
      return AwaitReady(client.fd(), POLLIN, Deadline(std::chrono::milliseconds(0)));
    });
  }));
}

TEST(DescriptorTest, AFloodWithoutDescriptorsIsSurvivedWithoutSpinning) {
  GatewayProcess gateway(GatewayConfig{});
  RawClient kept(gateway.address());
  EXPECT_EQ(kept.Get("/local").Status(), 200);
  LimitDescriptors(gateway, NextDescriptor(gateway) + 20);
  std::vector<RawClient> flood = Flood(gateway, 200);
  AwaitShed(flood);
  EXPECT_LT(CpuTimeOfAQuietSecond(gateway), kHardlyAny);
  EXPECT_EQ(kept.Get("/local").Status(), 200) << "a kept connection suffers";
  flood.clear();
  RawClient after(gateway.address());
  EXPECT_EQ(after.Get("/local").Status(), 200);
  gateway.AwaitMetricAtLeast("holdfast_accept_errors_total",
                             {{"listener", "edge"}, {"error", "EMFILE"}}, 1);
}

TEST(DescriptorTest, ClientsThatStayDoNotKeepItBusy) {
  GatewayProcess gateway(GatewayConfig{});
  LimitDescriptors(gateway, NextDescriptor(gateway) + 10);
  std::vector<RawClient> flood = Flood(gateway, 100);
  AwaitShed(flood);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(flood.front().Get("/local").Status(), 200);
  EXPECT_LT(CpuTimeOfAQuietSecond(gateway), kHardlyAny);
}

TEST(DescriptorTest, AnUpstreamThatCannotBeConnectedToForWantOfThemIsSaidSo) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/local").Status(), 200);
  LimitDescriptors(gateway, NextDescriptor(gateway));
  const Message response = client.Get("/");
  EXPECT_EQ(response.Status(), 503);
  EXPECT_NE(response.body.find("no_descriptors"), std::string::npos) << response.body;
  LimitDescriptors(gateway, 1000);
  EXPECT_EQ(client.Get("/").body, "hello");
}

TEST(ConnectionCapTest, OneOverTheCapWaitsForItsTurn) {
  GatewayProcess gateway(GatewayConfig{.listener = "max_connections: 3"});
  std::vector<RawClient> clients = Flood(gateway, 4);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(clients[static_cast<size_t>(i)].Get("/local").Status(), 200);
  clients[3].Send(GetRequest("/local"));
  gateway.AwaitMetricAtLeast("holdfast_client_connections_refused_total",
                             {{"listener", "edge"}, {"reason", "connection_cap"}}, 1);
  clients[3].ExpectQuiet();
  clients[0].Close();
  EXPECT_EQ(clients[3].Response().Status(), 200);
}

TEST(ConnectionCapTest, AFullListenerDoesNotSpin) {
  GatewayProcess gateway(GatewayConfig{.listener = "max_connections: 2"});
  std::vector<RawClient> clients = Flood(gateway, 20);
  EXPECT_EQ(clients[0].Get("/local").Status(), 200);
  EXPECT_LT(CpuTimeOfAQuietSecond(gateway), kHardlyAny);
}

TEST(ConnectionCapTest, TheCapFollowsTheDescriptorLimit) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}}.Text(), 250);
  std::vector<RawClient> flood = Flood(gateway, 300);
  EXPECT_EQ(flood.front().Get("/").body, "hello") << "nothing is left for the upstream";
  gateway.AwaitMetricAtLeast("holdfast_client_connections_refused_total",
                             {{"listener", "edge"}, {"reason", "connection_cap"}}, 1);
  EXPECT_EQ(gateway.Scrape().Value("holdfast_accept_errors_total"), 0);
  flood.clear();
  RawClient after(gateway.address());
  EXPECT_EQ(after.Get("/").body, "hello");
}

TEST(IdleTest, IdleConnectionsCostNoTime) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  std::vector<RawClient> clients = Flood(gateway, 200);
  for (RawClient& client : clients) EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_LT(CpuTimeOfAQuietSecond(gateway), kHardlyAny);
}

}  // namespace
}  // namespace holdfast::support
