#include "gateway/proxy/health_probe.h"

#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/temp_dir.h"
#include "tests/support/unserved_address.h"
#include "tests/support/wire_socket.h"

namespace holdfast::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using support::Message;
using support::OkResponse;
using support::Pattern;
using support::RefusingAddress;
using support::ScriptedUpstream;
using support::SilentAddress;
using support::UpstreamConnection;

// A probe and its endpoint take turns on one thread.
class HealthProbeTest : public testing::Test {
 protected:
  ~HealthProbeTest() override {
    probe_.reset();
    loop_.DestroyAside();
  }

  void Aim(const std::string& address, bool keep = true, const HealthProbe::Limits& limits = {}) {
    const pool::EndpointKey key{"web", *pool::SocketAddress::Parse(address)};
    probe_ = std::make_unique<HealthProbe>(&loop_, &slabs_, &dialer_, key, keep, limits,
                                           [this](ProbeResult result) { result_ = result; });
  }
  void Start() {
    if (probe_ == nullptr) Aim(upstream_.address());
    result_.reset();
    probe_->Start(check_, "web.test:81");
    EXPECT_EQ(result_, std::nullopt) << "never within Start";
  }
  void Turns(int turns = 4) {
    for (int i = 0; i < turns; ++i) loop_.RunOnce(pool::Duration::zero());
  }
  // Turns until a result is there.
  std::optional<ProbeResult> Result() {
    const support::Deadline deadline;
    while (!result_.has_value() && !deadline.passed()) {
      Turns(1);
      std::this_thread::yield();
    }
    return result_;
  }
  // The endpoint's side of a new connection, once the request is under way.
  UpstreamConnection Accepted() {
    UpstreamConnection connection = upstream_.Accept();
    Turns();
    return connection;
  }
  // A check whose answer is `response`; returns the endpoint's connection.
  UpstreamConnection Check(std::string_view response) {
    Start();
    UpstreamConnection connection = Accepted();
    connection.Answer(response);
    Result();
    return connection;
  }
  // What comes of `response` and the end of the connection after it.
  std::optional<ProbeResult> ResultOf(std::string_view response) {
    Start();
    UpstreamConnection connection = Accepted();
    connection.Answer(response);
    connection.Close();
    return Result();
  }

  pool::ManualClock clock_;
  pool::SlabPool slabs_;
  pool::EventLoop loop_{&clock_};
  pool::SocketDialer dialer_{&loop_, &slabs_};
  config::HealthCheck check_;
  ScriptedUpstream upstream_;
  std::optional<ProbeResult> result_;
  std::unique_ptr<HealthProbe> probe_;
};

TEST_F(HealthProbeTest, HeadsMayBeAsLargeAsTheUpstreamSays) {
  const std::string large = OkResponse("", "A: " + std::string(40 * 1024, 'a') + "\r\n");
  std::string many;
  for (int i = 0; i < 10; ++i) many += "B: b\r\n";
  many = OkResponse("", many);
  EXPECT_EQ(ResultOf(large), ProbeResult::kBadResponse);
  EXPECT_EQ(ResultOf(many), ProbeResult::kOk);
  Aim(upstream_.address(), true, {.head_bytes = 64 * 1024, .fields = 5});
  EXPECT_EQ(ResultOf(large), ProbeResult::kOk);
  EXPECT_EQ(ResultOf(many), ProbeResult::kBadResponse);
}

TEST_F(HealthProbeTest, SendsWhatAServerExpects) {
  check_.path = "/healthz?deep=1";
  Start();
  EXPECT_TRUE(probe_->running());
  UpstreamConnection connection = Accepted();
  const Message request = connection.Answer(OkResponse("fine"));
  EXPECT_EQ(request.start_line, "GET /healthz?deep=1 HTTP/1.1");
  EXPECT_EQ(request.fields.front().first, "Host");
  EXPECT_EQ(request.Value("Host"), "web.test:81");
  EXPECT_EQ(request.Value("User-Agent"), "holdfast-health-check");
  EXPECT_EQ(Result(), ProbeResult::kOk);
  EXPECT_FALSE(probe_->running());
}

TEST_F(HealthProbeTest, TheCheckMayNameItsHost) {
  check_.host = "inner.test";
  Start();
  UpstreamConnection connection = Accepted();
  EXPECT_EQ(connection.Answer(OkResponse("x")).Value("Host"), "inner.test");
}

TEST_F(HealthProbeTest, AStatusOfTheRangeIsGoodAndAnyOtherBad) {
  check_.min_status = 200;
  check_.max_status = 299;
  for (const auto& [status, expected] :
       std::vector<std::pair<std::string, ProbeResult>>{{"200 OK", ProbeResult::kOk},
                                                        {"299 X", ProbeResult::kOk},
                                                        {"300 X", ProbeResult::kBadStatus},
                                                        {"404 No", ProbeResult::kBadStatus},
                                                        {"503 No", ProbeResult::kBadStatus}}) {
    EXPECT_EQ(ResultOf("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n"), expected) << status;
  }
}

TEST_F(HealthProbeTest, ChecksShareOneConnection) {
  UpstreamConnection connection = Check(OkResponse("fine"));
  for (int i = 0; i < 3; ++i) {
    Start();
    Turns();
    connection.Answer("HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n");
    EXPECT_EQ(Result(), ProbeResult::kBadStatus) << "it is the connection that is fine";
  }
  upstream_.ExpectNoConnection();
}

TEST_F(HealthProbeTest, AKeptConnectionThatTheEndpointClosedIsReplaced) {
  for (int i = 0; i < 3; ++i) {
    UpstreamConnection connection = Check(OkResponse("fine"));
    EXPECT_EQ(result_, ProbeResult::kOk);
    connection.Close();
    Turns();
  }
}

TEST_F(HealthProbeTest, AKeptConnectionThatDiesUnderACheckCostsNothing) {
  UpstreamConnection connection = Check(OkResponse("fine"));
  Start();
  Turns();
  connection.Request();
  connection.Reset();
  Turns();
  UpstreamConnection fresh = Accepted();
  fresh.Answer(OkResponse("fine"));
  EXPECT_EQ(Result(), ProbeResult::kOk);
}

TEST_F(HealthProbeTest, AKeptConnectionIsForgivenOnce) {
  UpstreamConnection connection = Check(OkResponse("fine"));
  Start();
  Turns();
  connection.Request();
  connection.Close();
  Turns();
  UpstreamConnection fresh = Accepted();
  fresh.Request();
  fresh.Close();
  EXPECT_EQ(Result(), ProbeResult::kClosed);
  upstream_.ExpectNoConnection();
}

TEST_F(HealthProbeTest, AnAnswerThatBreaksOffOnAKeptConnectionIsAFailure) {
  UpstreamConnection connection = Check(OkResponse("fine"));
  Start();
  Turns();
  connection.Request();
  connection.Send("HTTP/1.1 200");
  connection.Close();
  EXPECT_EQ(Result(), ProbeResult::kClosed);
}

TEST_F(HealthProbeTest, BytesThatNobodyAskedForSpoilTheConnection) {
  UpstreamConnection connection = Check(OkResponse("fine"));
  connection.Send("HTTP/1.1 408 Late\r\n\r\n");
  Turns();
  EXPECT_NE(connection.AwaitInput(), support::StreamEnd::kOpen);
  Check(OkResponse("fine"));
  EXPECT_EQ(result_, ProbeResult::kOk);
}

TEST_F(HealthProbeTest, BytesBehindTheResponseSpoilTheConnection) {
  UpstreamConnection connection = Check(OkResponse("fine") + "more");
  EXPECT_EQ(result_, ProbeResult::kOk);
  connection.ExpectClosed();
}

TEST_F(HealthProbeTest, AConnectionIsNotKeptAgainstTheEndpointsWord) {
  UpstreamConnection connection = Check(OkResponse("fine", "Connection: close\r\n"));
  EXPECT_EQ(result_, ProbeResult::kOk);
  connection.ExpectClosed();
}

TEST_F(HealthProbeTest, AConnectionIsNotKeptAgainstOurs) {
  Aim(upstream_.address(), /*keep=*/false);
  UpstreamConnection connection = Check(OkResponse("fine"));
  EXPECT_EQ(result_, ProbeResult::kOk);
  connection.ExpectClosed();
}

TEST_F(HealthProbeTest, ABodyUpToTheConnectionsEndIsRead) {
  EXPECT_EQ(ResultOf("HTTP/1.0 200 OK\r\n\r\nall of it"), ProbeResult::kOk);
}

TEST_F(HealthProbeTest, ALargeBodyIsReadAndItsConnectionKept) {
  UpstreamConnection connection = Check(OkResponse(Pattern(HealthProbe::kMaxBodyBytes)));
  EXPECT_EQ(result_, ProbeResult::kOk);
  Start();
  Turns();
  connection.Answer(OkResponse("fine"));
  EXPECT_EQ(Result(), ProbeResult::kOk);
}

TEST_F(HealthProbeTest, OfALongerBodyTheStatusCounts) {
  Start();
  UpstreamConnection connection = Accepted();
  connection.Request();
  connection.TrySend(OkResponse(Pattern(4 * HealthProbe::kMaxBodyBytes)));
  EXPECT_EQ(Result(), ProbeResult::kOk);
  EXPECT_NE(connection.AwaitInput(), support::StreamEnd::kOpen);
}

TEST_F(HealthProbeTest, AnInterimResponseIsNotTheAnswer) {
  EXPECT_EQ(ResultOf("HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"),
            ProbeResult::kBadStatus);
}

TEST_F(HealthProbeTest, WhatIsNoResponseIsAFailure) {
  std::string endless;
  for (int i = 0; i < 20; ++i) endless += "HTTP/1.1 100 Continue\r\n\r\n";
  for (const std::string& answer :
       {std::string("220 mail.test ready\r\n\r\n"), std::string("HTTP/1.1 200 OK\nA: b\n\n"),
        std::string(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), endless}) {
    EXPECT_EQ(ResultOf(answer), ProbeResult::kBadResponse) << answer;
  }
}

TEST_F(HealthProbeTest, AConnectionThatEndsTooEarlyIsAFailure) {
  EXPECT_EQ(ResultOf(""), ProbeResult::kClosed);
  EXPECT_EQ(ResultOf("HTTP/1.1 200 OK\r\n"), ProbeResult::kClosed);
  EXPECT_EQ(ResultOf("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfo"), ProbeResult::kClosed);
}

TEST_F(HealthProbeTest, ARefusedConnectionIsAFailure) {
  const RefusingAddress nobody;
  Aim(nobody.address().ToString());
  Start();
  EXPECT_EQ(Result(), ProbeResult::kConnectFailed);
  Start();
  EXPECT_EQ(Result(), ProbeResult::kConnectFailed);
}

TEST_F(HealthProbeTest, AConnectThatHangsTimesOut) {
  const SilentAddress silent;
  Aim(silent.text());
  Start();
  Turns();
  clock_.Advance(check_.timeout - milliseconds(10));
  Turns();
  EXPECT_TRUE(probe_->running());
  clock_.Advance(milliseconds(20));
  EXPECT_EQ(Result(), ProbeResult::kTimeout);
}

// The server is busy, which is no failure as long as it gets to it in time.
TEST_F(HealthProbeTest, AUnixSocketWithAFullBacklogIsTriedAgain) {
  const support::TempDir dir;
  const std::string address = "unix:" + dir.Path("origin");
  const int listener = support::Listen(address, /*backlog=*/0);
  const support::WireSocket filler = support::Connect(address);
  Aim(address);
  Start();
  Turns();
  clock_.Advance(check_.timeout - milliseconds(100));
  Turns();
  EXPECT_TRUE(probe_->running());
  const support::WireSocket first(accept(listener, nullptr, nullptr));
  clock_.Advance(milliseconds(60));
  Turns();
  UpstreamConnection connection(accept(listener, nullptr, nullptr));
  connection.Answer(OkResponse("fine"));
  EXPECT_EQ(Result(), ProbeResult::kOk);
  close(listener);
}

TEST_F(HealthProbeTest, TheTimeoutIsForTheWholeCheck) {
  Start();
  UpstreamConnection connection = Accepted();
  connection.Request();
  connection.Send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfi");
  Turns();
  clock_.Advance(check_.timeout - milliseconds(10));
  Turns();
  connection.Send("n");
  Turns();
  clock_.Advance(milliseconds(20));
  EXPECT_EQ(Result(), ProbeResult::kTimeout);
  connection.ExpectClosed();
  Check(OkResponse("fine"));
  EXPECT_EQ(result_, ProbeResult::kOk) << "and the next begins on a fresh connection";
}

TEST_F(HealthProbeTest, ATcpCheckIsContentWithAConnection) {
  check_.type = config::HealthCheck::Type::kTcp;
  Start();
  EXPECT_EQ(Result(), ProbeResult::kOk);
  UpstreamConnection connection = upstream_.Accept();
  connection.ExpectClosed();
  const RefusingAddress nobody;
  Aim(nobody.address().ToString());
  Start();
  EXPECT_EQ(Result(), ProbeResult::kConnectFailed);
}

TEST_F(HealthProbeTest, UnixSocketsAreChecked) {
  const support::TempDir dir;
  ScriptedUpstream upstream("unix:" + dir.Path("origin"));
  Aim(upstream.address());
  Start();
  UpstreamConnection connection = upstream.Accept();
  Turns();  // A connect is over in the next turn at the soonest.
  connection.Answer(OkResponse("fine"));
  EXPECT_EQ(Result(), ProbeResult::kOk);
  Aim("unix:" + dir.Path("nobody"));
  Start();
  EXPECT_EQ(Result(), ProbeResult::kConnectFailed);
}

TEST_F(HealthProbeTest, DestructionEndsACheckWithoutAWord) {
  Start();
  UpstreamConnection connection = Accepted();
  connection.Request();
  probe_.reset();
  connection.ExpectClosed();
  Turns();
  EXPECT_EQ(result_, std::nullopt);
}

TEST_F(HealthProbeTest, TheNextCheckMayBeginWithTheResult) {
  int results = 0;
  const pool::EndpointKey key{"web", *pool::SocketAddress::Parse(upstream_.address())};
  probe_ = std::make_unique<HealthProbe>(&loop_, &slabs_, &dialer_, key, /*keep=*/true,
                                         HealthProbe::Limits(), [&](ProbeResult result) {
                                           EXPECT_EQ(result, ProbeResult::kOk);
                                           if (++results < 3) probe_->Start(check_, "web.test");
                                         });
  probe_->Start(check_, "web.test");
  UpstreamConnection connection = Accepted();
  for (int i = 0; i < 3; ++i) {
    connection.Answer(OkResponse("fine"));
    Turns();
  }
  EXPECT_EQ(results, 3);
}

TEST(ProbeResultTest, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (int i = 0; i < kProbeResults; ++i) {
    names.insert(ProbeResultName(static_cast<ProbeResult>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(kProbeResults));
}

}  // namespace
}  // namespace holdfast::proxy
