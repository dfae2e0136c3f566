#include "gateway/proxy/plain_notice.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/proxy/intake.h"
#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/pool/net/record_transport.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using pool::RecordTransport;

// Whoever does not speak in records is told so.
class TellingTransports final : public ClientTransports {
 public:
  std::unique_ptr<pool::Transport> MakeFor(pool::FileDescriptor& socket,
                                           const config::Listener&) override {
    return std::make_unique<RecordTransport>(std::move(socket), /*server=*/true);
  }
  void OnEstablished(const config::Listener&, const pool::Handshake&) override {}
  void OnTimeout(const config::Listener&) override {}
  std::string_view PlainAnswer(const char*) override { return "speak in records"; }
};

class PlainNoticeTest : public testing::Test {
 protected:
  PlainNoticeTest() { harness_.context.client_transports = &transports_; }

  // A client that was told.
  Wire Told() {
    Wire client = harness_.Connect();
    client.Send(RecordTransport::Record(RecordTransport::Type::kData, "GET / HTTP/1.1"));
    EXPECT_TRUE(harness_.AwaitEnd(client));
    EXPECT_EQ(client.Take(), "speak in records");
    EXPECT_FALSE(client.reset());
    return client;
  }
  uint64_t Closed(const std::string& reason) { return harness_.Closed(reason); }

  TellingTransports transports_;
  ProxyHarness harness_;
};

TEST_F(PlainNoticeTest, IsToldAndHeardOut) {
  Wire client = Told();
  EXPECT_EQ(harness_.Level(Metric::kClientConnections, {"edge", "active"}), 1);
  for (int i = 0; i < 20; ++i) {
    client.Send(std::string(10'000, 'x'));
    harness_.Turns(3);
  }
  client.Pull();
  EXPECT_FALSE(client.reset());
  client.Close();
  harness_.Turns(3);
  EXPECT_EQ(Closed("tls_failed"), 1u);
  EXPECT_EQ(harness_.Level(Metric::kClientConnections, {"edge", "active"}), 0);
}

TEST_F(PlainNoticeTest, NobodyIsHeardForever) {
  Wire client = Told();
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(Closed("tls_failed"), 0u);
    client.Send("more");
    harness_.Turns(3);
    harness_.Advance(PlainNotice::kPatience / 4);
  }
  harness_.Turns(3);
  EXPECT_EQ(Closed("tls_failed"), 1u);
}

// It sends as fast as it is read: others have their turns all the same.
TEST_F(PlainNoticeTest, OneThatSendsFastIsReadInTurns) {
  Wire client = Told();
  const std::string much(1'000'000, 'x');
  size_t sent = 0;
  for (int i = 0; i < 200 && sent < 3 * much.size(); ++i) {
    sent += client.SendSome(much);
    harness_.Turns(2);
  }
  EXPECT_GE(sent, 3 * much.size());
  EXPECT_EQ(Closed("tls_failed"), 0u);
  client.Close();
  EXPECT_TRUE(harness_.TurnUntil([&] { return Closed("tls_failed") == 1; }));
}

TEST_F(PlainNoticeTest, ADrainDoesNotWaitBeyondItsDeadline) {
  Wire client = Told();
  harness_.context.sessions.front()->BeginDrain();
  harness_.Turns(3);
  EXPECT_EQ(Closed("tls_failed"), 0u);
  EXPECT_FALSE(harness_.context.sessions.front()->Cut()) << "no exchange was broken off";
  harness_.Turns(3);
  EXPECT_EQ(Closed("tls_failed"), 1u);
}

TEST_F(PlainNoticeTest, AtACapItGivesWay) {
  Wire client = Told();
  EXPECT_TRUE(harness_.context.sessions.front()->GiveWay());
  harness_.Turns(3);
  EXPECT_EQ(Closed("idle_evicted"), 1u);
}

}  // namespace
}  // namespace holdfast::proxy
