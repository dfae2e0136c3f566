#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

TEST(ScriptedUpstreamTest, TheTestAnswersInBetween) {
  ScriptedUpstream upstream;
  upstream.ExpectNoConnection();
  RawClient client(upstream.address());
  client.Send(GetRequest("/x"));
  UpstreamConnection connection = upstream.Accept();
  EXPECT_EQ(connection.Answer(OkResponse("fine")).Target(), "/x");
  EXPECT_EQ(client.Response().body, "fine");
}

class AutoUpstreamTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(AutoUpstreamTest);

TEST_P(AutoUpstreamTest, AnswersKeptConnectionsByItself) {
  AutoUpstream upstream("hello");
  RawClient client(upstream.address());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Get("/").body, "hello");
  EXPECT_EQ(upstream.accepted(), 1);
  EXPECT_EQ(upstream.requests(), 3);
}

TEST_P(AutoUpstreamTest, TheHandlerDecidesWhatIsSentAndWhetherToClose) {
  AutoUpstream upstream([](const Message& request) {
    return AutoUpstream::Reply{.bytes = OkResponse(request.Target()), .close = true};
  });
  RawClient client(upstream.address());
  EXPECT_EQ(client.Get("/path").body, "/path");
  client.ExpectClosed();
}

TEST_P(AutoUpstreamTest, ServesManyAtOnce) {
  AutoUpstream upstream("x");
  std::vector<RawClient> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(upstream.address());
  for (RawClient& client : clients) client.Send(GetRequest("/"));
  for (RawClient& client : clients) EXPECT_EQ(client.Response().Status(), 200);
  EXPECT_EQ(upstream.accepted(), 20);
}

// The two ends shake hands with each other, so that one of them does so on a thread of its own.
struct TlsPair {
  TlsPair() {
    std::thread other([this] { client.emplace(upstream.address()); });
    server.emplace(upstream.Accept());
    other.join();
    // A socket that is closed with a session ticket unread ends with a reset.
    server->Send("hello");
    EXPECT_EQ(client->ReadBytes(5), "hello");
  }

  UseWire use{Wire::kTls};
  ScriptedUpstream upstream;
  std::optional<RawClient> client;
  std::optional<UpstreamConnection> server;
};

TEST(WireSocketTlsTest, BytesArriveInside) {
  TlsPair pair;
  pair.client->Send("one\r\ntwo");
  EXPECT_EQ(pair.server->ReadUntil("\r\n"), "one\r\n");
  EXPECT_EQ(pair.server->ReadBytes(3), "two");
  StreamEnd end;
  EXPECT_EQ(pair.server->ReadNow(&end), "");
  EXPECT_EQ(end, StreamEnd::kOpen);
}

TEST(WireSocketTlsTest, WhatIsNobodysDataIsQuiet) {
  TlsPair pair;
  pair.server->SendAside();
  pair.client->SendAside();
  pair.client->ExpectQuiet();
  pair.server->Send("data");
  EXPECT_EQ(pair.client->ReadBytes(4), "data");
  pair.client->Send("more");
  EXPECT_EQ(pair.server->ReadBytes(4), "more");
}

TEST(WireSocketTlsTest, AnEndInOrderIsOne) {
  TlsPair pair;
  pair.client->Close();
  pair.server->ExpectClosed();
}

TEST(WireSocketTlsTest, ACutIsNoEndInOrder) {
  TlsPair pair;
  pair.client->Cut();
  StreamEnd end;
  pair.server->ReadToEnd(&end);
  EXPECT_EQ(end, StreamEnd::kCut);
}

TEST(WireSocketTlsTest, AResetIsOne) {
  TlsPair pair;
  pair.client->Reset();
  pair.server->ExpectReset();
}

TEST(WireSocketTlsTest, WhoSaysItsEndMayStillRead) {
  TlsPair pair;
  pair.client->SendCloseNotify();
  pair.server->ExpectQuiet();  // Not before the FIN.
  pair.server->Send("late");
  EXPECT_EQ(pair.client->ReadBytes(4), "late");
  pair.client->ShutdownWrite();
  pair.server->ExpectClosed();
}

TEST(WireSocketTlsTest, WhoDoesNotSpeakItIsNoPeer) {
  ScriptedUpstream plain;
  WireSocket client = Connect(plain.address());
  UpstreamConnection server = plain.Accept();
  client.Send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_FALSE(server.BeginTls(TlsSide::kServer));
}

}  // namespace
}  // namespace holdfast::support
