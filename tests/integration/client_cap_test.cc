// How many connections one client may have, whichever way they come and end.

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kConnections = "holdfast_client_connections";
constexpr std::string_view kClosed = "holdfast_client_connections_closed_total";

std::string Cap(const std::string& cap) { return "max_connections_per_client: " + cap; }

// A client that is served, and stays.
RawClient Served(const GatewayProcess& gateway, const std::string& from = "") {
  RawClient client(gateway.address(), {.local_address = from});
  EXPECT_EQ(client.Get("/local").Status(), 200) << from;
  return client;
}

// Its connection is closed before it has said a word, and before any handshake.
void ExpectRefused(const std::string& address, const std::string& from = "") {
  RawClient client(address, {.local_address = from}, Wire::kPlain);
  client.ExpectClosed();
}

class ClientCapTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(ClientCapTest);

TEST_P(ClientCapTest, TheNextOneIsClosedUntilOneLeaves) {
  GatewayProcess gateway(GatewayConfig{.listener = Cap("2")});
  RawClient first = Served(gateway);
  RawClient second = Served(gateway);
  ExpectRefused(gateway.address());
  ExpectRefused(gateway.address());
  gateway.AwaitMetric(kClosed, {{"listener", "edge"}, {"reason", "client_cap"}}, 2);
  EXPECT_EQ(second.Get("/local").Status(), 200) << "those that are there stay";
  first.Close();
  gateway.AwaitMetric(kConnections, {{"listener", "edge"}}, 1);
  RawClient third = Served(gateway);
  ExpectRefused(gateway.address());
}

TEST_P(ClientCapTest, AnotherClientIsServed) {
  GatewayProcess gateway(GatewayConfig{.listener = Cap("1")});
  RawClient one = Served(gateway, "127.0.0.1");
  ExpectRefused(gateway.address(), "127.0.0.1");
  RawClient other = Served(gateway, "127.0.0.2");
  ExpectRefused(gateway.address(), "127.0.0.2");
}

TEST_P(ClientCapTest, AllWorkersCountTogether) {
  GatewayProcess gateway(GatewayConfig{.listener = Cap("3"), .workers = "4"});
  for (int round = 0; round < 3; ++round) {
    std::vector<RawClient> clients;
    for (int i = 0; i < 3; ++i) clients.push_back(Served(gateway));
    for (int i = 0; i < 8; ++i) ExpectRefused(gateway.address());
    clients.clear();
    gateway.AwaitMetric(kConnections, {{"listener", "edge"}}, 0);
  }
}

TEST_P(ClientCapTest, WhicheverWayOneEndsTheNextIsServed) {
  ScriptedUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()},
                                       .listener = Cap("1") + ", head_timeout: 300ms"});
  const std::vector<std::pair<std::string_view, std::function<void()>>> ways = {
      {"it is closed", [&] { Served(gateway).Close(); }},
      {"it is reset", [&] { Served(gateway).Reset(); }},
      {"no byte came",
       [&] {
         RawClient client(gateway.address(), {}, Wire::kPlain);
         gateway.AwaitMetric(kConnections, {{"listener", "edge"}}, 1);
         client.Close();
       }},
      {"no handshake, and no request",
       [&] {
         RawClient client(gateway.address(), {}, Wire::kPlain);
         client.Send("\x16\x03\x01 this is neither\r\n\r\n");
         client.AwaitInput();
       }},
      {"the head does not end",
       [&] {
         RawClient client(gateway.address());
         client.Send("GET / HTTP/1.1\r\n");
         client.AwaitInput();
       }},
      {"it says so",
       [&] {
         RawClient client(gateway.address());
         EXPECT_EQ(client.Get("/local", "Connection: close\r\n").Status(), 200);
         client.ExpectClosed();
       }},
      {"the response breaks off",
       [&] {
         RawClient client(gateway.address());
         client.Send(GetRequest("/"));
         UpstreamConnection connection = upstream.Accept();
         connection.Answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort");
         connection.Close();
         StreamEnd end;
         client.ReadToEnd(&end);
       }},
      {"it was a tunnel",
       [&] {
         RawClient client(gateway.address());
         client.Send(GetRequest("/", "Connection: upgrade\r\nUpgrade: test\r\n"));
         UpstreamConnection connection = upstream.Accept();
         connection.Answer(
             "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n");
         EXPECT_EQ(client.Response().Status(), 101);
         ExpectRefused(gateway.address());
         client.Close();
       }},
  };
  for (const auto& [way, run] : ways) {
    SCOPED_TRACE(way);
    run();
    gateway.AwaitMetric(kConnections, {{"listener", "edge"}}, 0);
    RawClient next = Served(gateway);
    ExpectRefused(gateway.address());
    next.Close();
    gateway.AwaitMetric(kConnections, {{"listener", "edge"}}, 0);
  }
}

TEST_P(ClientCapTest, AReloadLowersAndRaisesIt) {
  GatewayConfig config{.listener = Cap("2")};
  GatewayProcess gateway(config);
  RawClient first = Served(gateway);
  RawClient second = Served(gateway);
  config.listener = Cap("1");
  gateway.Reload(config.Text());
  ExpectRefused(gateway.address());
  EXPECT_EQ(second.Get("/local").Status(), 200) << "nobody is sent away";
  first.Close();
  gateway.AwaitMetric(kConnections, {{"listener", "edge"}}, 1);
  ExpectRefused(gateway.address());
  config.listener = Cap("3");
  gateway.Reload(config.Text());
  RawClient third = Served(gateway);
  RawClient fourth = Served(gateway);
  ExpectRefused(gateway.address());
  config.listener = Cap("off");
  gateway.Reload(config.Text());
  RawClient fifth = Served(gateway);
  // Those that were counted still are, and count down.
  config.listener = Cap("3");
  gateway.Reload(config.Text());
  ExpectRefused(gateway.address());
  second.Close();
  gateway.AwaitMetric(kConnections, {{"listener", "edge"}}, 3);
  RawClient sixth = Served(gateway);
  ExpectRefused(gateway.address());
}

TEST(ClientCapOfListenerTest, EachListenerCountsByItself) {
  GatewayProcess gateway(GatewayConfig{.listener = Cap("1"),
                                       .listeners = "- {name: door, bind: \"127.0.0.1:0\", " +
                                                    Cap("1") +
                                                    "}\n"
                                                    "- {name: free, bind: \"127.0.0.1:0\"}\n"});
  std::vector<RawClient> clients;
  for (const std::string_view listener : {"edge", "door", "free", "free"}) {
    clients.emplace_back(gateway.address(listener));
    EXPECT_EQ(clients.back().Get("/local").Status(), 200) << listener;
  }
  ExpectRefused(gateway.address("edge"));
  ExpectRefused(gateway.address("door"));
}

TEST(ClientCapOfListenerTest, PeersOfAUnixSocketAreNotCounted) {
  const TempDir dir;
  GatewayProcess gateway(GatewayConfig{.listener = Cap("1"), .bind = "unix:" + dir.Path("edge")});
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(Served(gateway));
}

TEST(ClientCapOfListenerTest, NoFieldMakesAnotherClientOfOne) {
  GatewayProcess gateway(GatewayConfig{.listener = Cap("1") + ", trusted_proxies: [127.0.0.0/8]"});
  RawClient first(gateway.address());
  EXPECT_EQ(first.Get("/local", "X-Forwarded-For: 203.0.113.9\r\n").Status(), 200);
  ExpectRefused(gateway.address());
}

// Who comes first is let in, and the next one is the same client by another spelling.
TEST(ClientCapAnnouncedTest, NoSpellingMakesAnotherClientOfOne) {
  GatewayProcess gateway(
      GatewayConfig{.listener = Cap("1") + ", proxy_protocol: {from: [127.0.0.1]}"});
  const auto header = [](std::string_view family, std::string_view ip, std::string_view port) {
    return "PROXY " + std::string(family) + " " + std::string(ip) +
           (family == "TCP4" ? " 198.51.100.2 " : " 2001:db8::2 ") + std::string(port) + " 443\r\n";
  };
  const std::vector<std::pair<std::string, std::string>> same = {
      {header("TCP4", "203.0.113.9", "1"), header("TCP4", "203.0.113.9", "2")},
      {header("TCP6", "2001:db8:1:2::1", "1"), header("TCP6", "2001:db8:1:2::1", "2")},
      {header("TCP6", "2001:db8:1:2::1", "1"), header("TCP6", "2001:db8:1:2:a:b:c:d", "1")},
      {header("TCP6", "2001:db8:1:2::1", "1"), header("TCP6", "2001:0DB8:0001:0002::1", "1")},
      {header("TCP4", "203.0.113.9", "1"), header("TCP6", "::ffff:203.0.113.9", "1")},
  };
  for (const auto& [one, other] : same) {
    RawClient first(gateway.address());
    first.Send(one);
    EXPECT_EQ(first.Get("/local").Status(), 200) << one;
    RawClient second(gateway.address());
    second.Send(other);
    second.ExpectClosed();
    first.Close();
    gateway.AwaitMetric(kConnections, {{"listener", "edge"}}, 0);
  }
  gateway.AwaitMetric(kClosed, {{"reason", "client_cap"}}, static_cast<double>(same.size()));
}

TEST(ClientCapAnnouncedTest, TheProxyIsNotTheClient) {
  GatewayProcess gateway(
      GatewayConfig{.listener = Cap("1") + ", proxy_protocol: {from: [127.0.0.1]}"});
  std::vector<RawClient> clients;
  for (const std::string_view header : {"PROXY TCP4 203.0.113.1 198.51.100.2 4711 443\r\n",
                                        "PROXY TCP4 203.0.113.2 198.51.100.2 4711 443\r\n",
                                        "PROXY UNKNOWN\r\n", "PROXY UNKNOWN\r\n"}) {
    clients.emplace_back(gateway.address());
    clients.back().Send(header);
    EXPECT_EQ(clients.back().Get("/local").Status(), 200) << header;
  }
}

}  // namespace
}  // namespace holdfast::support
