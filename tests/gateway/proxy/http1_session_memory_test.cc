#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/proxy/http1_session.h"
#include "gateway/proxy/intake.h"
#include "pool/net/buffer.h"
#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/support/allocation_counter.h"

namespace holdfast::proxy {
namespace {

// What an idle kept connection costs, with what the allocator adds: connection, transport and wheel
// entry are inside.
constexpr size_t kAllocatorBytes = 8;
static_assert(sizeof(Http1Session) + kAllocatorBytes <= 320);

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

// From accept to close.
TEST_F(SteadyStateTest, AConnectionThatIsClosedAfterItsRequestAllocatesNothing) {
  constexpr std::string_view kClose = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  ProxyHarness harness({.routes = "- {match: {path_prefix: /}, respond: {status: 200, body: hi}}"});
  const pool::SocketAddress peer = *pool::SocketAddress::Parse("[2001:db8::ff00:42:8329]:4711");
  for (const bool early : {true, false}) {
    const uint64_t count = AllocationsOf(kRequests, [&] {
      pool::SocketPair pair = pool::TcpPair();
      Wire client(std::move(pair.theirs));
      if (early) client.Send(kClose);
      ASSERT_TRUE(harness.listener->TakePlace());
      const uint64_t before = support::AllocationCount();
      Intake::Accept(harness.listener.get(), std::move(pair.ours), peer);
      counted_ += support::AllocationCount() - before;
      if (!early) client.Send(kClose);
      CountedTurns(harness, 2);
      ASSERT_TRUE(harness.AwaitEnd(client));
    });
    EXPECT_EQ(count, 0u) << early;
  }
  EXPECT_EQ(harness.context.http1_sessions.in_use(), 0u);
}

TEST_F(SteadyStateTest, ExchangesAreUsedAgain) {
  ProxyHarness harness({.routes = "- {match: {path_prefix: /}, respond: {status: 200, body: hi}}"});
  Http1Serving* first = harness.context.http1_servings.Take(&harness.context);
  harness.context.http1_servings.Give(&harness.loop, first);
  std::vector<Wire> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(harness.Connect());
    clients.back().Send(kGet);
    harness.Await(clients.back(), "\r\n\r\nhi");
  }
  EXPECT_EQ(harness.context.http1_servings.Take(&harness.context), first)
      << "one exchange has served all, one after the other";
  harness.context.http1_servings.Give(&harness.loop, first);
}

// A head comes in small pieces, with long pauses.
TEST_F(SteadyStateTest, AClientInTheMiddleOfItsHeadHoldsFewBytes) {
  constexpr std::string_view kHead = "GET /some/path HTTP/1.1\r\nHost: a\r\nX-Name: ";
  ProxyHarness harness({.routes = "- {match: {path_prefix: /}, respond: {status: 200, body: hi}}"});
  std::vector<Wire> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(harness.Connect());
    clients.back().Send(kHead);
  }
  harness.Turns(3);
  const pool::SlabPool& slabs = harness.slabs;
  EXPECT_EQ(slabs.in_use(), 50u);
  EXPECT_EQ(slabs.free_count(), 1u) << "one large slab has served all";
  for (int i = 0; i < 600; ++i) {
    clients[0].Send("a");
    harness.Turns(2);
  }
  EXPECT_EQ(slabs.free_count(), 1u);
  for (Wire& client : clients) {
    client.Send("\r\n\r\n");
    EXPECT_TRUE(harness.Await(client, "\r\n\r\nhi").starts_with("HTTP/1.1 200 "));
  }
  EXPECT_EQ(slabs.in_use(), 0u);
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
