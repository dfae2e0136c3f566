// Clients of HTTP/2 that cost little themselves and would cost us much: each is ended with the
// right code, while another client is served.

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/http2/support/http2_client.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

constexpr uint32_t kEnhanceYourCalm = 11;
constexpr uint32_t kRefusedStream = 7;
constexpr uint32_t kCancel = 8;
constexpr size_t kMiB = 1024 * 1024;

std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string frame;
  frame += static_cast<char>(payload.size() >> 16);
  frame += static_cast<char>(payload.size() >> 8);
  frame += static_cast<char>(payload.size());
  frame += static_cast<char>(type);
  frame += static_cast<char>(flags);
  for (int shift = 24; shift >= 0; shift -= 8) frame += static_cast<char>(stream >> shift);
  frame += payload;
  return frame;
}

std::string Repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

struct Edge {
  explicit Edge(const std::string& endpoint)
      : gateway(GatewayConfig{.endpoints = {endpoint}, .listener = "protocols: [h2, h1]"}) {}

  GatewayProcess gateway;

  // The attacker does its worst; it is sent away with ENHANCE_YOUR_CALM and counted, and somebody
  // else is served all the while. What is kept for it stays small.
  void Survives(std::string_view kind, const std::function<void(Http2Client&)>& attack) {
    Http2Client neighbour(gateway.address());
    EXPECT_EQ(neighbour.Get("/local").Status(), 200);
    const size_t before = gateway.ResidentBytes();
    Http2Client attacker(gateway.address());
    attacker.AwaitMaxStreams();
    attack(attacker);
    EXPECT_EQ(neighbour.Get("/local").Status(), 200);
    EXPECT_EQ(attacker.AwaitGoaway(), kEnhanceYourCalm) << kind;
    attacker.AwaitEnd();
    attacker.wire().Close();
    EXPECT_EQ(neighbour.Get("/local").Status(), 200);
    gateway.AwaitMetricAtLeast("holdfast_client_glitches_total", {{"kind", std::string(kind)}}, 1);
    gateway.AwaitMetric("holdfast_client_connections_closed_total", {{"reason", "http2_flood"}}, 1);
    EXPECT_LT(gateway.ResidentBytes(), before + 8 * kMiB + GatewayProcess::SanitizerBytes())
        << kind;
  }
};

TEST(Http2FloodTest, Pings) {
  Edge(UnusedAddress()).Survives("ping", [](Http2Client& client) {
    client.SendRaw(Repeated(Frame(6, 0, 0, "12345678"), 20'000));
  });
}

TEST(Http2FloodTest, Settings) {
  Edge(UnusedAddress()).Survives("settings", [](Http2Client& client) {
    client.SendRaw(Repeated(Frame(4, 0, 0, ""), 20'000));
  });
}

TEST(Http2FloodTest, Priorities) {
  Edge(UnusedAddress()).Survives("priority", [](Http2Client& client) {
    client.SendRaw(Repeated(Frame(2, 0, 1001, std::string("\0\0\0\0\x10", 5)), 20'000));
  });
}

TEST(Http2FloodTest, WindowUpdates) {
  Edge(UnusedAddress()).Survives("window_update", [](Http2Client& client) {
    client.SendRaw(Repeated(Frame(8, 0, 0, std::string("\0\0\0\1", 4)), 20'000));
  });
}

TEST(Http2FloodTest, EmptyData) {
  // Nobody answers, so that the stream stays open.
  ScriptedUpstream silent;
  Edge(silent.address()).Survives("empty_data", [](Http2Client& client) {
    const int32_t stream = client.Send({.method = "POST", .body = "a", .open = true});
    client.Flush();
    client.SendRaw(Repeated(Frame(0, 0, static_cast<uint32_t>(stream), ""), 20'000));
  });
}

// CVE-2023-44487.
TEST(Http2FloodTest, RapidResets) {
  AutoUpstream upstream;
  Edge edge(upstream.address());
  const auto start = std::chrono::steady_clock::now();
  edge.Survives("reset", [](Http2Client& client) {
    for (int round = 0; round < 60; ++round) {
      std::vector<int32_t> streams;
      for (int i = 0; i < 50; ++i) streams.push_back(client.Send({}));
      client.Flush();
      for (const int32_t stream : streams) client.Reset(stream, kCancel);
      client.Flush();
    }
  });
  // Half of the budget, and what was under way: no more ever began, but for those that are
  // forgotten in each second.
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_LE(upstream.requests(),
            400 + 250 * std::chrono::floor<std::chrono::seconds>(took).count());
}

// CVE-2025-8671: the peer makes us reset its streams. At half of the budget no more begin.
TEST(Http2FloodTest, ResetsOfOurs) {
  ScriptedUpstream silent;
  Edge edge(silent.address());
  Http2Client attacker(edge.gateway.address());
  Http2Client neighbour(edge.gateway.address());
  attacker.AwaitMaxStreams();
  int refused = 0;
  // Many at a time: half of what was counted is forgotten each second.
  for (int round = 0; round < 50 && refused < 10; ++round) {
    std::vector<int32_t> streams;
    for (int i = 0; i < 40; ++i) {
      streams.push_back(attacker.Send({.method = "POST", .body = "a", .open = true}));
    }
    attacker.Flush();
    for (const int32_t stream : streams) {
      attacker.SendRaw(
          Frame(8, 0, static_cast<uint32_t>(stream), std::string("\x7f\xff\xff\xff", 4)));
    }
    for (const int32_t stream : streams) {
      refused += attacker.Await(stream).reset == kRefusedStream ? 1 : 0;
      if (HasFailure()) return;
    }
  }
  EXPECT_GE(refused, 10);
  EXPECT_EQ(neighbour.Get("/local").Status(), 200);
  edge.gateway.AwaitMetricAtLeast("holdfast_client_glitches_total", {{"kind", "reset"}}, 250);
}

// More streams at once than it may have: whoever floods with them has none of them begun.
TEST(Http2FloodTest, RefusedStreams) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{
      .endpoints = {upstream.address()},
      .listener = "protocols: [h2, h1], http2: {max_glitches: 100}",
  });
  Http2Client neighbour(gateway.address());
  EXPECT_EQ(neighbour.Get("/local").Status(), 200);
  // It has not seen how many it may have, so that too many are no fault.
  Http2Client attacker(gateway.address());
  attacker.Flush();
  constexpr uint32_t kStreams = 100;
  std::string flood;
  for (uint32_t i = 0; i < kStreams + 100; ++i) {
    flood += Frame(1, 5, 2 * i + 1,
                   "\x82\x86\x84\x41\x01"
                   "a");
  }
  attacker.SendRaw(flood);
  EXPECT_EQ(attacker.AwaitGoaway(), kEnhanceYourCalm);
  attacker.AwaitEnd();
  EXPECT_EQ(neighbour.Get("/local").Status(), 200);
  gateway.AwaitMetric("holdfast_client_glitches_total", {{"kind", "refused"}}, 100);
  EXPECT_EQ(upstream.requests(), 0);
}

// A head that goes on and on is ended by the library, whatever it is called.
TEST(Http2FloodTest, Continuations) {
  Edge edge(UnusedAddress());
  Http2Client neighbour(edge.gateway.address());
  Http2Client attacker(edge.gateway.address());
  attacker.AwaitMaxStreams();
  attacker.SendRaw(Frame(1, 0, 1, "\x82") + Repeated(Frame(9, 0, 1, ""), 20'000));
  EXPECT_NE(attacker.AwaitGoaway(), 0u);
  attacker.AwaitEnd();
  EXPECT_EQ(neighbour.Get("/local").Status(), 200);
}

// Many short fields cost more than their bytes.
TEST(Http2FloodTest, HeadsThatGrow) {
  Edge edge(UnusedAddress());
  Http2Client client(edge.gateway.address());
  const std::string value(4'000, 'x');
  const size_t before = edge.gateway.ResidentBytes();
  for (int i = 0; i < 50; ++i) {
    const Http2Response response =
        client.Await(client.Send({.fields = Http2Fields(20, {"a", value})}));
    EXPECT_EQ(response.Status(), 431);
  }
  EXPECT_LT(edge.gateway.ResidentBytes(), before + 8 * kMiB + GatewayProcess::SanitizerBytes());
  EXPECT_EQ(client.Get("/local").Status(), 200);
}

}  // namespace
}  // namespace holdfast::support
