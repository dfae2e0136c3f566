// Who the client is: PROXY headers in and out, and what trusted proxies say.

#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kLine = "PROXY TCP4 203.0.113.9 198.51.100.2 4711 443\r\n";
constexpr char kProxies[] = "proxy_protocol: {from: [127.0.0.1]}";

// Answers with the fields that tell of the client.
AutoUpstream::Reply TellClient(const Message& request) {
  std::string told;
  for (const std::string name : {"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host",
                                 "X-Forwarded-Port", "Forwarded"}) {
    if (request.Has(name)) told += (told.empty() ? "" : " | ") + request.Value(name);
    EXPECT_LE(request.Count(name), 1u) << request.head;
  }
  return {.bytes = OkResponse(told)};
}

struct Told {
  explicit Told(const std::string& listener, const std::string& upstream_keys = "")
      : config{.endpoints = {upstream.address()}, .listener = listener, .upstream = upstream_keys} {
  }
  AutoUpstream upstream{TellClient};
  GatewayConfig config;
};

TEST(ClientAddressTest, WhoIsAnnouncedIsInTheLogAndInWhatIsForwarded) {
  Told told(kProxies, "forwarded_headers: [x_forwarded_for, x_forwarded_port, forwarded]");
  const TempDir dir;
  told.config.top = "access_log: {path: " + dir.Path("log") + "}\n";
  GatewayProcess gateway(told.config);
  RawClient client(gateway.address());
  client.Send(kLine);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(client.Get("/", "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n").body,
              "203.0.113.9 | 443 | for=203.0.113.9;host=test;proto=http");
  }
  ASSERT_TRUE(
      Eventually([&] { return ReadFile(dir.Path("log")).find('\n') != std::string::npos; }));
  const std::string log = ReadFile(dir.Path("log"));
  EXPECT_EQ(nlohmann::json::parse(log.substr(0, log.find('\n')))["client"], "203.0.113.9");
}

TEST(ClientAddressTest, AHeaderInPiecesAndARequestInItsLastOne) {
  Told told(kProxies);
  GatewayProcess gateway(told.config);
  RawClient client(gateway.address());
  for (const char byte : kLine.substr(0, kLine.size() - 1)) client.Send(std::string_view(&byte, 1));
  client.Send("\n" + GetRequest("/"));
  EXPECT_EQ(client.Response().body, "203.0.113.9 | http | test");
}

TEST(ClientAddressTest, WhatBeginsOtherwiseIsClosedAndCounted) {
  Told told("proxy_protocol: {from: [127.0.0.1], timeout: 60s}");
  told.config.listeners =
      "- {name: hasty, bind: \"127.0.0.1:0\", proxy_protocol: {from: [127.0.0.1], timeout: "
      "200ms}}\n";
  GatewayProcess gateway(told.config);
  const auto expect = [&](const std::string& reason, const std::string& listener = "edge") {
    gateway.AwaitMetric("holdfast_client_connections_closed_total",
                        {{"listener", listener}, {"reason", reason}}, 1);
  };
  RawClient plain(gateway.address());
  plain.Send(GetRequest("/"));
  plain.ExpectReset();
  expect("proxy_malformed");
  RawClient silent(gateway.address("hasty"));
  silent.ExpectClosed();
  expect("proxy_timeout", "hasty");
  RawClient cut(gateway.address());
  cut.Send(kLine.substr(0, 30));
  cut.ShutdownWrite();
  cut.ExpectClosed();
  expect("proxy_truncated");
  EXPECT_EQ(told.upstream.requests(), 0);
}

// Connections that are there already stay what they are.
TEST(ClientAddressTest, AReloadTurnsItOnAndOff) {
  Told told("");
  GatewayProcess gateway(told.config);
  RawClient plain(gateway.address());
  EXPECT_EQ(plain.Get("/").body, "127.0.0.1 | http | test");
  told.config.listener = kProxies;
  gateway.Reload(told.config.Text());
  RawClient announced(gateway.address());
  announced.Send(kLine);
  EXPECT_EQ(announced.Get("/").body, "203.0.113.9 | http | test");
  EXPECT_EQ(plain.Get("/").body, "127.0.0.1 | http | test");
  told.config.listener = "";
  gateway.Reload(told.config.Text());
  RawClient again(gateway.address());
  EXPECT_EQ(again.Get("/").body, "127.0.0.1 | http | test");
  EXPECT_EQ(announced.Get("/").body, "203.0.113.9 | http | test");
  RawClient mistaken(gateway.address());
  mistaken.Send(kLine);
  EXPECT_EQ(mistaken.Response().Status(), 400) << "nobody is believed who is not named";
}

TEST(ClientAddressTest, ForwardedOfATrustedProxyIsBelievedAndAddedTo) {
  Told told("trusted_proxies: [127.0.0.1], client_ip: {from: forwarded}",
            "forwarded_headers: [x_forwarded_for, forwarded]");
  GatewayProcess gateway(told.config);
  RawClient client(gateway.address());
  EXPECT_EQ(client
                .Get("/",
                     "X-Forwarded-For: 6.6.6.6\r\n"
                     "Forwarded: for=\"[2001:db8::7]:4711\";proto=https\r\n")
                .body,
            "2001:db8::7, 127.0.0.1 | for=\"[2001:db8::7]:4711\";proto=https, "
            "for=127.0.0.1;host=test;proto=http");
}

TEST(ClientAddressTest, XRealIpOfATrustedProxyIsTheClient) {
  Told told("trusted_proxies: [127.0.0.1], client_ip: {from: x_real_ip}");
  GatewayProcess gateway(told.config);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/", "X-Real-IP: 203.0.113.7\r\nX-Forwarded-For: 6.6.6.6\r\n").body,
            "203.0.113.7, 127.0.0.1 | http | test");
}

// The upstream's end, in the test's hands.
TEST(ClientAddressTest, AConnectionThatIsIntroducedServesItsClientAlone) {
  ScriptedHop hop(
      GatewayConfig{.listener = kProxies, .upstream = "proxy_protocol: v1, idle_timeout: 1h"});
  hop.client.Send(kLine);
  const auto serve = [](RawClient& client, UpstreamConnection& upstream) {
    upstream.Answer(OkResponse("x"));
    EXPECT_EQ(client.Response().Status(), 200);
  };
  UpstreamConnection first = hop.Begin(GetRequest("/"));
  EXPECT_EQ(first.ReadBytes(kLine.size()), kLine);
  serve(hop.client, first);
  hop.client.Send(GetRequest("/again"));
  serve(hop.client, first);
  // From the same address, but another client.
  RawClient other(hop.gateway.address());
  other.Send(std::string(kLine) + GetRequest("/"));
  UpstreamConnection second = hop.upstream.Accept();
  EXPECT_EQ(second.ReadBytes(kLine.size()), kLine);
  serve(other, second);
  other.Close();
  second.ExpectClosed();
  hop.client.Send(GetRequest("/still"));
  serve(hop.client, first);
}

}  // namespace
}  // namespace holdfast::support
