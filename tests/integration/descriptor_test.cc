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
#include "tests/support/scripted_upstream.h"

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

// What was under way may end within the first such second, and later on a busy machine.
void ExpectQuiet(const GatewayProcess& gateway) {
  EXPECT_TRUE(Eventually([&] { return CpuTimeOfAQuietSecond(gateway) < kHardlyAny; },
                         std::chrono::milliseconds(10'000)));
}

// Whether a client that comes now is served.
bool Serves(const std::string& address) {
  RawClient client(address);
  StreamEnd end;
  return client.SendIfWanted(GetRequest("/local", "Connection: close\r\n")) &&
         client.ReadToEnd(&end).starts_with("HTTP/1.1 200");
}

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
  ExpectQuiet(gateway);
  EXPECT_EQ(kept.Get("/local").Status(), 200) << "a kept connection suffers";
  flood.clear();
  // Those that are still in the queue take descriptors for a moment: the next one may be shed, too.
  EXPECT_TRUE(Eventually([&] { return Serves(gateway.address()); }));
  gateway.AwaitMetricAtLeast("holdfast_accept_errors_total",
                             {{"listener", "edge"}, {"error", "EMFILE"}}, 1);
}

TEST(DescriptorTest, ClientsThatStayDoNotKeepItBusy) {
  GatewayProcess gateway(GatewayConfig{});
  LimitDescriptors(gateway, NextDescriptor(gateway) + 10);
  std::vector<RawClient> flood = Flood(gateway, 100);
  AwaitShed(flood);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(flood.front().Get("/local").Status(), 200);
  ExpectQuiet(gateway);
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

// Three of them are busy.
TEST(ConnectionCapTest, OneOverTheCapWaitsForItsTurn) {
  ScriptedUpstream upstream;
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {upstream.address()}, .listener = "max_connections: 3"});
  std::vector<RawClient> clients;
  std::vector<UpstreamConnection> connections;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(gateway.address());
    clients.back().Send(GetRequest("/"));
    connections.push_back(upstream.Accept());
  }
  RawClient fourth(gateway.address());
  fourth.Send(GetRequest("/local"));
  gateway.AwaitMetricAtLeast("holdfast_client_connections_refused_total",
                             {{"listener", "edge"}, {"reason", "connection_cap"}}, 1);
  fourth.ExpectQuiet();
  connections[1].Answer(OkResponse("x"));
  EXPECT_EQ(clients[1].Response().Status(), 200);
  EXPECT_EQ(fourth.Response().Status(), 200);
  clients[1].ExpectClosed();
}

// The kernel puts clients into the queue of either worker; both may be needed, or one.
TEST(ConnectionCapTest, WhicheverWorkerHasRoomServes) {
  for (const char* workers : {"2", "4"}) {
    GatewayProcess gateway(GatewayConfig{.listener = "max_connections: 4", .workers = workers});
    for (int round = 0; round < 12; ++round) {
      std::vector<RawClient> clients = Flood(gateway, 4);
      for (RawClient& client : clients) client.Send(GetRequest("/local"));
      for (RawClient& client : clients) EXPECT_EQ(client.Response().Status(), 200) << round;
      // Nobody has had to make room for anybody.
      for (RawClient& client : clients) client.ExpectQuiet();
      clients.clear();
      gateway.AwaitMetric("holdfast_client_connections", {{"listener", "edge"}}, 0);
    }
  }
}

TEST(ConnectionCapTest, ACapMayBeLessThanTheNumberOfWorkers) {
  GatewayProcess gateway(GatewayConfig{.listener = "max_connections: 1", .workers = "4"});
  std::vector<RawClient> clients = Flood(gateway, 60);
  for (RawClient& client : clients) client.Send(GetRequest("/local", "Connection: close\r\n"));
  for (RawClient& client : clients) {
    EXPECT_EQ(client.Response().Status(), 200);
    client.Close();
  }
}

TEST(ConnectionCapTest, IdleConnectionsGiveWayWhicheverWorkerHasThem) {
  GatewayProcess gateway(GatewayConfig{.listener = "max_connections: 3", .workers = "3"});
  std::vector<RawClient> kept = Flood(gateway, 3);
  for (RawClient& client : kept) EXPECT_EQ(client.Get("/local").Status(), 200);
  std::vector<RawClient> newcomers;
  for (int i = 0; i < 3; ++i) {
    newcomers.emplace_back(gateway.address());
    EXPECT_EQ(newcomers.back().Get("/local").Status(), 200);
  }
  for (RawClient& client : kept) client.ExpectClosed();
  gateway.AwaitMetric("holdfast_client_connections_closed_total", {{"reason", "idle_evicted"}}, 3);
}

TEST(ConnectionCapTest, AFullListenerDoesNotSpin) {
  GatewayProcess gateway(GatewayConfig{.listener = "max_connections: 2"});
  std::vector<RawClient> clients = Flood(gateway, 20);
  ExpectQuiet(gateway);
  // Nobody is behind it for whom it would give way.
  EXPECT_EQ(clients.back().Get("/local").Status(), 200);
}

TEST(ConnectionCapTest, TheCapFollowsTheDescriptorLimit) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}}.Text(), 250);
  std::vector<RawClient> flood = Flood(gateway, 300);
  RawClient latest(gateway.address());
  EXPECT_EQ(latest.Get("/").body, "hello") << "nothing is left for the upstream";
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
  ExpectQuiet(gateway);
}

}  // namespace
}  // namespace holdfast::support
