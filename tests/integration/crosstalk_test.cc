// Many clients, and an upstream that does everything wrong in turn: every client gets what was
// meant for it, or an error, and never a byte of another's.

#include <array>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

// What the upstream does with a request; the target's last part, behind the client's own number.
constexpr std::array<std::string_view, 8> kManners = {
    "length", "chunked", "closing", "until-close", "poison", "vanish", "truncate", "garbage"};

std::string MannerOf(const std::string& target) { return target.substr(target.rfind('/') + 1); }

std::string BodyFor(const std::string& target) { return target + Pattern(1 + target.size() * 997); }

AutoUpstream::Reply Misbehave(const Message& request) {
  const std::string target = request.Target();
  const std::string manner = MannerOf(target);
  const std::string body = BodyFor(target);
  if (manner == "length") return {.bytes = OkResponse(body)};
  if (manner == "chunked") {
    return {.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                     Chunk(body.substr(0, 10)) + Chunk(body.substr(10)) + std::string(kLastChunk)};
  }
  if (manner == "closing") {
    return {.bytes = OkResponse(body, "Connection: close\r\n"), .close = true};
  }
  if (manner == "until-close") return {.bytes = "HTTP/1.1 200 OK\r\n\r\n" + body, .close = true};
  if (manner == "poison") return {.bytes = OkResponse(body) + OkResponse("poison")};
  if (manner == "vanish") return {.bytes = "", .close = true};
  if (manner == "truncate") {
    const std::string whole = OkResponse(body);
    return {.bytes = whole.substr(0, whole.size() - 5), .close = true};
  }
  return {.bytes = "what?\r\n\r\n", .close = true};
}

void ExpectTruncated(RawClient& client, const std::string& body) {
  const Message head = ReadHead(client);
  EXPECT_EQ(head.Status(), 200);
  StreamEnd end;
  const std::string part = client.ReadToEnd(&end);
  EXPECT_TRUE(body.starts_with(part) && part.size() < body.size()) << part.substr(0, 60);
  EXPECT_NE(end, StreamEnd::kOpen);
}

void RunClient(const std::string& address, int number) {
  RawClient client(address);
  uint32_t random = static_cast<uint32_t>(number);
  for (int i = 0; i < 150; ++i) {
    random = random * 1664525 + 1013904223;
    const std::string manner(kManners[(random >> 16) % kManners.size()]);
    const std::string target =
        "/" + std::to_string(number) + "/" + std::to_string(i) + "/" + manner;
    client.Send(GetRequest(target));
    if (manner == "truncate") {
      ExpectTruncated(client, BodyFor(target));
      client = RawClient(address);
      continue;
    }
    const Message response = client.Response();
    if (manner == "vanish" || manner == "garbage") {
      EXPECT_EQ(response.Status(), 502) << target;
    } else {
      EXPECT_EQ(response.Status(), 200) << target << response.body.substr(0, 100);
      EXPECT_TRUE(response.body == BodyFor(target)) << target << response.body.substr(0, 60);
    }
  }
  client.ExpectQuiet();
}

void RunClients(const GatewayProcess& gateway) {
  std::vector<std::thread> clients;
  for (int number = 1; number <= 8; ++number) {
    clients.emplace_back([&, number] { RunClient(gateway.address(), number); });
  }
  for (std::thread& client : clients) client.join();
}

class CrosstalkTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(CrosstalkTest);

TEST_P(CrosstalkTest, EveryClientGetsItsOwn) {
  AutoUpstream upstream(Misbehave);
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}, .workers = "2"});
  RunClients(gateway);
  EXPECT_GE(upstream.requests(), 8 * 150);
}

TEST_P(CrosstalkTest, AlsoWhenAllHaveToWaitForFewConnections) {
  AutoUpstream upstream(Misbehave);
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()},
                                       .upstream = "max_connections: 2, queue: {timeout: 20s}"});
  RunClients(gateway);
}

}  // namespace
}  // namespace holdfast::support
