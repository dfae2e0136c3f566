#include "tests/integration/body_flow.h"

#include <algorithm>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"

namespace holdfast::support {
namespace {

constexpr size_t kPiece = 1 << 20;
constexpr size_t kBite = 16 * 1024;
// Between two looks at the memory.
constexpr size_t kStride = 4 << 20;

void SendMuch(WireSocket& socket, size_t bytes) {
  const std::string piece = Pattern(kPiece);
  for (size_t sent = 0; sent < bytes; sent += kPiece) {
    socket.Send(std::string_view(piece).substr(0, std::min(kPiece, bytes - sent)));
  }
}

// Reads `bytes` in bites; the slow half of the pair.
FlowMemory SipAndWatch(WireSocket& socket, size_t bytes, const GatewayProcess& gateway,
                       size_t before) {
  FlowMemory memory;
  size_t next_look = 0;
  for (size_t received = 0; received < bytes;) {
    if (received >= next_look) {
      const size_t now = gateway.ResidentBytes();
      memory.growth = std::max(memory.growth, now > before ? now - before : 0);
      next_look += kStride;
    }
    const size_t bite = socket.ReadSome(std::min(kBite, bytes - received)).size();
    if (bite == 0) return memory;
    received += bite;
  }
  return memory;
}

}  // namespace

FlowMemory FlowDown(size_t bytes) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  const size_t before = hop.gateway.ResidentBytes();
  RawClient client(hop.gateway.address(), {.receive_buffer = 64 * 1024});
  client.Send(GetRequest("/"));
  upstream.Request();
  std::thread sender([&] {
    upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n");
    SendMuch(upstream, bytes);
  });
  ReadHead(client);
  const FlowMemory memory = SipAndWatch(client, bytes, hop.gateway, before);
  sender.join();
  EXPECT_EQ(client.Get("/local").Status(), 200);
  return memory;
}

FlowMemory FlowUp(size_t bytes) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Warm();
  const size_t before = hop.gateway.ResidentBytes();
  std::thread sender([&] {
    hop.client.Send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(bytes) +
                    "\r\n\r\n");
    SendMuch(hop.client, bytes);
  });
  ReadHead(upstream);
  const FlowMemory memory = SipAndWatch(upstream, bytes, hop.gateway, before);
  sender.join();
  upstream.Send(OkResponse("x"));
  EXPECT_EQ(hop.client.Response().Status(), 200);
  return memory;
}

}  // namespace holdfast::support
