#include "gateway/proxy/announcement.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/proxy/intake.h"
#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/pool/net/record_transport.h"
#include "tests/pool/net/socket_pair.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using pool::ProxyVersion;
using Record = pool::RecordTransport;

constexpr std::string_view kProxies = "proxy_protocol: {from: [192.0.2.0/24]}";
constexpr std::string_view kLine = "PROXY TCP4 203.0.113.9 198.51.100.2 4711 443\r\n";

const pool::ProxiedEnds& Ends() {
  static const auto& ends = *new pool::ProxiedEnds{*pool::SocketAddress::Parse("203.0.113.9:4711"),
                                                   *pool::SocketAddress::Parse("198.51.100.2:443")};
  return ends;
}

class AnnouncementTest : public testing::Test {
 protected:
  explicit AnnouncementTest(std::string listener = std::string(kProxies))
      : harness_({.listener = std::move(listener)}) {}

  // What the upstream gets of a request behind this header.
  std::string Forwarded(Wire& client) {
    Wire upstream = harness_.Accept();
    std::string head = harness_.Await(upstream, kHeadEnd);
    upstream.Send(kOk);
    harness_.Await(client, "ok");
    client.Take();
    return head;
  }
  void ExpectClosed(Wire& client, const std::string& reason) {
    EXPECT_TRUE(harness_.AwaitEnd(client));
    EXPECT_EQ(client.received(), "");
    EXPECT_EQ(harness_.Closed(reason), 1u);
    EXPECT_EQ(harness_.listener->sessions(), 0u) << "its place is free";
    EXPECT_TRUE(harness_.context.sessions.empty());
    EXPECT_EQ(harness_.Level(Metric::kClientConnections, {"edge", "active"}), 0);
    EXPECT_EQ(harness_.Level(Metric::kClientConnections, {"edge", "idle"}), 0);
  }

  ProxyHarness harness_;
};

TEST_F(AnnouncementTest, WhoIsAnnouncedIsTheClient) {
  for (const std::string& header :
       {std::string(kLine), pool::ProxyHeaderFor(ProxyVersion::kV2, Ends())}) {
    Wire client = harness_.Connect();
    client.Send(header + std::string(kGet));
    EXPECT_NE(Forwarded(client).find("X-Forwarded-For: 203.0.113.9\r\n"), std::string::npos);
    ASSERT_EQ(harness_.context.announced.size(), 1u);
    EXPECT_EQ(harness_.context.announced.begin()->second, Ends());
    client.Close();
    ASSERT_TRUE(harness_.TurnUntil([&] { return harness_.listener->sessions() == 0; }));
    EXPECT_TRUE(harness_.context.announced.empty());
  }
}

TEST_F(AnnouncementTest, OneByteAtATimeIsAsGood) {
  for (const std::string& header :
       {std::string(kLine), pool::ProxyHeaderFor(ProxyVersion::kV2, Ends())}) {
    Wire client = harness_.Connect();
    for (const char byte : header + std::string(kGet)) {
      client.Send(std::string_view(&byte, 1));
      harness_.Turns(2);
    }
    EXPECT_NE(Forwarded(client).find("X-Forwarded-For: 203.0.113.9\r\n"), std::string::npos);
  }
}

TEST_F(AnnouncementTest, AHeaderAloneMakesAnIdleClient) {
  Wire client = harness_.Connect();
  client.Send(kLine);
  harness_.Turns(3);
  EXPECT_EQ(harness_.Level(Metric::kClientConnections, {"edge", "idle"}), 1);
  EXPECT_EQ(harness_.Level(Metric::kClientConnections, {"edge", "active"}), 0);
  client.Send(kGet);
  EXPECT_NE(Forwarded(client).find("203.0.113.9"), std::string::npos);
}

// The header is once for the connection; a second one is a bad request.
TEST_F(AnnouncementTest, ASecondHeaderIsNone) {
  Wire client = harness_.Connect();
  client.Send(std::string(kLine) + std::string(kLine) + std::string(kGet));
  EXPECT_TRUE(harness_.TurnUntil([&] {
    client.Pull();
    return client.received().starts_with("HTTP/1.1 400 ");
  }));
}

// A proxy that asks for itself.
TEST_F(AnnouncementTest, WithoutAnAnnouncedClientItIsThePeer) {
  for (const ProxyVersion version : {ProxyVersion::kV1, ProxyVersion::kV2}) {
    for (const std::string& header :
         {pool::LocalProxyHeader(version), pool::ProxyHeaderFor(version, {})}) {
      Wire client = harness_.Connect();
      client.Send(header + std::string(kGet));
      EXPECT_NE(Forwarded(client).find("X-Forwarded-For: 192.0.2.7\r\n"), std::string::npos);
      EXPECT_TRUE(harness_.context.announced.empty());
    }
  }
}

TEST_F(AnnouncementTest, WhoMayNotConnectIsRefusedWhateverItSays) {
  pool::SocketPair pair = pool::TcpPair();
  Wire client = harness_.Connect(std::move(pair.ours), std::move(pair.theirs), "198.51.100.7:80");
  ExpectClosed(client, "proxy_refused");
}

TEST_F(AnnouncementTest, WhatBeginsOtherwiseIsClosed) {
  Wire client = harness_.Connect();
  client.Send(kGet);
  ExpectClosed(client, "proxy_malformed");
}

TEST_F(AnnouncementTest, WhatEndsWithinTheHeaderIsClosed) {
  Wire client = harness_.Connect();
  client.Send(kLine.substr(0, 20));
  harness_.Turns(2);
  client.End();
  ExpectClosed(client, "proxy_truncated");
}

// Load balancers look whether a port is open.
TEST_F(AnnouncementTest, WhoSaysNothingAndLeavesHasBrokenNothing) {
  Wire client = harness_.Connect();
  client.End();
  ExpectClosed(client, "client_closed");
}

TEST_F(AnnouncementTest, AResetIsSeen) {
  Wire client = harness_.Connect();
  client.Reset();
  ASSERT_TRUE(harness_.TurnUntil([&] { return harness_.listener->sessions() == 0; }));
  EXPECT_EQ(harness_.Closed("client_reset"), 1u);
}

TEST_F(AnnouncementTest, ADripOfBytesDoesNotPutItOff) {
  Wire client = harness_.Connect();
  const pool::Duration timeout = config::AcceptedProxies().timeout;
  for (int i = 0; i < 10; ++i) {
    client.Send(kLine.substr(static_cast<size_t>(i), 1));
    harness_.Advance(timeout / 11);
    EXPECT_EQ(harness_.listener->sessions(), 1u);
  }
  harness_.Advance(timeout / 5);
  ExpectClosed(client, "proxy_timeout");
}

TEST_F(AnnouncementTest, ADrainWaitsALittleForIt) {
  Wire client = harness_.Connect();
  client.Send(kLine.substr(0, 20));
  harness_.context.sessions.front()->BeginDrain();
  harness_.Advance(Intake::kLeavingPatience - std::chrono::milliseconds(50));
  EXPECT_EQ(harness_.listener->sessions(), 1u);
  client.Send(kLine.substr(20, 1));
  harness_.Advance(std::chrono::milliseconds(100));
  ExpectClosed(client, "drained");
}

TEST_F(AnnouncementTest, ADrainDoesNotProlongIt) {
  Wire client = harness_.Connect();
  harness_.Advance(config::AcceptedProxies().timeout - std::chrono::milliseconds(100));
  harness_.context.sessions.front()->BeginDrain();
  harness_.Advance(std::chrono::milliseconds(200));
  ExpectClosed(client, "proxy_timeout");
}

TEST_F(AnnouncementTest, OneThatAnnouncesItselfInADrainIsServedOnce) {
  for (const bool before : {true, false}) {
    ProxyHarness harness({.listener = std::string(kProxies)});
    Wire client = harness.Connect();
    const std::string request = std::string(kLine) + std::string(kGet);
    if (before) client.Send(request);  // nobody has looked yet
    harness.listener->Retire(harness.context.view);
    harness.listener->Leave();
    harness.context.sessions.front()->BeginDrain();
    if (!before) client.Send(request);
    Wire upstream = harness.Accept();
    EXPECT_NE(harness.Await(upstream, kHeadEnd).find("X-Forwarded-For: 203.0.113.9\r\n"),
              std::string::npos);
    upstream.Send(kOk);
    harness.Await(client, "ok");
    EXPECT_TRUE(harness.AwaitEnd(client));
  }
}

TEST_F(AnnouncementTest, ItGivesWayAtACap) {
  Wire client = harness_.Connect();
  EXPECT_TRUE(harness_.listener->EvictIdle(pool::TimePoint::max()));
  ExpectClosed(client, "idle_evicted");
}

TEST_F(AnnouncementTest, PartOfAHeaderDoesNotKeepItAtACap) {
  Wire client = harness_.Connect();
  client.Send(kLine.substr(0, 20));
  harness_.Turns(2);
  client.Send(kLine.substr(20, 2));
  EXPECT_TRUE(harness_.listener->EvictIdle(pool::TimePoint::max()));
  EXPECT_TRUE(harness_.AwaitEnd(client));
  EXPECT_EQ(harness_.Closed("idle_evicted"), 1u);
}

// Nobody has looked at what has come.
TEST_F(AnnouncementTest, AWholeHeaderDoesNotGiveWay) {
  for (const size_t first : {size_t{0}, size_t{20}}) {
    Wire client = harness_.Connect();
    if (first > 0) client.Send(kLine.substr(0, first));
    harness_.Turns(2);
    client.Send(std::string(kLine.substr(first)) + std::string(kGet));
    EXPECT_FALSE(harness_.listener->EvictIdle(pool::TimePoint::max()));
    EXPECT_NE(Forwarded(client).find("203.0.113.9"), std::string::npos);
    client.Close();
    ASSERT_TRUE(harness_.TurnUntil([&] { return harness_.listener->sessions() == 0; }));
  }
}

// Nor when its time is up.
TEST_F(AnnouncementTest, WhatCameInTimeIsTaken) {
  Wire client = harness_.Connect();
  client.Send(std::string(kLine) + std::string(kGet));
  harness_.Advance(config::AcceptedProxies().timeout);
  EXPECT_NE(Forwarded(client).find("203.0.113.9"), std::string::npos);
}

class CappedAnnouncementTest : public AnnouncementTest {
 protected:
  CappedAnnouncementTest()
      : AnnouncementTest(std::string(kProxies) + ", max_connections_per_client: 1") {}
  size_t sessions() { return harness_.listener->sessions(); }
};

TEST_F(CappedAnnouncementTest, WhoIsAnnouncedIsCounted) {
  Wire first = harness_.Connect();
  first.Send(kLine);
  harness_.Turns(3);
  Wire second = harness_.Connect();
  second.Send(kLine);
  EXPECT_TRUE(harness_.AwaitEnd(second));
  EXPECT_EQ(harness_.Closed("client_cap"), 1u);
  EXPECT_EQ(sessions(), 1u);
  Wire other = harness_.Connect();
  other.Send("PROXY TCP4 203.0.113.10 198.51.100.2 4711 443\r\n" + std::string(kGet));
  EXPECT_NE(Forwarded(other).find("203.0.113.10"), std::string::npos);
  first.Close();
  ASSERT_TRUE(harness_.TurnUntil([&] { return sessions() == 1; }));
  Wire third = harness_.Connect();
  third.Send(std::string(kLine) + std::string(kGet));
  EXPECT_NE(Forwarded(third).find("203.0.113.9"), std::string::npos);
}

// It stands for many clients, and asks whether we are well.
TEST_F(CappedAnnouncementTest, TheProxyItselfIsNotCounted) {
  std::vector<Wire> proxies;
  for (const std::string& header : {pool::LocalProxyHeader(ProxyVersion::kV2),
                                    pool::LocalProxyHeader(ProxyVersion::kV1), std::string()}) {
    for (int i = 0; i < 2; ++i) {
      proxies.push_back(harness_.Connect());
      proxies.back().Send(header);
    }
  }
  harness_.Turns(5);
  EXPECT_EQ(sessions(), proxies.size());
  EXPECT_EQ(harness_.places.by_client().counted(), 0u);
}

class UnixAnnouncementTest : public AnnouncementTest {
 protected:
  UnixAnnouncementTest() : AnnouncementTest("proxy_protocol: {from: [unix]}") {}
};

TEST_F(UnixAnnouncementTest, WhoMayOpenTheSocketIsNamedSo) {
  pool::SocketPair pair = pool::UnixPair();
  Wire client = harness_.Connect(std::move(pair.ours), std::move(pair.theirs), "unix:@peer");
  client.Send(std::string(kLine) + std::string(kGet));
  EXPECT_NE(Forwarded(client).find("X-Forwarded-For: 203.0.113.9\r\n"), std::string::npos);
  Wire other = harness_.Connect();
  ASSERT_TRUE(harness_.AwaitEnd(other));
  EXPECT_EQ(harness_.Closed("proxy_refused"), 1u);
}

class TrustedAnnouncementTest : public AnnouncementTest {
 protected:
  TrustedAnnouncementTest()
      : AnnouncementTest(std::string(kProxies) + ", trusted_proxies: [192.0.2.0/24]") {}
};

// Believed is who is announced, not who announces.
TEST_F(TrustedAnnouncementTest, TheProxyLendsNobodyItsTrust) {
  Wire client = harness_.Connect();
  client.Send(std::string(kLine) +
              "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n");
  EXPECT_NE(Forwarded(client).find("X-Forwarded-For: 203.0.113.9\r\n"), std::string::npos);
  Wire other = harness_.Connect();
  other.Send(
      "PROXY TCP4 192.0.2.99 198.51.100.2 4711 443\r\n"
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n");
  EXPECT_NE(Forwarded(other).find("X-Forwarded-For: 10.0.0.1, 192.0.2.99\r\n"), std::string::npos);
}

// Only LOCAL says that it asks for itself.
TEST_F(TrustedAnnouncementTest, TheProxyIsTrustedWhenItAsksForItselfAlone) {
  constexpr std::string_view kSaying =
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n";
  Wire local = harness_.Connect();
  local.Send(pool::LocalProxyHeader(ProxyVersion::kV2) + std::string(kSaying));
  EXPECT_NE(Forwarded(local).find("X-Forwarded-For: 10.0.0.1, 192.0.2.7\r\n"), std::string::npos);
  for (const ProxyVersion version : {ProxyVersion::kV1, ProxyVersion::kV2}) {
    Wire unnamed = harness_.Connect();
    unnamed.Send(pool::ProxyHeaderFor(version, {}) + std::string(kSaying));
    EXPECT_NE(Forwarded(unnamed).find("X-Forwarded-For: 192.0.2.7\r\n"), std::string::npos);
    // A reload makes it no other.
    harness_.listener->Configure(std::make_shared<config::Listener>(harness_.listener->config()),
                                 harness_.listener->index());
    unnamed.Send(kSaying);
    EXPECT_NE(Forwarded(unnamed).find("X-Forwarded-For: 192.0.2.7\r\n"), std::string::npos);
  }
}

class RecordTransports final : public ClientTransports {
 public:
  std::unique_ptr<pool::Transport> MakeFor(pool::FileDescriptor& socket,
                                           const config::Listener&) override {
    return std::make_unique<Record>(std::move(socket), /*server=*/true);
  }
  void OnEstablished(const config::Listener&, const pool::Handshake&) override {}
  void OnTimeout(const config::Listener&) override {}
  std::string_view PlainAnswer(const char*) override { return {}; }
};

// All that follows the header is the transport's, though it came in the same segment.
TEST_F(AnnouncementTest, TheHeaderComesBeforeTheTransport) {
  RecordTransports transports;
  harness_.context.client_transports = &transports;
  Wire client = harness_.Connect();
  client.Send(std::string(kLine) + Record::Record(Record::Type::kHello));
  harness_.Await(client, Record::Record(Record::Type::kHello));
  client.Take();
  EXPECT_EQ(harness_.Level(Metric::kClientConnections, {"edge", "active"}), 1);
  client.Send(Record::Record(Record::Type::kFinished) + Record::Record(Record::Type::kData, kGet));
  Wire upstream = harness_.Accept();
  EXPECT_NE(harness_.Await(upstream, kHeadEnd).find("X-Forwarded-For: 203.0.113.9\r\n"),
            std::string::npos);
}

}  // namespace
}  // namespace holdfast::proxy
