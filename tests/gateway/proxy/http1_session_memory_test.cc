#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/proxy/http1_session.h"
#include "pool/net/connection.h"
#include "pool/net/plain_transport.h"
#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/support/allocation_counter.h"

namespace holdfast::proxy {
namespace {

// What an idle kept connection costs: one of each, a descriptor and a wheel entry inside.
static_assert(sizeof(Http1Session) + sizeof(pool::Connection) + sizeof(pool::PlainTransport) <=
              496);

class SteadyStateTest : public testing::Test {
 protected:
  static constexpr int kRequests = 200;

  // How often memory was asked for during `n` requests after as many to warm up.
  template <class Request>
  uint64_t AllocationsOf(int n, Request request) {
    for (int i = 0; i < n; ++i) request();
    counted_ = 0;
    for (int i = 0; i < n; ++i) request();
    return counted_;
  }
  // The gateway's part alone is counted, not the test's.
  void CountedTurns(ProxyHarness& harness, int n) {
    const uint64_t before = support::AllocationCount();
    harness.Turns(n);
    counted_ += support::AllocationCount() - before;
  }
  bool Received(Wire& wire, size_t bytes) {
    char text[1024];
    size_t got = 0;
    for (int i = 0; i < 100 && got < bytes; ++i) {
      const ssize_t n = recv(wire.fd(), text, sizeof(text), 0);
      if (n > 0) got += static_cast<size_t>(n);
    }
    return got == bytes;
  }

  uint64_t counted_ = 0;
};

TEST_F(SteadyStateTest, AnAnswerOfItsOwnAllocatesNothing) {
  ProxyHarness harness({.routes = "- {match: {path_prefix: /}, respond: {status: 200, body: hi}}"});
  Wire client = harness.Connect();
  client.Send(kGet);
  const size_t response = harness.Await(client, "\r\n\r\nhi").size();
  const uint64_t count = AllocationsOf(kRequests, [&] {
    client.Send(kGet);
    CountedTurns(harness, 2);
    ASSERT_TRUE(Received(client, response));
  });
  EXPECT_EQ(count, 0u);
  EXPECT_EQ(harness.slabs.in_use(), 0u);
}

TEST_F(SteadyStateTest, AProxiedRequestAllocatesNothing) {
  ProxyHarness harness;
  Wire client = harness.Connect();
  client.Send(kGet);
  Wire upstream = harness.Accept();
  const size_t request = harness.Await(upstream, kHeadEnd).size();
  upstream.Send(kOk);
  const size_t response = harness.Await(client, "\r\n\r\nok").size();
  const uint64_t count = AllocationsOf(kRequests, [&] {
    client.Send(kGet);
    CountedTurns(harness, 2);
    ASSERT_TRUE(Received(upstream, request));
    upstream.Send(kOk);
    CountedTurns(harness, 2);
    ASSERT_TRUE(Received(client, response));
  });
  EXPECT_EQ(count, 0u);
  EXPECT_EQ(harness.slabs.in_use(), 0u);
}

// Connections come and go, but their bodies, heads and exchanges find their memory again.
TEST_F(SteadyStateTest, AChunkedExchangeWithTrailersAllocatesNothing) {
  constexpr std::string_view kPost =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n0\r\nx-a: b\r\n\r\n";
  constexpr std::string_view kChunks =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-b: c\r\n\r\n";
  ProxyHarness harness;
  Wire client = harness.Connect();
  client.Send(kPost);
  Wire upstream = harness.Accept();
  const size_t request = harness.Await(upstream, "x-a: b\r\n\r\n").size();
  upstream.Send(kChunks);
  const size_t response = harness.Await(client, "x-b: c\r\n\r\n").size();
  const uint64_t count = AllocationsOf(kRequests, [&] {
    client.Send(kPost);
    CountedTurns(harness, 2);
    ASSERT_TRUE(Received(upstream, request));
    upstream.Send(kChunks);
    CountedTurns(harness, 2);
    ASSERT_TRUE(Received(client, response));
  });
  EXPECT_EQ(count, 0u);
  EXPECT_EQ(harness.slabs.in_use(), 0u);
}

TEST_F(SteadyStateTest, ExchangesAreUsedAgain) {
  ProxyHarness harness({.routes = "- {match: {path_prefix: /}, respond: {status: 200, body: hi}}"});
  Exchange* first = harness.context.exchanges.Take(&harness.context);
  harness.context.exchanges.Give(&harness.loop, first);
  std::vector<Wire> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(harness.Connect());
    clients.back().Send(kGet);
    harness.Await(clients.back(), "\r\n\r\nhi");
  }
  EXPECT_EQ(harness.context.exchanges.Take(&harness.context), first)
      << "one exchange has served all, one after the other";
  harness.context.exchanges.Give(&harness.loop, first);
}

TEST_F(SteadyStateTest, IdleConnectionsHoldNoBuffer) {
  ProxyHarness harness;
  std::vector<Wire> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(harness.Connect());
  EXPECT_EQ(harness.slabs.in_use(), 0u);
  clients[0].Send(kGet);
  Wire upstream = harness.Accept();
  harness.Await(upstream, kHeadEnd);
  upstream.Send(kOk);
  harness.Await(clients[0], "\r\n\r\nok");
  EXPECT_EQ(harness.slabs.in_use(), 0u) << "nor does the kept upstream connection";
}

}  // namespace
}  // namespace holdfast::proxy
