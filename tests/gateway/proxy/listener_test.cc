#include "gateway/proxy/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pool/net/check.h"
#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;

constexpr std::string_view kHi = "\r\n\r\nhi";

std::string Config(std::string_view name) {
  return "listeners:\n  - {name: " + std::string(name) +
         ", bind: 127.0.0.1:0}\n"
         "upstreams:\n  web: {endpoints: [\"127.0.0.1:1\"]}\n"
         "routes:\n"
         "  - {name: new, match: {path: /new}, respond: {status: 200, body: new}}\n"
         "  - {name: all, match: {path_prefix: /}, upstream: web}\n";
}

TEST(ListenerCellsTest, AReasonHasOneCell) {
  metrics::Shard shard;
  Listener::Cells cells(&shard, "edge");
  metrics::Counter& drained = cells.ClosedFor("drained");
  EXPECT_EQ(&cells.ClosedFor(std::string("drained")), &drained);
  EXPECT_NE(&cells.ClosedFor("http10"), &drained);
  cells.ClosedFor("drained").Add();
  EXPECT_EQ(&shard.CounterFor(Metric::kClientConnectionsClosedTotal, {"edge", "drained"}),
            &drained);
}

TEST(EarlyReadsTest, AreLeftOffWhileNothingIsFound) {
  EarlyReads reads;
  int tried = 0;
  for (int i = 0; i < 1000; ++i) {
    if (!reads.Worthwhile()) continue;
    ++tried;
    reads.Note(/*found=*/false);
  }
  EXPECT_LE(tried, EarlyReads::kBest + 1000 / EarlyReads::kProbe);
  EXPECT_GE(tried, EarlyReads::kBest + 1000 / EarlyReads::kProbe - 2) << "a few are, to learn";
  int until_again = 0;
  for (; until_again < 1000 && !reads.Worthwhile(); ++until_again) {
  }
  EXPECT_LE(until_again, EarlyReads::kProbe);
  reads.Note(/*found=*/true);
  EXPECT_TRUE(reads.Worthwhile());
  EXPECT_TRUE(reads.Worthwhile());
}

class ListenerTest : public testing::Test {
 protected:
  // A client at the listening socket itself.
  Wire Dial(const pool::SocketAddress& address) {
    bool in_progress = false;
    int error = 0;
    pool::FileDescriptor socket = pool::StartConnect(address, &in_progress, &error);
    EXPECT_TRUE(socket.valid()) << error;
    return Wire(std::move(socket));
  }
  Wire Dial() { return Dial(harness_.listener_address); }
  pool::FileDescriptor ListenSomewhereElse(pool::SocketAddress* address) {
    auto socket = pool::Listen(*pool::SocketAddress::FromIp("127.0.0.1", 0), false);
    HOLDFAST_CHECK(socket.ok());
    *address = *pool::LocalAddress(socket->get());
    return std::move(*socket);
  }
  bool HasSessions(size_t n) {
    return harness_.TurnUntil([&] { return harness_.listener->sessions() == n; });
  }
  // So that those beyond the cap would have come, were they let in.
  void LetComeWhoMay() { harness_.Turns(20); }
  void SetCap(size_t cap) {
    harness_.places.Of("edge")->count().SetLimit(cap);
    harness_.listener->AcceptAgain();
  }
  uint64_t Refused() {
    return harness_.Count(Metric::kClientConnectionsRefusedTotal, {"edge", "connection_cap"});
  }

  ProxyHarness harness_{
      {.routes = "- {name: all, match: {path_prefix: /}, respond: {status: 200, body: hi}}"}};
};

TEST_F(ListenerTest, ServesWhoConnects) {
  Wire client = Dial();
  ASSERT_TRUE(HasSessions(1));
  client.Send(kGet);
  EXPECT_TRUE(harness_.Await(client, kHi).starts_with("HTTP/1.1 200"));
  EXPECT_EQ(harness_.Count(Metric::kClientConnectionsAcceptedTotal, {"edge"}), 1u);
  client.Close();
  EXPECT_TRUE(HasSessions(0));
}

TEST_F(ListenerTest, AtItsCapTheNextClientWaitsForAPlace) {
  SetCap(2);
  Wire first = Dial();
  Wire second = Dial();
  Wire third = Dial();
  ASSERT_TRUE(HasSessions(2));
  LetComeWhoMay();
  EXPECT_EQ(harness_.listener->sessions(), 2u);
  EXPECT_EQ(Refused(), 1u);
  third.Send(kGet);
  first.Close();
  EXPECT_TRUE(harness_.Await(third, kHi).starts_with("HTTP/1.1 200"));
  EXPECT_EQ(harness_.listener->sessions(), 2u);
}

TEST(ListenerClientCapTest, WhatComesToNothingIsNotCounted) {
  ProxyHarness harness({.listener = "max_connections_per_client: 2"});
  const auto client = *pool::SocketAddress::FromIp("192.0.2.7", 1);
  EXPECT_TRUE(harness.listener->AdmitClient(client));
  EXPECT_TRUE(harness.listener->AdmitClient(client));
  EXPECT_TRUE(harness.listener->AdmitClient(client));
  EXPECT_EQ(harness.places.by_client().counted(), 1u);
}

TEST(ListenerClientCapTest, EachWayToEndGivesThePlaceBack) {
  ProxyHarness harness({.listener = "max_connections_per_client: 1, idle_timeout: 1s"});
  const auto count = [&] { return harness.places.by_client().counted(); };
  const auto ends = [&] { return harness.TurnUntil([&] { return count() == 0; }); };
  Wire leaves = harness.Connect();
  EXPECT_EQ(count(), 1u);
  leaves.Close();
  EXPECT_TRUE(ends());
  Wire resets = harness.Connect();
  resets.Reset();
  EXPECT_TRUE(ends());
  Wire rests = harness.Connect();
  harness.Advance(std::chrono::seconds(2));
  EXPECT_TRUE(ends());
  Wire evicted = harness.Connect();
  EXPECT_TRUE(harness.listener->EvictIdle(harness.loop.now()));
  EXPECT_TRUE(ends());
  Wire served = harness.Connect();
  served.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  Wire upstream = harness.Accept();
  harness.Await(upstream, kHeadEnd);
  EXPECT_EQ(count(), 1u);
  upstream.Send(kOk);
  EXPECT_TRUE(harness.AwaitEnd(served));
  served.Close();
  EXPECT_TRUE(ends());
  Wire drained = harness.Connect();
  harness.context.sessions.front()->BeginDrain();
  EXPECT_TRUE(ends());
  EXPECT_EQ(harness.Closed("client_cap"), 0u);
}

TEST_F(ListenerTest, AHigherCapLetsInWhoWaits) {
  SetCap(1);
  Wire first = Dial();
  Wire second = Dial();
  ASSERT_TRUE(HasSessions(1));
  LetComeWhoMay();
  EXPECT_EQ(harness_.listener->sessions(), 1u);
  SetCap(2);
  EXPECT_TRUE(HasSessions(2));
}

TEST_F(ListenerTest, ALowerCapCutsNobody) {
  Wire first = Dial();
  Wire second = Dial();
  ASSERT_TRUE(HasSessions(2));
  SetCap(1);
  second.Send(kGet);
  harness_.Await(second, kHi);
  Wire third = Dial();
  LetComeWhoMay();
  first.Close();
  EXPECT_TRUE(HasSessions(1));
  LetComeWhoMay();
  EXPECT_EQ(harness_.listener->sessions(), 1u) << "still at its cap";
}

TEST_F(ListenerTest, TheProcesssPlacesAreForAllListeners) {
  pool::SocketAddress address;
  pool::FileDescriptor socket = ListenSomewhereElse(&address);
  Listener other(&harness_.context, std::move(socket),
                 ProxyHarness::ListenerConfig(harness_.snapshot, 0), 0);
  harness_.places.all().SetLimit(1);
  Wire first = Dial();
  ASSERT_TRUE(HasSessions(1));
  Wire second = Dial(address);
  LetComeWhoMay();
  EXPECT_EQ(other.sessions(), 0u);
  first.Close();
  EXPECT_TRUE(harness_.TurnUntil([&] { return other.sessions() == 1; }))
      << "the place went to the other listener";
  second.Close();
  EXPECT_TRUE(harness_.TurnUntil([&] { return other.sessions() == 0; }));
}

TEST_F(ListenerTest, AListenerThatWaitedForAPlaceMayGo) {
  pool::SocketAddress address;
  pool::FileDescriptor socket = ListenSomewhereElse(&address);
  auto other = std::make_unique<Listener>(&harness_.context, std::move(socket),
                                          ProxyHarness::ListenerConfig(harness_.snapshot, 0), 0);
  harness_.places.all().SetLimit(1);
  Wire first = Dial();
  ASSERT_TRUE(HasSessions(1));
  Wire second = Dial(address);
  LetComeWhoMay();
  other->Retire(harness_.context.view);
  other.reset();
  first.Close();
  EXPECT_TRUE(HasSessions(0)) << "its place is offered to nobody who is not there";
}

// The newcomer is served, `idle` was closed for it.
void ExpectGaveWay(ProxyHarness& harness, Wire& idle, Wire& newcomer) {
  EXPECT_TRUE(harness.AwaitEnd(idle));
  EXPECT_FALSE(idle.reset());
  EXPECT_TRUE(harness.Await(newcomer, kHi).starts_with("HTTP/1.1 200"));
  EXPECT_EQ(harness.Closed("idle_evicted"), 1u);
}

TEST_F(ListenerTest, AtItsCapTheLongestIdleGivesWay) {
  SetCap(2);
  Wire first = Dial();
  Wire second = Dial();
  ASSERT_TRUE(HasSessions(2));
  harness_.Advance(std::chrono::seconds(1));
  first.Send(kGet);
  harness_.Await(first, kHi);
  harness_.Advance(std::chrono::seconds(1));
  Wire third = Dial();
  third.Send(kGet);
  ExpectGaveWay(harness_, second, third);
  EXPECT_EQ(harness_.listener->sessions(), 2u);
  first.Send(kGet);
  harness_.Await(first, kHi);
}

// Its next request may be on its way.
TEST_F(ListenerTest, WhoHasJustBecomeIdleIsSafeForAMoment) {
  SetCap(1);
  Wire first = Dial();
  first.Send(kGet);
  harness_.Await(first, kHi);
  Wire second = Dial();
  second.Send(kGet);
  LetComeWhoMay();
  harness_.Advance(Listener::kGivesWayAfter - pool::TimerWheel::kTick);
  LetComeWhoMay();
  first.Pull();
  EXPECT_FALSE(first.ended());
  harness_.Advance(pool::TimerWheel::kTick);
  ExpectGaveWay(harness_, first, second);
}

TEST_F(ListenerTest, WhoHasSentSomethingDoesNotGiveWay) {
  Wire first = Dial();
  Wire second = Dial();
  ASSERT_TRUE(HasSessions(2));
  harness_.clock.Advance(std::chrono::seconds(1));
  first.Send(kGet);  // and the loop has not heard of it
  EXPECT_TRUE(harness_.listener->EvictIdle(harness_.clock.Now()));
  EXPECT_TRUE(harness_.AwaitEnd(second));
  EXPECT_TRUE(harness_.Await(first, kHi).starts_with("HTTP/1.1 200"));
}

TEST_F(ListenerTest, OnlyWhoIsIdleForSoLongGivesWay) {
  harness_.clock.Advance(std::chrono::seconds(1));
  Wire client = Dial();
  ASSERT_TRUE(HasSessions(1));
  const pool::TimePoint now = harness_.clock.Now();
  EXPECT_FALSE(harness_.listener->EvictIdle(now - std::chrono::milliseconds(1)));
  EXPECT_TRUE(harness_.listener->EvictIdle(now));
}

// Each connection has what its listening socket has at the time.
TEST(ListenerRoomTest, AReloadChangesTheTcpOptionsOfThoseToCome) {
  ProxyHarness harness({.listener = "tcp: {keepalive: 2m, user_timeout: 30s}"});
  const auto accepted = [&](int level, int name) {
    bool in_progress = false;
    int error = 0;
    Wire wire(pool::StartConnect(harness.listener_address, &in_progress, &error));
    EXPECT_TRUE(harness.TurnUntil([&] { return harness.listener->sessions() == 1; }));
    // The gateway's end of it is looked for by its peer.
    sockaddr_storage ours{}, theirs{};
    socklen_t length = sizeof(ours);
    EXPECT_EQ(getsockname(wire.fd(), reinterpret_cast<sockaddr*>(&ours), &length), 0);
    int value = -1;
    for (int fd = 0; fd < 1024; ++fd) {
      length = sizeof(theirs);
      if (getpeername(fd, reinterpret_cast<sockaddr*>(&theirs), &length) != 0) continue;
      const pool::SocketAddress peer(reinterpret_cast<sockaddr*>(&theirs), length);
      if (peer != pool::SocketAddress(reinterpret_cast<sockaddr*>(&ours), sizeof(sockaddr_in)))
        continue;
      length = sizeof(value);
      EXPECT_EQ(getsockopt(fd, level, name, &value, &length), 0);
    }
    wire.Close();
    EXPECT_TRUE(harness.TurnUntil([&] { return harness.listener->sessions() == 0; }));
    return value;
  };
  EXPECT_EQ(accepted(IPPROTO_TCP, TCP_KEEPIDLE), 120);
  EXPECT_EQ(accepted(IPPROTO_TCP, TCP_USER_TIMEOUT), 30'000);
  const auto next = ProxyHarness::Load(
      "listeners: [{name: edge, bind: \"127.0.0.1:0\", tcp: {keepalive: 5m}}]\n"
      "routes: [{respond: {}}]\n");
  harness.listener->Configure(ProxyHarness::ListenerConfig(next, 0), 0);
  EXPECT_EQ(accepted(IPPROTO_TCP, TCP_KEEPIDLE), 300);
  EXPECT_EQ(accepted(IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
}

TEST(ListenerRoomTest, WhoIsActiveDoesNotGiveWayUntilItIsIdle) {
  ProxyHarness harness;
  harness.places.all().SetLimit(1);
  Wire first = harness.Connect();
  first.Send(kGet);
  Wire upstream = harness.Accept();
  harness.Await(upstream, kHeadEnd);
  bool in_progress = false;
  int error = 0;
  Wire second(pool::StartConnect(harness.listener_address, &in_progress, &error));
  for (int i = 0; i < 20; ++i) harness.Advance(std::chrono::seconds(1));
  EXPECT_EQ(harness.listener->sessions(), 1u);
  upstream.Send(kOk);
  harness.Await(first, "\r\n\r\nok");
  for (int i = 0; i < 4; ++i) harness.Advance(Listener::kGivesWayAfter);
  EXPECT_TRUE(harness.AwaitEnd(first));
  EXPECT_EQ(harness.Closed("idle_evicted"), 1u);
  EXPECT_TRUE(harness.TurnUntil([&] { return harness.listener->sessions() == 1; }));
}

TEST_F(ListenerTest, AtTheProcesssCapTheLongestIdleOfAnyListenerGivesWay) {
  pool::SocketAddress address;
  pool::FileDescriptor socket = ListenSomewhereElse(&address);
  const auto config = ProxyHarness::Load(Config("door"));
  Listener other(&harness_.context, std::move(socket), ProxyHarness::ListenerConfig(config, 0), 0);
  harness_.places.all().SetLimit(2);
  Wire first = Dial();
  ASSERT_TRUE(HasSessions(1));
  harness_.Advance(std::chrono::seconds(1));
  Wire second = Dial(address);
  ASSERT_TRUE(harness_.TurnUntil([&] { return other.sessions() == 1; }));
  harness_.Advance(std::chrono::seconds(1));
  Wire third = Dial(address);
  third.Send(kGet);
  ExpectGaveWay(harness_, first, third);
  second.Close();
  third.Close();
  EXPECT_TRUE(harness_.TurnUntil([&] { return other.sessions() == 0; }));
}

// At its own cap a listener's newcomers are no reason to send away another's clients.
TEST_F(ListenerTest, AtItsOwnCapOnlyItsOwnClientsGiveWay) {
  pool::SocketAddress address;
  pool::FileDescriptor socket = ListenSomewhereElse(&address);
  const auto config = ProxyHarness::Load(Config("door"));
  Listener other(&harness_.context, std::move(socket), ProxyHarness::ListenerConfig(config, 0), 0);
  harness_.places.Of("door")->count().SetLimit(1);
  Wire first = Dial();
  ASSERT_TRUE(HasSessions(1));
  harness_.Advance(std::chrono::seconds(1));
  Wire second = Dial(address);
  ASSERT_TRUE(harness_.TurnUntil([&] { return other.sessions() == 1; }));
  harness_.Advance(std::chrono::seconds(1));
  Wire third = Dial(address);
  third.Send(kGet);
  EXPECT_TRUE(harness_.AwaitEnd(second));
  EXPECT_TRUE(harness_.Await(third, kHi).starts_with("HTTP/1.1 200"));
  first.Pull();
  EXPECT_FALSE(first.ended());
  third.Close();
  EXPECT_TRUE(harness_.TurnUntil([&] { return other.sessions() == 0; }));
}

TEST_F(ListenerTest, APlaceThatNobodyCameForGoesBack) {
  Wire client = Dial();
  ASSERT_TRUE(HasSessions(1));
  LetComeWhoMay();
  EXPECT_EQ(harness_.places.all().taken(), 1u);
  EXPECT_EQ(harness_.places.Of("edge")->count().taken(), 1u);
  client.Close();
  ASSERT_TRUE(HasSessions(0));
  EXPECT_EQ(harness_.places.all().taken(), 0u);
  EXPECT_EQ(harness_.places.Of("edge")->count().taken(), 0u);
}

TEST_F(ListenerTest, ARetiredListenerAcceptsNoMoreAndServesTheRest) {
  Wire client = Dial();
  ASSERT_TRUE(HasSessions(1));
  harness_.listener->Retire(harness_.context.view);
  EXPECT_TRUE(harness_.listener->draining());
  harness_.Turn();
  bool in_progress = false;
  int error = 0;
  const pool::FileDescriptor late =
      pool::StartConnect(harness_.listener_address, &in_progress, &error);
  if (late.valid()) {
    LetComeWhoMay();
    EXPECT_EQ(pool::TakeSocketError(late.get()), ECONNREFUSED);
  }
  client.Send(kGet);
  EXPECT_TRUE(harness_.AwaitEnd(client));
  EXPECT_NE(client.received().find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(client.received().ends_with(kHi));
  harness_.listener->Retire(harness_.context.view);  // Twice is once.
}

// The configuration that comes next may have no such place as this listener had.
TEST_F(ListenerTest, ARetiredListenerAnswersFromTheViewThatKnewIt) {
  Wire client = Dial();
  ASSERT_TRUE(HasSessions(1));
  client.Send("GET /ne");
  harness_.Turns(5);
  const ViewPin old_view = harness_.context.view;
  harness_.Adopt(ProxyHarness::Load(Config("another")));
  harness_.listener->Retire(old_view);
  client.Send("w HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(harness_.AwaitEnd(client));
  EXPECT_TRUE(client.received().ends_with(kHi)) << client.received();
}

TEST_F(ListenerTest, AReloadCountsFromTheNextRequestOn) {
  Wire client = Dial();
  client.Send("GET /new HTTP/1.1\r\nHost: a\r\n\r\n");
  harness_.Await(client, kHi);
  const auto next = ProxyHarness::Load(Config("edge"));
  harness_.Adopt(next);
  harness_.listener->Configure(ProxyHarness::ListenerConfig(next, 0), 0);
  client.Send("GET /new HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(harness_.Await(client, "\r\n\r\nnew").starts_with("HTTP/1.1 200"));
  EXPECT_EQ(harness_.listener->config().name, "edge");
}

TEST_F(ListenerTest, FurtherSocketsCountTogether) {
  pool::SocketAddress address;
  pool::FileDescriptor socket = ListenSomewhereElse(&address);
  harness_.listener->AcceptAlsoOn(std::move(socket));
  SetCap(1);
  Wire first = Dial(address);
  ASSERT_TRUE(HasSessions(1));
  Wire second = Dial();
  Wire third = Dial(address);
  LetComeWhoMay();
  EXPECT_EQ(harness_.listener->sessions(), 1u);
  SetCap(3);
  EXPECT_TRUE(HasSessions(3));
}

TEST_F(ListenerTest, RunningOutOfDescriptorsIsCountedByName) {
  harness_.Turn();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  Wire client = Dial();
  // The next descriptor would have this number.
  const pool::FileDescriptor next(dup(client.fd()));
  const rlimit none{.rlim_cur = static_cast<rlim_t>(next.get()), .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_TRUE(harness_.TurnUntil([&] {
    return harness_.Count(Metric::kAcceptErrorsTotal, {"edge", "EMFILE"}) > 0;
  }));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(harness_.listener->sessions(), 0u);
}

}  // namespace
}  // namespace holdfast::proxy
