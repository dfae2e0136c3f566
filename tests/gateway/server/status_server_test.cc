#include "gateway/server/status_server.h"

#include <poll.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"
#include "tests/support/raw_client.h"
#include "tests/support/temp_dir.h"

namespace holdfast::server {
namespace {

using std::chrono::seconds;
using support::GetRequest;
using support::Message;
using support::RawClient;

// Clients and server take turns on one thread; what one has sent is there for the other.
class StatusServerTest : public testing::Test {
 protected:
  StatusServerTest() {
    absl::StatusOr<pool::FileDescriptor> socket =
        pool::Listen(*pool::SocketAddress::Parse(address_), /*reuse_port=*/false);
    EXPECT_TRUE(socket.ok()) << socket.status();
    server_.emplace(&loop_, &slabs_, std::move(*socket),
                    [this](std::string_view path) { return Answer(path); });
  }
  ~StatusServerTest() override {
    server_.reset();
    loop_.DestroyAside();
  }

  StatusReply Answer(std::string_view path) {
    paths_.emplace_back(path);
    if (path == "/big") return {.body = support::Pattern(kBigBytes)};
    if (path == "/metrics") return {.content_type = "text/x", .body = "m 1\n"};
    if (path != "/healthz") {
      return {.status = 404, .reason = "no_route", .body = "There is no such page."};
    }
    return {.body = "ok\n"};
  }

  void Turns(int turns = 5) {
    for (int i = 0; i < turns; ++i) loop_.RunOnce(pool::Duration::zero());
  }
  Message Exchange(RawClient& client, std::string_view request) {
    client.Send(request);
    Turns();
    return client.Response(request.substr(0, request.find(' ')));
  }
  void Pass(pool::Duration time) {
    clock_.Advance(time);
    Turns();
  }
  void ExpectOpen(RawClient& client) {
    EXPECT_EQ(Exchange(client, GetRequest("/healthz")).Status(), 200);
  }

  // More than a socket holds.
  static constexpr size_t kBigBytes = 2 << 20;

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  pool::SlabPool slabs_;
  support::TempDir dir_;
  std::string address_ = "unix:" + dir_.Path("status");
  std::vector<std::string> paths_;
  std::optional<StatusServer> server_;
};

TEST_F(StatusServerTest, AnswersAndKeepsTheConnection) {
  RawClient client(address_);
  const Message first = Exchange(client, GetRequest("/healthz"));
  EXPECT_EQ(first.start_line, "HTTP/1.1 200 OK");
  EXPECT_EQ(first.body, "ok\n");
  EXPECT_EQ(first.Value("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(first.Value("cache-control"), "no-store");
  EXPECT_EQ(first.Value("date"), "Thu, 01 Jan 2026 00:00:00 GMT");
  EXPECT_FALSE(first.Has("connection"));
  EXPECT_FALSE(first.Has("via"));
  const Message second = Exchange(client, GetRequest("/metrics"));
  EXPECT_EQ(second.body, "m 1\n");
  EXPECT_EQ(second.Value("content-type"), "text/x");
  client.ExpectQuiet();
}

TEST_F(StatusServerTest, TheHandlerSeesThePathWithoutItsQuery) {
  RawClient client(address_);
  Exchange(client, GetRequest("/healthz?verbose=1"));
  EXPECT_EQ(paths_, std::vector<std::string>{"/healthz"});
}

TEST_F(StatusServerTest, HeadHasTheLengthAndNoBody) {
  RawClient client(address_);
  const Message head = Exchange(client, "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(head.Status(), 200);
  EXPECT_EQ(head.Value("content-length"), "3");
  client.ExpectQuiet();
  ExpectOpen(client);
}

TEST_F(StatusServerTest, OtherPathsAre404AndKeepTheConnection) {
  RawClient client(address_);
  const Message response = Exchange(client, GetRequest("/secret"));
  EXPECT_EQ(response.Status(), 404);
  EXPECT_EQ(response.body, "404 Not Found\nreason: no_route\ndetail: There is no such page.\n");
  ExpectOpen(client);
}

TEST_F(StatusServerTest, OtherMethodsAre405WithAllow) {
  RawClient client(address_);
  for (const std::string method : {"POST", "DELETE", "OPTIONS", "BREW"}) {
    const Message response = Exchange(client, method + " /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(response.Status(), 405) << method;
    EXPECT_EQ(response.Value("allow"), "GET, HEAD") << method;
    EXPECT_EQ(response.body,
              "405 Method Not Allowed\nreason: method_not_allowed\n"
              "detail: The allowed methods are: GET, HEAD.\n");
  }
  EXPECT_TRUE(paths_.empty());
  ExpectOpen(client);
}

TEST_F(StatusServerTest, ABodyIsNotReadAndEndsTheConnection) {
  for (const char* request : {"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
                              "GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                              "\r\n0\r\n\r\n"}) {
    RawClient client(address_);
    const Message response = Exchange(client, request);
    EXPECT_EQ(response.Value("connection"), "close") << request;
    Turns();
    client.ExpectClosed();
  }
}

TEST_F(StatusServerTest, AnEmptyBodyIsNone) {
  RawClient client(address_);
  Exchange(client, "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  ExpectOpen(client);
}

TEST_F(StatusServerTest, AMalformedRequestIsAnsweredAndTheConnectionClosed) {
  for (const char* request :
       {"GET /healthz HTTP/1.1\r\n\r\n", "rubbish\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    RawClient client(address_);
    const Message response = Exchange(client, request);
    EXPECT_EQ(response.Status(), 400) << request;
    EXPECT_TRUE(response.body.starts_with("400 Bad Request\nreason: refused_framing\ndetail: "))
        << response.body;
    EXPECT_EQ(response.Value("connection"), "close") << request;
    Turns();
    client.ExpectClosed();
  }
  EXPECT_TRUE(paths_.empty());
}

// What follows may be another protocol's bytes.
TEST_F(StatusServerTest, ARefusedTunnelEndsTheConnection) {
  for (const std::string_view request :
       {"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /no HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"}) {
    RawClient client(address_);
    const Message response = Exchange(client, request);
    EXPECT_GE(response.Status(), 400);
    EXPECT_EQ(response.Value("connection"), "close") << request;
    Turns();
    client.ExpectClosed();
  }
}

TEST_F(StatusServerTest, FieldNamesAreInTitleCase) {
  RawClient client(address_);
  const Message response = Exchange(client, "POST / HTTP/1.1\r\nHost: x\r\n\r\n");
  size_t fields = 0;
  for (size_t at = response.head.find("\r\n"); at + 2 < response.head.size();
       at = response.head.find("\r\n", at + 2)) {
    const char first = response.head[at + 2];
    if (first == '\r') break;
    ++fields;
    EXPECT_TRUE(first >= 'A' && first <= 'Z') << response.head.substr(at + 2);
  }
  EXPECT_GE(fields, 5u) << response.head;
}

// RFC 9110 section 9.3.2.
TEST_F(StatusServerTest, ARefusedHeadHasNoContent) {
  RawClient client(address_);
  EXPECT_EQ(Exchange(client, "HEAD /healthz HTTP/1.1\r\n\r\n").Status(), 400);
  Turns();
  client.ExpectClosed();
}

TEST_F(StatusServerTest, AHeadThatIsTooLargeIsRefused) {
  RawClient client(address_);
  client.Send("GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + std::string(64 * 1024, 'a'));
  Turns(20);
  EXPECT_EQ(client.Response().Status(), 431);
}

TEST_F(StatusServerTest, ARequestMayComeInPieces) {
  RawClient client(address_);
  for (const std::string piece : {"GET /hea", "lthz HTTP/1.1\r", "\nHost: x\r\n", "\r"}) {
    client.Send(piece);
    Turns();
    client.ExpectQuiet();
  }
  EXPECT_EQ(Exchange(client, "\n").Status(), 200);
}

TEST_F(StatusServerTest, PipelinedRequestsAreAnsweredInOrder) {
  RawClient client(address_);
  client.Send(GetRequest("/healthz") + GetRequest("/other") + GetRequest("/metrics"));
  Turns();
  EXPECT_EQ(client.Response().body, "ok\n");
  EXPECT_EQ(client.Response().Status(), 404);
  EXPECT_EQ(client.Response().body, "m 1\n");
  client.ExpectQuiet();
}

TEST_F(StatusServerTest, NothingIsAnsweredAfterConnectionClose) {
  RawClient client(address_);
  client.Send(GetRequest("/healthz", "Connection: close\r\n") + GetRequest("/metrics"));
  Turns();
  EXPECT_EQ(client.Response().Value("connection"), "close");
  EXPECT_EQ(paths_, std::vector<std::string>{"/healthz"});
}

TEST_F(StatusServerTest, AnHttp10ClientKeepsTheConnectionOnlyIfItAsks) {
  RawClient keeps(address_);
  const Message kept =
      Exchange(keeps, "GET /healthz HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(kept.Value("connection"), "keep-alive");
  ExpectOpen(keeps);
  RawClient closes(address_);
  EXPECT_EQ(Exchange(closes, "GET /healthz HTTP/1.0\r\n\r\n").body, "ok\n");
  Turns();
  closes.ExpectClosed();
}

TEST_F(StatusServerTest, AClientThatHasSentItsEndStillGetsItsAnswer) {
  RawClient client(address_);
  client.Send(GetRequest("/healthz"));
  client.ShutdownWrite();
  Turns();
  EXPECT_EQ(client.Response().Status(), 200);
  client.ExpectClosed();
}

TEST_F(StatusServerTest, SilentConnectionsDoNotShutProbesOut) {
  std::vector<RawClient> clients;
  for (size_t i = 0; i < StatusServer::kMinConnections; ++i) {
    clients.emplace_back(address_);
    Turns(2);
  }
  RawClient probe(address_);
  probe.Send(GetRequest("/healthz"));
  Turns();
  EXPECT_EQ(probe.Response().Status(), 200);
  clients.front().ExpectClosed();
  ExpectOpen(clients.back());
}

// A server on a port, so that its clients have addresses.
class StatusFloodTest : public testing::Test {
 protected:
  // As many as come within so many milliseconds at 6,000 a second.
  static constexpr size_t kPerMillisecond = 6;
  // More than the server lets one address have.
  static constexpr size_t kKept = 450;

  void Serve(size_t max_connections) {
    absl::StatusOr<pool::FileDescriptor> socket =
        pool::Listen(*pool::SocketAddress::Parse("127.0.0.1:0"), /*reuse_port=*/false);
    ASSERT_TRUE(socket.ok()) << socket.status();
    address_ = pool::LocalAddress(socket->get())->ToString();
    server_.emplace(
        &loop_, &slabs_, std::move(*socket),
        [](std::string_view) { return StatusReply{.body = "ok\n"}; }, max_connections);
  }
  ~StatusFloodTest() override {
    for (RawClient& client : flood_) client.Reset();
    server_.reset();
    loop_.DestroyAside();
  }

  void Turns(int turns = 3) {
    for (int i = 0; i < turns; ++i) loop_.RunOnce(pool::Duration::zero());
  }
  RawClient Dial(const std::string& from) {
    RawClient client(address_, {.local_address = from});
    Turns(2);
    return client;
  }
  // Silent ones from `from`; the first to come have gone by the end.
  void Flood(size_t count, const std::string& from) {
    for (size_t i = 0; i < count; ++i) {
      flood_.push_back(Dial(from));
      if (flood_.size() <= kKept) continue;
      flood_.front().Reset();  // An orderly end would hold the port for a minute.
      flood_.pop_front();
    }
  }
  void ExpectServed(RawClient& probe) {
    ASSERT_TRUE(probe.SendIfWanted(GetRequest("/healthz")));
    Turns(5);
    EXPECT_EQ(probe.Response().Status(), 200);
  }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  pool::SlabPool slabs_;
  std::string address_;
  std::deque<RawClient> flood_;
  std::optional<StatusServer> server_;
};

TEST_F(StatusFloodTest, AProbeFromElsewhereHasAllTheTimeItWants) {
  Serve(StatusServer::kMinConnections);
  Flood(200, "127.0.0.3");
  RawClient probe = Dial("127.0.0.2");
  Flood(3000, "127.0.0.3");
  ExpectServed(probe);
}

// With descriptors to spare even a probe behind the same address as the flood has its time.
TEST_F(StatusFloodTest, AProbeOfTheSameAddressHasItsTime) {
  Serve(StatusServer::kMaxConnections);
  Flood(1000, "127.0.0.3");
  for (int i = 0; i < 3; ++i) {
    RawClient probe = Dial("127.0.0.3");
    Flood(40 * kPerMillisecond, "127.0.0.3");
    ExpectServed(probe);
  }
}

TEST_F(StatusFloodTest, WhoHasSentAnythingStays) {
  Serve(StatusServer::kMinConnections);
  RawClient begun = Dial("127.0.0.3");
  begun.Send("GET /healthz HT");
  Turns();
  RawClient kept = Dial("127.0.0.3");
  ExpectServed(kept);
  RawClient unheard = Dial("127.0.0.3");
  unheard.Send("G");  // and the loop has not heard of it
  Flood(500, "127.0.0.3");
  Flood(500, "127.0.0.4");
  ExpectServed(kept);
  begun.Send("TP/1.1\r\nHost: x\r\n\r\n");
  Turns();
  EXPECT_EQ(begun.Response().Status(), 200);
  unheard.Send("ET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  Turns();
  EXPECT_EQ(unheard.Response().Status(), 200);
}

TEST_F(StatusFloodTest, OneAddressCannotHaveAllPlacesByTalking) {
  Serve(StatusServer::kMinConnections);
  std::vector<RawClient> talkers;
  for (size_t i = 0; i < StatusServer::kMinConnections; ++i) {
    talkers.push_back(Dial("127.0.0.3"));
    talkers.back().SendIfWanted("GET ");
    Turns(2);
  }
  EXPECT_NE(talkers.back().AwaitInput(), support::StreamEnd::kOpen);
  RawClient probe = Dial("127.0.0.2");
  ExpectServed(probe);
  talkers.front().ExpectQuiet();
}

TEST_F(StatusFloodTest, TwoAddressesThatTalkCannotHaveAllPlacesEither) {
  Serve(StatusServer::kMinConnections);
  RawClient scraper = Dial("127.0.0.3");
  ExpectServed(scraper);
  std::vector<RawClient> talkers;
  for (const char* from : {"127.0.0.3", "127.0.0.4"}) {
    for (size_t i = 0; i < StatusServer::kMinConnections; ++i) {
      talkers.push_back(Dial(from));
      talkers.back().SendIfWanted("GET ");
      Turns(2);
    }
  }
  RawClient probe = Dial("127.0.0.2");
  ExpectServed(probe);
  // They come again, and are turned away: it is theirs to give.
  for (int i = 0; i < 10; ++i) {
    talkers.push_back(Dial("127.0.0.3"));
    talkers.back().SendIfWanted("GET ");
    Turns(2);
  }
  ExpectServed(probe);
  // One that has been served is the last to go.
  ExpectServed(scraper);
}

TEST_F(StatusFloodTest, AddressesThatTalkEndWithEqualShares) {
  Serve(StatusServer::kMinConnections);
  std::map<std::string, std::vector<RawClient>> talkers;
  for (const char* from : {"127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6"}) {
    for (size_t i = 0; i < StatusServer::kMinConnections; ++i) {
      talkers[from].push_back(Dial(from));
      talkers[from].back().SendIfWanted("GET /healthz HTTP/1.1\r\nHost: x\r\n");
      Turns(2);
    }
  }
  for (auto& [from, clients] : talkers) {
    size_t served = 0;
    for (RawClient& client : clients) {
      if (!client.SendIfWanted("\r\n")) continue;
      Turns(2);
      if (client.AwaitInput() == support::StreamEnd::kOpen) ++served;
    }
    EXPECT_NEAR(static_cast<double>(served), StatusServer::kMinConnections / 4.0, 1) << from;
  }
}

TEST_F(StatusServerTest, AClientThatSaysNothingIsClosedAfterTheTimeout) {
  RawClient client(address_);
  Turns();
  Pass(StatusServer::kTimeout - seconds(1));
  client.ExpectQuiet();
  Pass(seconds(1) + pool::TimerWheel::kTick);
  client.ExpectClosed();
}

TEST_F(StatusServerTest, BytesOfAHeadDoNotProlongTheTimeout) {
  RawClient client(address_);
  Turns();
  for (const char byte : std::string("GET /healthz")) {
    client.Send(std::string(1, byte));
    Pass(StatusServer::kTimeout / 12);
  }
  Pass(pool::TimerWheel::kTick);
  client.ExpectClosed();
}

TEST_F(StatusServerTest, AnAnswerBeginsTheTimeoutAnew) {
  RawClient client(address_);
  for (int i = 0; i < 4; ++i) {
    ExpectOpen(client);
    Pass(StatusServer::kTimeout - seconds(1));
  }
  ExpectOpen(client);
}

TEST_F(StatusServerTest, ASlowReaderGetsABigBodyWhole) {
  RawClient client(address_);
  RawClient other(address_);
  client.Send(GetRequest("/big") + GetRequest("/healthz"));
  Turns();
  ExpectOpen(other);  // nobody else waits for it
  std::string body;
  client.ReadUntil("\r\n\r\n");
  const auto readable = [&] {
    return client.has_input() ||
           support::AwaitReady(client.fd(), POLLIN, support::Deadline(std::chrono::seconds(0)));
  };
  EXPECT_TRUE(support::Eventually([&] {
    while (body.size() < kBigBytes && readable()) body += client.ReadSome(kBigBytes - body.size());
    Turns(1);
    return body.size() == kBigBytes;
  }));
  EXPECT_TRUE(body == support::Pattern(kBigBytes));
  Turns();
  EXPECT_EQ(client.Response().body, "ok\n");
}

TEST_F(StatusServerTest, AReaderThatStopsIsCutOff) {
  RawClient client(address_);
  client.Send(GetRequest("/big"));
  Turns();
  Pass(StatusServer::kTimeout + pool::TimerWheel::kTick);
  support::StreamEnd end;
  EXPECT_LT(client.ReadToEnd(&end).size(), kBigBytes);
  EXPECT_NE(end, support::StreamEnd::kOpen);
}

TEST_F(StatusServerTest, DestructionClosesEverything) {
  RawClient idle(address_);
  RawClient busy(address_);
  busy.Send(GetRequest("/big"));
  Turns();
  server_.reset();
  loop_.DestroyAside();
  idle.ExpectClosed();
  support::StreamEnd end;
  busy.ReadToEnd(&end);
  EXPECT_NE(end, support::StreamEnd::kOpen);
}

}  // namespace
}  // namespace holdfast::server
