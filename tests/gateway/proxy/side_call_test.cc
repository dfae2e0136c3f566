#include "gateway/proxy/side_call.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/pool/net/socket_pair.h"

namespace holdfast::proxy {
namespace {

using std::chrono::seconds;

class SideCallTest : public testing::Test, private SideCallEvents {
 protected:
  // Asks for /ask and brings the question to the backend.
  Wire Ask() {
    EXPECT_FALSE(Begin());
    Wire wire = harness_.Accept();
    EXPECT_TRUE(harness_.Await(wire, kHeadEnd).starts_with("GET /ask HTTP/1.1\r\n"));
    return wire;
  }
  bool Begin(std::string_view body = {}) { return BeginOf(call_, body); }
  bool BeginOf(SideCall& call, std::string_view body) {
    head_.method_text = http::MethodName(head_.method);
    head_.target = head_.path = "/ask";
    head_.host = head_.authority = "a";
    UpstreamCall::Request request;
    request.cluster = harness_.cluster.get();
    request.policy = &policy_;
    request.head = &head_;
    request.facts.client_ip = "192.0.2.7";
    return call.Begin(request, seconds(5), body);
  }
  void AwaitOver() {
    EXPECT_TRUE(harness_.TurnUntil([&] { return told_ > 0; }));
    EXPECT_TRUE(call_.over());
    EXPECT_EQ(told_, 1);
  }
  void OnSideCallOver() override { ++told_; }

  ProxyHarness harness_;
  config::RetryPolicy policy_;
  http::RequestHead head_;
  int told_ = 0;
  SideCall call_{&harness_.context, this};
  SideCall discarding_{&harness_.context, this, SideCall::Answer::kDiscarded};
};

TEST_F(SideCallTest, TheAnswerIsTakenInAsAWhole) {
  Wire wire = Ask();
  wire.Send("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n");
  harness_.Turns(3);
  wire.Send("HTTP/1.1 401 Unauthorized\r\nX-One: 1\r\nConnection: x-hop\r\nX-Hop: 2\r\n");
  harness_.Turns(3);
  wire.Send("Content-Length: 4\r\n\r\nno");
  harness_.Turns(3);
  EXPECT_FALSE(call_.over());
  wire.Send("pe");
  AwaitOver();
  EXPECT_EQ(call_.failure(), Failure::kNone);
  EXPECT_EQ(call_.head().status, 401);
  EXPECT_EQ(call_.body(), "nope");
  EXPECT_EQ(call_.head().headers.FindByName("x-one")->value, "1");
  EXPECT_TRUE(call_.head().headers.FindByName("x-hop")->dropped);
}

TEST_F(SideCallTest, TheConnectionIsKeptForTheNextOne) {
  Wire wire = Ask();
  for (int i = 0; i < 3; ++i) {
    wire.Send(kOk);
    AwaitOver();
    call_.Clear();
    told_ = 0;
    EXPECT_FALSE(Begin());
    EXPECT_TRUE(harness_.Await(wire, kHeadEnd).starts_with("GET /ask HTTP/1.1\r\n"));
  }
}

TEST_F(SideCallTest, WhatTakesTooLongIsNoAnswer) {
  Wire wire = Ask();
  wire.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nno");
  harness_.Turns(3);
  harness_.Advance(seconds(6));
  AwaitOver();
  EXPECT_EQ(call_.failure(), Failure::kTotalTimeout);
  EXPECT_TRUE(harness_.AwaitEnd(wire)) << "what is left of it is nobody's";
}

TEST_F(SideCallTest, AnEndpointThatSaysNothingIsToBlame) {
  Wire wire = Ask();
  harness_.Advance(seconds(6));
  AwaitOver();
  EXPECT_EQ(call_.failure(), Failure::kFirstByteTimeout);
  EXPECT_TRUE(call_.unreached());
}

// Its body may be what a client has chosen for it to be late.
TEST_F(SideCallTest, ABodyThatIsNotTakenInTimeIsNoAnswer) {
  head_.method = http::Method::kPost;
  head_.body = http::BodyKind::kLength;
  const std::string body(16 << 20, 'b');
  head_.content_length = body.size();
  EXPECT_FALSE(Begin(body));
  Wire wire = harness_.Accept();
  harness_.Turns(20);
  harness_.Advance(seconds(6));
  AwaitOver();
  EXPECT_EQ(call_.failure(), Failure::kTotalTimeout);
  EXPECT_FALSE(call_.unreached());
}

TEST_F(SideCallTest, WhatIsTooLongIsNoAnswer) {
  Wire wire = Ask();
  wire.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 1000 && !call_.over(); ++i) {
    wire.SendSome("400\r\n" + std::string(1024, 'x') + "\r\n");
    harness_.Turn();
  }
  ASSERT_TRUE(call_.over());
  EXPECT_EQ(call_.failure(), Failure::kBodyTooLarge);
  EXPECT_LE(call_.body().size(), SideCall::kMaxBodyBytes);
}

TEST_F(SideCallTest, WhatBreaksIsNoAnswer) {
  for (const auto& [bytes, failure] : {
           std::pair{"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nno", Failure::kUpstreamTruncated},
           std::pair{"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", Failure::kUpstreamBadResponse},
           std::pair{"HTTP/1.1 200 OK\r\nContent-Le", Failure::kUpstreamHeadTruncated},
           std::pair{
               "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
               Failure::kUpstreamBadResponse},
       }) {
    Wire wire = Ask();
    wire.Send(bytes);
    harness_.Turns(3);
    wire.Close();
    AwaitOver();
    EXPECT_EQ(call_.failure(), failure) << bytes;
    EXPECT_FALSE(call_.unreached()) << bytes;
    call_.Clear();
    told_ = 0;
  }
}

TEST_F(SideCallTest, InterimAnswersHaveAnEnd) {
  Wire wire = Ask();
  std::string many;
  for (int i = 0; i < 17; ++i) many += "HTTP/1.1 103 Early Hints\r\n\r\n";
  wire.Send(many);
  AwaitOver();
  EXPECT_EQ(call_.failure(), Failure::kUpstreamBadResponse);
}

TEST_F(SideCallTest, ADeadKeptConnectionCostsNothing) {
  Wire wire = Ask();
  wire.Send(kOk);
  AwaitOver();
  call_.Clear();
  told_ = 0;
  wire.Close();
  EXPECT_FALSE(Begin());
  Wire next = harness_.Accept();
  harness_.Await(next, kHeadEnd);
  next.Send(kOk);
  AwaitOver();
  EXPECT_EQ(call_.failure(), Failure::kNone);
}

TEST_F(SideCallTest, ABodyGoesWithTheHead) {
  head_.method = http::Method::kPost;
  head_.body = http::BodyKind::kLength;
  head_.content_length = 4;
  EXPECT_FALSE(Begin("body"));
  Wire wire = harness_.Accept();
  const std::string request = harness_.Await(wire, "\r\n\r\nbody");
  EXPECT_NE(request.find("\r\nContent-Length: 4\r\n"), std::string::npos) << request;
  wire.Send(kOk);
  AwaitOver();
  EXPECT_EQ(call_.failure(), Failure::kNone);
}

TEST_F(SideCallTest, ALongBodyGoesAsItIsTaken) {
  const std::string body(1024 * 1024, 'x');
  head_.method = http::Method::kPost;
  head_.body = http::BodyKind::kLength;
  head_.content_length = body.size();
  EXPECT_FALSE(Begin(body));
  Wire wire = harness_.Accept();
  // The answer's head comes before all of it has left. Not before any of it: whoever speaks first
  // has answered something else.
  EXPECT_TRUE(harness_.TurnUntil([&] {
    wire.Pull();
    return !wire.received().empty();
  }));
  wire.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
  EXPECT_TRUE(harness_.TurnUntil([&] {
    wire.Pull();
    return wire.received().size() > body.size();
  }));
  EXPECT_TRUE(wire.received().ends_with(body));
  wire.Send("ok");
  AwaitOver();
  EXPECT_EQ(call_.failure(), Failure::kNone);
  EXPECT_EQ(call_.body(), "ok");
}

TEST_F(SideCallTest, WhatIsSentAgainHasItsBody) {
  Wire wire = Ask();
  wire.Send(kOk);
  AwaitOver();
  call_.Clear();
  told_ = 0;
  wire.Close();
  head_.method = http::Method::kPut;
  head_.body = http::BodyKind::kLength;
  head_.content_length = 4;
  EXPECT_FALSE(Begin("body"));
  Wire next = harness_.Accept();
  harness_.Await(next, "\r\n\r\nbody");
  next.Send(kOk);
  AwaitOver();
  EXPECT_EQ(call_.failure(), Failure::kNone);
}

TEST_F(SideCallTest, AnAnswerThatIsDiscardedMayBeLong) {
  SideCall& call = discarding_;
  EXPECT_FALSE(BeginOf(call, {}));
  Wire wire = harness_.Accept();
  harness_.Await(wire, kHeadEnd);
  wire.Send("HTTP/1.1 200 OK\r\nX-One: 1\r\nContent-Length: 1048576\r\n\r\n");
  size_t left = 1024 * 1024;
  EXPECT_TRUE(harness_.TurnUntil([&] {
    left -= wire.SendSome(std::string(std::min<size_t>(left, 64 * 1024), 'x'));
    return left == 0 && call.over();
  })) << left;
  EXPECT_EQ(told_, 1);
  EXPECT_EQ(call.failure(), Failure::kNone);
  EXPECT_EQ(call.head().status, 200);
  EXPECT_EQ(call.head().headers.size(), 0u);
  EXPECT_EQ(call.body(), "");
}

TEST_F(SideCallTest, ALongAnswerLeavesItsMemory) {
  Wire wire = Ask();
  wire.Send("HTTP/1.1 403 Forbidden\r\nX-One: " + std::string(5000, 'y') +
            "\r\nContent-Length: 10000\r\n\r\n" + std::string(10'000, 'x'));
  AwaitOver();
  EXPECT_GT(call_.kept_bytes(), 15'000u);
  call_.Clear();
  EXPECT_LE(call_.kept_bytes(), SideCall::kMaxKeptBytes);
}

TEST_F(SideCallTest, ToClearItEndsIt) {
  Wire wire = Ask();
  call_.Clear();
  EXPECT_TRUE(harness_.AwaitEnd(wire));
  EXPECT_EQ(told_, 0);
  EXPECT_TRUE(harness_.AtRest());
}

TEST_F(SideCallTest, NobodyToAskIsKnownAtOnce) {
  harness_.SetEndpoints({});
  EXPECT_TRUE(Begin());
  EXPECT_EQ(call_.failure(), Failure::kNoEndpoint);
  EXPECT_TRUE(call_.unreached());
  EXPECT_EQ(harness_.Count(metrics::Metric::kUpstreamRequestFailuresTotal, {"web", "no_endpoint"}),
            1u);
  EXPECT_EQ(told_, 0) << "nobody is called from inside a call";
}

TEST_F(SideCallTest, ABodyGoesAlong) {
  const std::string body = pool::Pattern(300'000);
  head_.body = http::BodyKind::kLength;
  head_.content_length = body.size();
  EXPECT_FALSE(Begin(body));
  Wire wire = harness_.Accept();
  const std::string request = harness_.Await(wire, body.substr(body.size() - 100));
  EXPECT_TRUE(request.ends_with(std::string(kHeadEnd) + body)) << request.size();
  wire.Send(kOk);
  AwaitOver();
  EXPECT_EQ(call_.failure(), Failure::kNone);
  call_.Clear();
  told_ = 0;
  EXPECT_FALSE(Begin(body));
  EXPECT_TRUE(harness_.Await(wire, body.substr(body.size() - 100)).ends_with(body))
      << "on the connection that was kept";
}

TEST_F(SideCallTest, AnAnswerBeforeTheBodysEndCounts) {
  const std::string body = pool::Pattern(8'000'000);
  head_.body = http::BodyKind::kLength;
  head_.content_length = body.size();
  EXPECT_FALSE(Begin(body));
  Wire wire = harness_.Accept();
  EXPECT_TRUE(harness_.TurnUntil([&] {
    wire.Pull();
    return !wire.received().empty();
  }));
  wire.Send("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
  AwaitOver();
  EXPECT_EQ(call_.failure(), Failure::kNone);
  EXPECT_EQ(call_.head().status, 403);
  call_.Clear();
  EXPECT_TRUE(harness_.AwaitEnd(wire)) << "the rest of the body is nobody's";
}

TEST_F(SideCallTest, ABodyIsSentAgainFromTheStart) {
  const std::string body = pool::Pattern(100'000);
  Wire kept = Ask();
  kept.Send(kOk);
  AwaitOver();
  call_.Clear();
  told_ = 0;
  head_.body = http::BodyKind::kLength;
  head_.content_length = body.size();
  EXPECT_FALSE(Begin(body));
  harness_.Await(kept, body.substr(body.size() - 100));
  kept.Close();
  Wire fresh = harness_.Accept();
  EXPECT_TRUE(harness_.Await(fresh, body.substr(body.size() - 100)).ends_with(body));
  fresh.Send(kOk);
  AwaitOver();
  EXPECT_EQ(call_.failure(), Failure::kNone);
}

}  // namespace
}  // namespace holdfast::proxy
