// Some of an upstream's endpoints can't be had, for whatever reason; the others serve every
// request. In a network of its own: the addresses are made up, and local ports are used up.

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <iostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/own_network.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/temp_dir.h"
#include "tests/support/unserved_address.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kCheckouts = "holdfast_upstream_checkouts_total";
constexpr std::string_view kErrors = "holdfast_upstream_ejections_total";

class EndpointSearchTest : public OwnNetworkTest {
 protected:
  // In a network of one's own nobody listens there, and none gets it by chance.
  static std::string ClosedPort(int port) { return "127.0.0.1:" + std::to_string(port); }

  // How many of so many requests fail, GET and POST by turns.
  static int Failures(const GatewayProcess& gateway, int requests) {
    RawClient client(gateway.address());
    int failures = 0;
    for (int i = 0; i < requests; ++i) {
      const std::string request = i % 2 == 0 ? GetRequest("/") : PostRequest("/", "body");
      const Message response = client.Exchange(request);
      if (response.Status() == 200) continue;
      if (failures++ == 0) std::cout << "the first failure:\n" << response.head << response.body;
    }
    return failures;
  }
};

TEST_F(EndpointSearchTest, FourClosedPortsAndALiveOne) {
  for (const char* const route : {"", "retry: {attempts: 0}"}) {
    AutoUpstream live;
    std::vector<std::string> endpoints = {live.address()};
    for (int port = 1; port <= 4; ++port) endpoints.push_back(ClosedPort(port));
    GatewayProcess gateway(GatewayConfig{.endpoints = endpoints, .route = route});
    EXPECT_EQ(Failures(gateway, 300), 0) << route;
    EXPECT_EQ(live.requests(), 300) << route;
  }
}

// As a name with four AAAA and one A record on a host without a way to IPv6.
TEST_F(EndpointSearchTest, AFamilyWithoutARouteIsKnownAfterTheFirstFailure) {
  AutoUpstream live;
  std::vector<std::string> endpoints = {live.address()};
  for (int i = 1; i <= 4; ++i) endpoints.push_back("[2001:db8::" + std::to_string(i) + "]:80");
  GatewayProcess gateway(GatewayConfig{.endpoints = endpoints});
  EXPECT_EQ(Failures(gateway, 150), 0);
  EXPECT_LE(gateway.Scrape().Value(kCheckouts, {{"result", "connect_unreachable"}}), 1);
}

TEST_F(EndpointSearchTest, SilentEndpointsCostTheFirstRequestsATurnOrTwo) {
  const TempDir dir;
  AutoUpstream live("hello", "unix:" + dir.Path("origin"));
  const SilentAddress silent[3];
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {silent[0].text(), "[2001:db8::1]:80", silent[1].text(),
                                  live.address(), ClosedPort(1), silent[2].text()},
                    .upstream = "queue: {timeout: 20s}"});
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(Failures(gateway, 1000), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(60));
}

TEST_F(EndpointSearchTest, AUnixSocketWithAFullBacklogIsWaitedFor) {
  const TempDir dir;
  const std::string address = "unix:" + dir.Path("origin");
  const int listener = Listen(address, /*backlog=*/0);
  WireSocket filler = Connect(address);
  GatewayProcess gateway(GatewayConfig{.endpoints = {address},
                                       .upstream = "connect_timeout: 20s, queue: {timeout: 20s}"});
  RawClient client(gateway.address());
  client.Send(PostRequest("/", "body"));
  gateway.AwaitMetric("holdfast_upstream_connections", {{"state", "connecting"}}, 1);
  WireSocket first(accept(listener, nullptr, nullptr));
  ASSERT_TRUE(AwaitReady(listener, POLLIN, Deadline()));
  UpstreamConnection second(accept(listener, nullptr, nullptr));
  EXPECT_EQ(second.Answer(OkResponse("fine")).body, "body");
  EXPECT_EQ(client.Response().body, "fine");
  close(listener);
}

TEST_F(EndpointSearchTest, LocalPortsThatAreUsedUpAreTheGatewaysOwnTrouble) {
  const TempDir dir;
  ScriptedUpstream upstream;
  GatewayConfig config{.endpoints = {upstream.address()}};
  config.bind = "unix:" + dir.Path("gateway");
  GatewayProcess gateway(config);
  // /proc may be read-only to a user who has a network of his own.
  if (!SetLocalPorts(40000, 40003)) GTEST_SKIP() << "ports may not be limited";
  std::deque<RawClient> clients;
  std::deque<UpstreamConnection> busy;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back(gateway.address()).Send(GetRequest("/"));
    busy.push_back(upstream.Accept());
    busy.back().Request();
  }
  RawClient late(gateway.address());
  for (int i = 0; i < 10; ++i) {
    const Message response = late.Get("/");
    EXPECT_EQ(response.Status(), 503);
    EXPECT_NE(response.body.find("reason: no_local_port"), std::string::npos) << response.body;
  }
  for (size_t i = 0; i < 4; ++i) {
    busy[i].Send(OkResponse("x"));
    EXPECT_EQ(clients[i].Response().Status(), 200);
  }
  late.Send(GetRequest("/"));
  EXPECT_EQ(busy[3].Answer(OkResponse("kept")).Target(), "/");
  EXPECT_EQ(late.Response().body, "kept");
  EXPECT_EQ(gateway.Scrape().Value(kErrors), 0) << "nothing was held against the endpoint";
}

}  // namespace
}  // namespace holdfast::support
