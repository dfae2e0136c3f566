#include "gateway/http1/client_stream.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::http1 {
namespace {

using http::Refusal;
using pool::CloseReason;
using proxy::kHeadEnd;
using proxy::kOk;
using stream::BodyStep;
using stream::Evidence;
using stream::HeadStep;
using stream::UpstreamTrouble;
using BodyKind = BodyStep::Kind;
using HeadKind = HeadStep::Kind;

// The exchange's part: waits for a lease and hears of readiness.
class LeaseTaker final : public pool::Waiter, public stream::StreamEvents {
 public:
  pool::Lease lease;
  int events = 0;

 private:
  void OnLease(pool::Lease taken) override { lease = std::move(taken); }
  void OnCheckoutFailed(pool::CheckoutFailure, const pool::SocketAddress&) override { FAIL(); }
  void OnStreamReady() override { ++events; }
};

class ClientStreamTest : public testing::Test {
 protected:
  // Leases a connection and starts a request of that method on it.
  void Start(http::Method method = http::Method::kGet, const http::HeadLimits& limits = {}) {
    pool::SocketAddress picked;
    pool::Checkout checkout = harness_.cluster->Acquire(&taker_, {}, &picked);
    if (checkout.status == pool::Checkout::Status::kLeased) {
      taker_.lease = std::move(checkout.lease);
    } else {
      peer_ = harness_.Accept();
    }
    ASSERT_TRUE(harness_.TurnUntil([&] { return taker_.lease.held(); }));
    upstream_.Start(&taker_.lease.connection(), method, &taker_, limits);
  }
  CloseReason End(pool::ConnectionTie* tie = nullptr) {
    pool::ReuseFacts facts = upstream_.Finish();
    facts.tie = tie;
    return taker_.lease.End(facts);
  }
  // A request with no body, or one of chunks.
  void SendHead(http::BodyKind body = http::BodyKind::kNone) {
    http::RequestHead head;
    head.method_text = http::MethodName(http::Method::kGet);
    head.target = head.path = "/";
    head.authority = head.host = "a";
    head.body = body;
    upstream_.SendHead(head, {});
  }
  void SendRequest() {
    SendHead();
    upstream_.SendEnd(nullptr);
    ASSERT_EQ(upstream_.Flush(), pool::FlushStatus::kDone);
    harness_.Await(peer_, kHeadEnd);
  }
  void Request(http::Method method = http::Method::kGet) {
    Start(method);
    SendRequest();
  }
  // The peer's answer, as far as it goes.
  void Answer(std::string_view bytes) {
    const int before = taker_.events;
    peer_.Send(bytes);
    ASSERT_TRUE(harness_.TurnUntil([&] { return taker_.events > before; }));
  }
  HeadStep NextHead() { return upstream_.NextHead(&head_); }
  // All of the body that is there; the last step is in `last_`.
  std::string Body() {
    std::string body;
    while ((last_ = upstream_.NextBody()).kind == BodyKind::kData) {
      body += last_.buffer->Linearize(last_.bytes);
      last_.buffer->Consume(last_.bytes);
    }
    return body;
  }

  proxy::ProxyHarness harness_;
  LeaseTaker taker_;
  ClientStream upstream_{&harness_.slabs};
  proxy::Wire peer_;
  http::ResponseHead head_;
  BodyStep last_;
};

TEST_F(ClientStreamTest, AWholeExchangeKeepsTheConnection) {
  for (int i = 0; i < 3; ++i) {
    Request();
    EXPECT_EQ(taker_.lease.reused(), i > 0);
    EXPECT_FALSE(upstream_.response_begun());
    EXPECT_GT(upstream_.bytes_sent(), 0u);
    EXPECT_EQ(NextHead().kind, HeadKind::kBlocked);
    Answer(kOk);
    ASSERT_EQ(NextHead().kind, HeadKind::kHead);
    EXPECT_TRUE(upstream_.response_begun());
    EXPECT_EQ(head_.status, 200);
    EXPECT_EQ(Body(), "ok");
    EXPECT_EQ(last_.kind, BodyKind::kEnd);
    EXPECT_EQ(End(), CloseReason::kNone);
    EXPECT_FALSE(upstream_.active());
    EXPECT_EQ(harness_.slabs.in_use(), 0u);
  }
}

TEST_F(ClientStreamTest, ThePeersWordOnItsConnectionReachesThePool) {
  Request();
  Answer("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=0\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_EQ(NextHead().kind, HeadKind::kHead);
  Body();
  EXPECT_EQ(End(), CloseReason::kMaxRequests) << "it takes no more";
  Request();
  Answer(kOk);
  ASSERT_EQ(NextHead().kind, HeadKind::kHead);
  Body();
  EXPECT_EQ(End(), CloseReason::kNone) << "nothing of the response before";
}

TEST_F(ClientStreamTest, TheHeadsViewsAreGoodUntilTheBodyIsAskedFor) {
  Request();
  Answer("HTTP/1.1 200 Fine\r\nX-A: value\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_EQ(NextHead().kind, HeadKind::kHead);
  EXPECT_EQ(head_.reason, "Fine");
  ASSERT_NE(head_.headers.FindByName("x-a"), nullptr);
  EXPECT_EQ(head_.headers.FindByName("x-a")->value, "value");
  EXPECT_EQ(Body(), "ok") << "none of the head is in the body";
}

TEST_F(ClientStreamTest, AHeadMayComeInPieces) {
  Request();
  for (const char byte : std::string_view("HTTP/1.1 204 No\r\n\r")) {
    Answer({&byte, 1});
    ASSERT_EQ(NextHead().kind, HeadKind::kBlocked);
  }
  Answer("\n");
  ASSERT_EQ(NextHead().kind, HeadKind::kHead);
  EXPECT_EQ(Body(), "");
  EXPECT_EQ(last_.kind, BodyKind::kEnd);
  EXPECT_EQ(End(), CloseReason::kNone);
}

TEST_F(ClientStreamTest, InterimHeadsComeFirst) {
  Request();
  Answer("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 100 Go\r\n\r\n" + std::string(kOk));
  for (const int status : {103, 100, 200}) {
    const HeadStep step = NextHead();
    ASSERT_EQ(step.kind, HeadKind::kHead);
    EXPECT_EQ(head_.status, status);
    EXPECT_EQ(step.bytes, status == 103 ? 22u : status == 100 ? 19u : kOk.size() - 2);
  }
  EXPECT_EQ(Body(), "ok");
}

TEST_F(ClientStreamTest, AResponseToHeadHasNoBody) {
  Request(http::Method::kHead);
  Answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
  ASSERT_EQ(NextHead().kind, HeadKind::kHead);
  EXPECT_EQ(Body(), "");
  EXPECT_EQ(last_.kind, BodyKind::kEnd);
  EXPECT_EQ(End(), CloseReason::kNone);
}

TEST_F(ClientStreamTest, AResetThatAWriteMeetsIsNoEndOfABody) {
  Start();
  SendHead(http::BodyKind::kChunked);
  ASSERT_EQ(upstream_.Flush(), pool::FlushStatus::kDone);
  harness_.Await(peer_, kHeadEnd);
  Answer("HTTP/1.1 200 OK\r\n\r\npart");
  ASSERT_EQ(NextHead().kind, HeadKind::kHead);
  EXPECT_EQ(Body(), "part");
  peer_.Reset();
  upstream_.SendEnd(nullptr);
  EXPECT_EQ(upstream_.Flush(), pool::FlushStatus::kError);
  harness_.Turns(3);
  EXPECT_EQ(Body(), "");
  EXPECT_EQ(last_.kind, BodyKind::kBroken);
  EXPECT_EQ(End(), CloseReason::kBroken);
}

TEST_F(ClientStreamTest, TheWaysToHaveNoHead) {
  Request();
  peer_.Close();
  ASSERT_TRUE(harness_.TurnUntil([&] { return taker_.events > 0; }));
  HeadStep step = NextHead();
  EXPECT_EQ(step.kind, HeadKind::kBroken);
  EXPECT_EQ(step.trouble, UpstreamTrouble::kClosed);
  EXPECT_EQ(End(), CloseReason::kPeerClosed);

  taker_.events = 0;
  Request();
  peer_.Reset();
  ASSERT_TRUE(harness_.TurnUntil([&] { return taker_.events > 0; }));
  step = NextHead();
  EXPECT_EQ(step.trouble, UpstreamTrouble::kReset);
  End();

  Request();
  Answer("HTTP/1.1 200 OK\r\nbare\n\r\n");
  step = NextHead();
  EXPECT_EQ(step.trouble, UpstreamTrouble::kBadResponse);
  EXPECT_EQ(step.refusal, Refusal::kBareLf);
  EXPECT_EQ(End(), CloseReason::kBroken);

  Request();
  Answer("HTTP/1.1 200 OK\r\na: " + std::string(40'000, 'a'));
  ASSERT_TRUE(harness_.TurnUntil([&] {
    step = NextHead();
    return step.kind != HeadKind::kBlocked;
  }));
  EXPECT_EQ(step.refusal, Refusal::kHeadTooLarge);
  End();
  EXPECT_TRUE(harness_.AtRest());
}

TEST_F(ClientStreamTest, AHeadMayBeAsLargeAsTheLimitsSay) {
  const auto outcome = [&](size_t bytes, size_t fields, const http::HeadLimits& limits) {
    Start(http::Method::kGet, limits);
    SendRequest();
    std::string head = "HTTP/1.1 204 No\r\n";
    for (size_t i = 1; i < fields; ++i) head += "b: c\r\n";
    head += "a: " + std::string(bytes - head.size() - std::string_view("a: \r\n\r\n").size(), 'a');
    head += kHeadEnd;
    HeadStep step;
    std::string_view left = head;
    EXPECT_TRUE(harness_.TurnUntil([&] {
      left.remove_prefix(peer_.SendSome(left));
      step = NextHead();
      return step.kind != HeadKind::kBlocked;
    }));
    End();
    return step.refusal;
  };
  EXPECT_EQ(outcome(1'000, 10, {.head_bytes = 1'000, .fields = 10}), Refusal::kNone);
  EXPECT_EQ(outcome(1'001, 10, {.head_bytes = 1'000, .fields = 10}), Refusal::kHeadTooLarge);
  EXPECT_EQ(outcome(1'000, 11, {.head_bytes = 1'000, .fields = 10}), Refusal::kTooManyFields);
  EXPECT_EQ(outcome(200'000, 500, {.head_bytes = 200'000, .fields = 500}), Refusal::kNone)
      << "more than is read of a body at a time";
  EXPECT_EQ(outcome(200'001, 500, {.head_bytes = 200'000, .fields = 500}), Refusal::kHeadTooLarge);
  EXPECT_EQ(outcome(40'000, 5, {}), Refusal::kHeadTooLarge) << "what another request had is gone";
}

struct Ending {
  const char* name;
  std::string_view response;
  CloseReason decision;
};

class EndingTest : public ClientStreamTest, public testing::WithParamInterface<Ending> {};

TEST_P(EndingTest, DecidesWhetherTheConnectionIsKept) {
  Request();
  Answer(GetParam().response);
  ASSERT_EQ(NextHead().kind, HeadKind::kHead);
  Body();
  EXPECT_EQ(End(), GetParam().decision);
}

INSTANTIATE_TEST_SUITE_P(
    All, EndingTest,
    testing::Values(
        Ending{"Whole", kOk, CloseReason::kNone},
        Ending{"AskedToClose",
               "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
               CloseReason::kPeerAskedClose},
        Ending{"Http10", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
               CloseReason::kPeerAskedClose},
        Ending{"Http10KeepAlive",
               "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
               CloseReason::kNone},
        Ending{"Unfinished", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
               CloseReason::kResponseUnfinished},
        Ending{"MoreThanTheResponse", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nok",
               CloseReason::kExtraBytes},
        Ending{"BrokenChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
               CloseReason::kBroken},
        Ending{"NoContentInChunks", "HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n",
               CloseReason::kForbiddenContent},
        Ending{"NoContentOfFiveBytes", "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n",
               CloseReason::kForbiddenContent},
        Ending{"NoContentOfNoBytes", "HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n",
               CloseReason::kNone},
        Ending{"NotModifiedInChunks", "HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n",
               CloseReason::kForbiddenContent},
        Ending{"NotModifiedWithALength", "HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n",
               CloseReason::kNone},
        Ending{"Challenge",
               "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n",
               CloseReason::kOwnerGone},
        Ending{"UntilClose", "HTTP/1.1 200 OK\r\n\r\nok", CloseReason::kResponseUnfinished}),
    [](const auto& info) { return info.param.name; });

TEST_F(ClientStreamTest, ARequestThatWasNotSentToItsEndIsNotFollowedByAnother) {
  Start();
  SendHead(http::BodyKind::kChunked);
  ASSERT_EQ(upstream_.Flush(), pool::FlushStatus::kDone);
  Answer(kOk);
  ASSERT_EQ(NextHead().kind, HeadKind::kHead);
  Body();
  EXPECT_EQ(End(), CloseReason::kRequestUnfinished);
}

TEST_F(ClientStreamTest, AnInterimHeadThatAnnouncesContentIsTheLastExchange) {
  Request();
  Answer("HTTP/1.1 103 Early\r\nContent-Length: 5\r\n\r\n" + std::string(kOk));
  ASSERT_EQ(NextHead().kind, HeadKind::kHead);
  ASSERT_EQ(NextHead().kind, HeadKind::kHead);
  Body();
  EXPECT_EQ(End(), CloseReason::kForbiddenContent);
}

TEST_F(ClientStreamTest, AfterHeadTheConnectionRestsIfABodyWasAnnounced) {
  for (const int length : {0, 5}) {
    Request(http::Method::kHead);
    Answer("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n");
    ASSERT_EQ(NextHead().kind, HeadKind::kHead);
    Body();
    EXPECT_EQ(End(), CloseReason::kNone);
    EXPECT_EQ(harness_.cluster->pool(0).aside(), length > 0 ? 1u : 0u);
  }
}

// The answer needs no challenge: with Negotiate one round is enough.
TEST_F(ClientStreamTest, ARequestWithConnectionCredentialsTiesTheConnection) {
  pool::ConnectionTie tie;
  Start();
  http::RequestHead head;
  head.method_text = "GET";
  head.target = head.path = "/";
  head.authority = head.host = "a";
  head.headers.Add({"Authorization", "NTLM TlRM", http::FieldId::kAuthorization, false});
  upstream_.SendHead(head, {});
  upstream_.SendEnd(nullptr);
  ASSERT_EQ(upstream_.Flush(), pool::FlushStatus::kDone);
  harness_.Await(peer_, kHeadEnd);
  Answer(kOk);
  ASSERT_EQ(NextHead().kind, HeadKind::kHead);
  Body();
  EXPECT_EQ(End(&tie), CloseReason::kNone);
  EXPECT_TRUE(tie.held());
  EXPECT_EQ(harness_.cluster->pool(0).idle(), 0u);
}

TEST_F(ClientStreamTest, AHeadThatNobodyReadOnIsNoFinishedResponse) {
  Request();
  Answer("HTTP/1.1 204 No\r\n\r\n");
  EXPECT_EQ(End(), CloseReason::kResponseUnfinished);
}

TEST_F(ClientStreamTest, AnUpgradedConnectionIsNotKept) {
  Request();
  Answer("HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nraw");
  ASSERT_EQ(NextHead().kind, HeadKind::kHead);
  EXPECT_EQ(head_.status, 101);
  upstream_.Switch();
  EXPECT_EQ(Body(), "raw") << "behind the head";
  EXPECT_EQ(last_.kind, BodyKind::kBlocked);
  pool::Buffer bytes(&harness_.slabs);
  bytes.Append("ours");
  upstream_.SendBody(bytes, 4);
  upstream_.SendEnd(nullptr);
  EXPECT_EQ(upstream_.Flush(), pool::FlushStatus::kDone);
  ASSERT_TRUE(harness_.TurnUntil([&] {
    peer_.Pull();
    return peer_.ended();
  })) << "the end follows what was sent";
  EXPECT_TRUE(peer_.received().ends_with("ours")) << "not in chunks";
  EXPECT_EQ(End(), CloseReason::kUpgraded);
}

TEST_F(ClientStreamTest, SwitchedItEndsWithThePeer) {
  Request();
  Answer("HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
  ASSERT_EQ(NextHead().kind, HeadKind::kHead);
  upstream_.Switch();
  peer_.Send("last");
  peer_.End();
  std::string body;
  ASSERT_TRUE(harness_.TurnUntil([&] {
    body += Body();
    return last_.kind != BodyKind::kBlocked;
  }));
  EXPECT_EQ(last_.kind, BodyKind::kEnd);
  EXPECT_EQ(body, "last");
  End();
}

TEST_F(ClientStreamTest, ABodyIsFramedAsTheHeadSaid) {
  Start();
  SendHead(http::BodyKind::kChunked);
  pool::Buffer body(&harness_.slabs);
  body.Append("hello, world");
  upstream_.SendBody(body, 5);
  upstream_.SendBody(body, 7);
  http::HeaderList trailers;
  trailers.Add({.name = "x-a", .value = "1"});
  trailers.Add({.name = "x-b", .value = "2", .dropped = true});
  upstream_.SendEnd(&trailers);
  ASSERT_EQ(upstream_.Flush(), pool::FlushStatus::kDone);
  const std::string request = harness_.Await(peer_, "\r\n0\r\nx-a: 1\r\n\r\n");
  EXPECT_TRUE(request.ends_with("\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\nx-a: 1\r\n\r\n"))
      << request;
  End();
}

TEST_F(ClientStreamTest, IsCongestedFromTheHighWatermarkToTheLow) {
  Start();
  pool::Buffer body(&harness_.slabs);
  body.Append(std::string(stream::kHighWatermark - 1, 'x'));
  upstream_.SendBody(body, body.size());
  EXPECT_FALSE(upstream_.Congested());
  body.Append("x");
  upstream_.SendBody(body, 1);
  EXPECT_TRUE(upstream_.Congested());
  pool::Buffer& out = taker_.lease.connection().out();
  out.Consume(out.size() - stream::kLowWatermark - 1);
  EXPECT_TRUE(upstream_.Congested()) << "not low yet";
  out.Consume(1);
  EXPECT_FALSE(upstream_.Congested());
  out.Clear();
  End();
}

TEST_F(ClientStreamTest, WhatTellsWhetherTheRequestWasActedUpon) {
  Request();
  ASSERT_TRUE(harness_.TurnUntil([&] {
    // Its kernel has taken the request, whether or not anybody reads it.
    return taker_.lease.connection().transport().wire_bytes_acknowledged() > 0u;
  }));
  EXPECT_EQ(upstream_.evidence(), Evidence::kUnknown) << "there is no trouble";
  peer_.Close();
  ASSERT_TRUE(harness_.TurnUntil([&] { return NextHead().kind == HeadKind::kBroken; }));
  EXPECT_EQ(upstream_.evidence(), Evidence::kUnknown) << "it may have been read";
  End();

  Start();
  peer_.End();
  ASSERT_TRUE(harness_.TurnUntil([&] { return NextHead().trouble == UpstreamTrouble::kClosed; }));
  EXPECT_EQ(upstream_.evidence(), Evidence::kPending) << "nothing was taken yet";
  End();

  Request();
  Answer(kOk);
  ASSERT_EQ(NextHead().kind, HeadKind::kHead);
  Body();
  ASSERT_EQ(End(), CloseReason::kNone);
  Start();
  ASSERT_TRUE(taker_.lease.reused());
  peer_.End();
  ASSERT_TRUE(harness_.TurnUntil([&] { return NextHead().trouble == UpstreamTrouble::kClosed; }));
  EXPECT_EQ(upstream_.evidence(), Evidence::kPending) << "what was taken of the request before";
  End();

  Request();
  Answer("HTTP/1.1 2");
  EXPECT_EQ(NextHead().kind, HeadKind::kBlocked);
  EXPECT_EQ(upstream_.evidence(), Evidence::kProcessed);
  End();
}

TEST_F(ClientStreamTest, AResetIsNoEvidence) {
  Start();
  peer_.Reset();
  ASSERT_TRUE(harness_.TurnUntil([&] { return NextHead().trouble == UpstreamTrouble::kReset; }));
  EXPECT_EQ(upstream_.evidence(), Evidence::kUnknown);
  End();
}

TEST(ClientStreamDeathTest, AFinishWithoutAStartIsABug) {
  pool::SlabPool slabs;
  ClientStream stream(&slabs);
  EXPECT_FALSE(stream.active());
  EXPECT_DEATH(stream.Finish(), "active");
}

TEST_F(ClientStreamTest, NothingOfOneRequestIsInTheNext) {
  Request();
  Answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-a: 1\r\n\r\n");
  ASSERT_EQ(NextHead().kind, HeadKind::kHead);
  EXPECT_EQ(Body(), "ok");
  EXPECT_EQ(upstream_.response_trailers()->size(), 1u);
  ASSERT_EQ(End(), CloseReason::kNone);
  Request();
  EXPECT_FALSE(upstream_.response_begun());
  EXPECT_EQ(upstream_.response_trailers()->size(), 0u);
  Answer(kOk);
  ASSERT_EQ(NextHead().kind, HeadKind::kHead);
  EXPECT_EQ(Body(), "ok");
  EXPECT_EQ(End(), CloseReason::kNone);
}

}  // namespace
}  // namespace holdfast::http1
