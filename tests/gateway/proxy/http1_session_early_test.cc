#include <fcntl.h>
#include <poll.h>

#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/proxy/http1_session.h"
#include "gateway/proxy/intake.h"
#include "pool/net/event_loop.h"
#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/pool/net/socket_pair.h"

// What has come by the time a client is accepted.

namespace holdfast::proxy {
namespace {

using metrics::Metric;

constexpr std::string_view kClose = "GET /own HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
constexpr std::string_view kOwn = "GET /own HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kHi = "\r\n\r\nhi";

class Http1SessionEarlyTest : public testing::Test {
 protected:
  // Is accepted after it has sent that; no turn of the loop has come since.
  Wire Accepted(std::string_view sent) {
    pool::SocketPair pair = pool::TcpPair();
    Wire client(std::move(pair.theirs));
    if (!sent.empty()) client.Send(sent);
    Accept(std::move(pair.ours));
    return client;
  }
  void Accept(pool::FileDescriptor socket) {
    ASSERT_TRUE(harness_.listener->TakePlace());
    Intake::Accept(harness_.listener.get(), std::move(socket),
                   *pool::SocketAddress::Parse("192.0.2.7:4711"));
  }
  uint64_t Events() const { return harness_.loop.stats().events; }
  int64_t Level(std::string_view state) {
    return harness_.Level(Metric::kClientConnections, {"edge", std::string(state)});
  }

  ProxyHarness harness_{{.routes = "- {match: {path: /own}, respond: {status: 200, body: hi}}\n"
                                   "  - {match: {path_prefix: /}, upstream: web}\n"}};
};

TEST_F(Http1SessionEarlyTest, ARequestIsAnsweredAndItsConnectionClosedWithoutTheLoop) {
  Wire client = Accepted(kClose);
  EXPECT_EQ(harness_.listener->sessions(), 0u);
  EXPECT_TRUE(harness_.Await(client, kHi).starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(harness_.AwaitEnd(client));
  EXPECT_EQ(Events(), 0u);
  EXPECT_EQ(Level("idle"), 0);
  EXPECT_EQ(Level("active"), 0);
  EXPECT_EQ(harness_.context.sessions.size(), 0u);
}

TEST_F(Http1SessionEarlyTest, AKeptConnectionGoesOn) {
  Wire client = Accepted(kOwn);
  for (int i = 0; i < 3; ++i) {
    harness_.Await(client, kHi);
    EXPECT_EQ(Level("idle"), 1);
    client.Send(kOwn);
  }
  harness_.Await(client, kHi);
}

TEST_F(Http1SessionEarlyTest, TheRestOfAHeadMayComeLater) {
  Wire client = Accepted(kOwn.substr(0, 10));
  EXPECT_EQ(Level("active"), 1);
  client.Send(kOwn.substr(10));
  harness_.Await(client, kHi);
}

TEST_F(Http1SessionEarlyTest, NothingMayHaveCome) {
  Wire client = Accepted("");
  EXPECT_EQ(Level("idle"), 1);
  harness_.Turns(2);
  client.Send(kOwn);
  harness_.Await(client, kHi);
}

TEST_F(Http1SessionEarlyTest, ARequestIsProxiedAndItsClientIsWatched) {
  Wire client = Accepted(kGet);
  Wire upstream = harness_.Accept();
  harness_.Await(upstream, kHeadEnd);
  upstream.Send(kOk);
  harness_.Await(client, "\r\n\r\nok");

  Wire leaves = Accepted(kGet);
  harness_.Await(upstream, kHeadEnd);
  leaves.Reset();
  EXPECT_TRUE(harness_.AwaitEnd(upstream)) << "nobody waits for its response any more";
}

TEST_F(Http1SessionEarlyTest, AClientMayBeGoneAlready) {
  pool::SocketPair pair = pool::TcpPair();
  pair.theirs.Reset();
  ASSERT_TRUE(pool::WaitFor(pair.ours.get(), POLLIN));
  Accept(std::move(pair.ours));
  EXPECT_EQ(harness_.listener->sessions(), 0u);
  EXPECT_EQ(harness_.Closed("client_closed"), 1u);
}

// What does not fit into the socket's buffer waits for the loop.
TEST_F(Http1SessionEarlyTest, PipelinedRequestsAreAnsweredInOrder) {
  std::string requests;
  for (int i = 0; i < 300; ++i) requests += kOwn;
  Wire client = Accepted(requests + std::string(kClose));
  ASSERT_TRUE(harness_.AwaitEnd(client));
  size_t answers = 0;
  for (size_t at = 0; (at = client.received().find(kHi, at)) != std::string::npos; ++at) ++answers;
  EXPECT_EQ(answers, 301u);
}

// Nothing is known of it by the time that it is to be watched.
TEST_F(Http1SessionEarlyTest, OneThatTheKernelDoesNotWatchIsClosed) {
  // A regular file can't be watched.
  pool::FileDescriptor file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(file.valid());
  // No early read, which fails in its own way.
  while (harness_.listener->early_reads().Worthwhile()) {
    harness_.listener->early_reads().Note(/*found=*/false);
  }
  Accept(std::move(file));
  EXPECT_EQ(harness_.Count(Metric::kClientConnectionsRefusedTotal, {"edge", "epoll"}), 1u);
  EXPECT_EQ(harness_.listener->sessions(), 0u) << "its place is free";
}

}  // namespace
}  // namespace holdfast::proxy
