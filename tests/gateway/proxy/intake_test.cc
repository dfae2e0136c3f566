#include "gateway/proxy/intake.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/proxy/http1_session.h"
#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/pool/net/record_transport.h"
#include "tests/pool/net/socket_pair.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using pool::RecordTransport;
using Type = RecordTransport::Type;

class RecordTransports final : public ClientTransports {
 public:
  std::unique_ptr<pool::Transport> MakeFor(pool::FileDescriptor& socket,
                                           const config::Listener&) override {
    return std::make_unique<RecordTransport>(std::move(socket), /*server=*/true);
  }
  void OnEstablished(const config::Listener&, const pool::Handshake& handshake) override {
    told.emplace_back(handshake.failure == nullptr ? "ok" : handshake.failure);
  }
  void OnTimeout(const config::Listener&) override { told.emplace_back("timeout"); }
  std::string_view PlainAnswer(const char*) override { return {}; }

  std::vector<std::string> told;
};

// Clients of a listener whose connections are not the sockets themselves.
class IntakeTest : public testing::Test {
 protected:
  IntakeTest() : harness_(Config()) { harness_.context.client_transports = &transports_; }
  static HarnessConfig Config() {
    return {.routes =
                "- {match: {path: /own}, respond: {status: 200, body: hi}}\n"
                "  - {match: {path_prefix: /}, upstream: web}\n"};
  }

  // A client that has established its connection.
  Wire Client() {
    Wire client = harness_.Connect();
    client.Send(RecordTransport::Record(Type::kHello));
    harness_.Await(client, RecordTransport::Record(Type::kHello));
    client.Take();
    client.Send(RecordTransport::Record(Type::kFinished));
    harness_.Turns(3);
    return client;
  }
  static std::string Data(std::string_view bytes) {
    return RecordTransport::Record(Type::kData, bytes);
  }
  // The data of all records that were received.
  static std::string DataOf(std::string_view records) {
    std::string data;
    while (records.size() >= RecordTransport::kHeaderBytes) {
      const size_t size = static_cast<size_t>(static_cast<uint8_t>(records[1])) << 8 |
                          static_cast<uint8_t>(records[2]);
      if (records[0] == static_cast<char>(Type::kData)) {
        data += records.substr(RecordTransport::kHeaderBytes, size);
      }
      records.remove_prefix(std::min(records.size(), RecordTransport::kHeaderBytes + size));
    }
    return data;
  }
  bool AwaitData(Wire& client, std::string_view last) {
    return harness_.TurnUntil([&] {
      client.Pull();
      return DataOf(client.received()).ends_with(last);
    });
  }

  RecordTransports transports_;
  ProxyHarness harness_;
};

constexpr std::string_view kOwn = "GET /own HTTP/1.1\r\nHost: a\r\n\r\n";

TEST_F(IntakeTest, AClientIsServedOnceItsConnectionIsEstablished) {
  Wire client = Client();
  EXPECT_EQ(harness_.Level(Metric::kClientConnections, {"edge", "idle"}), 1);
  client.Send(Data(kOwn));
  EXPECT_TRUE(AwaitData(client, "\r\n\r\nhi"));
  client.Take();
  client.Send(Data(kOwn.substr(0, 10)) + Data(kOwn.substr(10)));
  EXPECT_TRUE(AwaitData(client, "\r\n\r\nhi")) << "and again";
  EXPECT_EQ(transports_.told, std::vector<std::string>{"ok"});
}

// Its bytes lie inside the transport by then, where no readiness tells of them.
TEST_F(IntakeTest, ARequestMayComeWithTheLastStep) {
  Wire client = harness_.Connect();
  client.Send(RecordTransport::Record(Type::kHello));
  harness_.Await(client, RecordTransport::Record(Type::kHello));
  client.Take();
  client.Send(RecordTransport::Record(Type::kFinished) + Data(kOwn));
  EXPECT_TRUE(AwaitData(client, "\r\n\r\nhi"));
}

TEST_F(IntakeTest, TheLastResponseIsFollowedByTheEnd) {
  const std::string end = RecordTransport::Record(Type::kEnd);
  Wire client = Client();
  client.Send(Data("GET /own HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  const std::string got = harness_.Await(client, end);
  EXPECT_TRUE(DataOf(got).ends_with("\r\n\r\nhi"));
  EXPECT_EQ(got.find(end), got.size() - end.size());
  EXPECT_TRUE(harness_.AwaitEnd(client));
  EXPECT_EQ(client.received(), "") << "it is told once";
}

TEST_F(IntakeTest, ARequestIsProxied) {
  Wire client = Client();
  client.Send(Data(kGet));
  Wire upstream = harness_.Accept();
  harness_.Await(upstream, kHeadEnd);
  upstream.Send(kOk);
  EXPECT_TRUE(AwaitData(client, "\r\n\r\nok"));
}

// A question under a request's body is answered before the body goes on.
TEST_F(IntakeTest, ABodyGoesOnAfterAQuestion) {
  Wire client = Client();
  client.Send(Data("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc"));
  Wire upstream = harness_.Accept();
  harness_.Await(upstream, "\r\n\r\nabc");
  client.Send(RecordTransport::Record(Type::kQuestion) + Data("def"));
  harness_.Await(upstream, "def");
  upstream.Send(kOk);
  EXPECT_TRUE(AwaitData(client, "\r\n\r\nok"));
  EXPECT_TRUE(client.received().starts_with(RecordTransport::Record(Type::kAnswer)));
}

TEST_F(IntakeTest, TicketsOfAnIdleClientAreNothing) {
  Wire client = Client();
  client.Send(RecordTransport::Record(Type::kTicket));
  harness_.Turns(3);
  client.Send(Data(kOwn));
  EXPECT_TRUE(AwaitData(client, "\r\n\r\nhi"));
}

TEST_F(IntakeTest, AClientThatEndsInOrderIsClosed) {
  Wire client = Client();
  client.Send(RecordTransport::Record(Type::kEnd));
  client.End();
  EXPECT_TRUE(harness_.AwaitEnd(client));
  EXPECT_EQ(harness_.Closed("client_closed"), 1u);
}

TEST_F(IntakeTest, OneThatDoesNotGoOnIsClosedInTime) {
  Wire client = harness_.Connect();
  client.Send(RecordTransport::Record(Type::kHello));
  harness_.Await(client, RecordTransport::Record(Type::kHello));
  EXPECT_EQ(harness_.Level(Metric::kClientConnections, {"edge", "active"}), 1);
  harness_.Advance(config::ListenerTls().handshake_timeout);
  EXPECT_TRUE(harness_.AwaitEnd(client));
  EXPECT_EQ(harness_.Closed("tls_handshake_timeout"), 1u);
  EXPECT_EQ(transports_.told, std::vector<std::string>{"timeout"});
  EXPECT_EQ(harness_.Level(Metric::kClientConnections, {"edge", "active"}), 0);
}

TEST_F(IntakeTest, OneThatSpeaksOtherwiseIsClosed) {
  Wire client = harness_.Connect();
  client.Send(Data(kOwn));
  EXPECT_TRUE(harness_.AwaitEnd(client));
  EXPECT_EQ(harness_.Closed("tls_failed"), 1u);
  EXPECT_EQ(harness_.listener->sessions(), 0u) << "its place is free";
}

TEST_F(IntakeTest, ADrainWaitsALittleForOneThatIsNotEstablished) {
  Wire client = harness_.Connect();
  harness_.context.sessions.front()->BeginDrain();
  harness_.Advance(Intake::kLeavingPatience - std::chrono::milliseconds(50));
  EXPECT_EQ(harness_.listener->sessions(), 1u);
  harness_.Advance(std::chrono::milliseconds(100));
  EXPECT_TRUE(harness_.AwaitEnd(client));
  EXPECT_EQ(harness_.Closed("drained"), 1u);
}

TEST_F(IntakeTest, OneThatShakesHandsInADrainIsServedOnce) {
  Wire client = harness_.Connect();
  client.Send(RecordTransport::Record(Type::kHello));
  harness_.Await(client, RecordTransport::Record(Type::kHello));
  client.Take();
  harness_.listener->Retire(harness_.context.view);
  harness_.listener->Leave();
  harness_.context.sessions.front()->BeginDrain();
  client.Send(RecordTransport::Record(Type::kFinished));
  harness_.Turns(3);
  client.Send(Data(kOwn));
  EXPECT_TRUE(AwaitData(client, "\r\n\r\nhi"));
  EXPECT_TRUE(harness_.AwaitEnd(client));
}

TEST_F(IntakeTest, OneThatShakesHandsInADrainAndAsksForNothingIsClosed) {
  Wire client = harness_.Connect();
  client.Send(RecordTransport::Record(Type::kHello));
  harness_.Await(client, RecordTransport::Record(Type::kHello));
  harness_.listener->Retire(harness_.context.view);
  harness_.listener->Leave();
  harness_.context.sessions.front()->BeginDrain();
  client.Send(RecordTransport::Record(Type::kFinished));
  harness_.Turns(3);
  EXPECT_EQ(harness_.listener->sessions(), 1u);
  harness_.Advance(Http1Session::kLeavingHeadPatience + std::chrono::milliseconds(50));
  EXPECT_TRUE(harness_.AwaitEnd(client));
  EXPECT_EQ(harness_.Closed("drained"), 1u);
}

TEST_F(IntakeTest, EveryHandshakeIsCountedWhileItLasts) {
  Wire client = harness_.Connect();
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.context.handshakes.count() == 1; }));
  client.Send(RecordTransport::Record(Type::kHello) + RecordTransport::Record(Type::kFinished));
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.context.handshakes.count() == 0; }));
  Wire second = harness_.Connect();
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.context.handshakes.count() == 1; }));
  second.Close();
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.context.handshakes.count() == 0; }));
}

TEST_F(IntakeTest, EveryPlaceIsGivenBackOnce) {
  for (int i = 0; i < 3; ++i) {
    Wire client = Client();
    EXPECT_EQ(harness_.listener->sessions(), 1u);
    EXPECT_EQ(harness_.context.sessions.size(), 1u);
    client.Close();
    ASSERT_TRUE(harness_.TurnUntil([&] { return harness_.listener->sessions() == 0; }));
  }
  EXPECT_EQ(harness_.Level(Metric::kClientConnections, {"edge", "idle"}), 0);
  EXPECT_EQ(harness_.Level(Metric::kClientConnections, {"edge", "active"}), 0);
}

}  // namespace
}  // namespace holdfast::proxy
