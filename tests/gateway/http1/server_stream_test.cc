#include "gateway/http1/server_stream.h"

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "pool/net/plain_transport.h"
#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/support/manual_clock.h"

namespace holdfast::http1 {
namespace {

using http::ClientPersistence;
using proxy::Wire;
using stream::BodyStep;
using stream::HeadFacts;
using Kind = BodyStep::Kind;

http::ResponseHead WithStatus(uint16_t status) {
  http::ResponseHead head;
  head.status = status;
  return head;
}

class TestTerms final : public ServerTerms {
 public:
  Terms terms() const override { return now; }
  std::string_view Date() override { return "today"; }
  Terms now;
};

// The tests look by themselves.
class NoListener final : public pool::ConnectionEvents {
  void OnConnectionReady() override {}
};

class ServerStreamTest : public testing::Test {
 protected:
  ServerStreamTest() {
    pool::SocketPair pair = pool::TcpPair();
    wire_ = Wire(std::move(pair.theirs));
    connection_ = std::make_unique<pool::Connection>(
        &loop_, &slabs_, std::make_unique<pool::PlainTransport>(std::move(pair.ours)),
        &no_listener_, pool::Connection::Stage::kEstablished);
    EXPECT_EQ(connection_->Open(), 0);
  }
  ~ServerStreamTest() override {
    if (stream_.active()) stream_.Finish();
  }

  template <class Condition>
  bool TurnUntil(Condition condition) {
    for (int turn = 0; turn < 100'000 && !condition(); ++turn) {
      loop_.RunOnce(pool::Duration::zero());
      wire_.Pull();
    }
    return condition();
  }
  // A request whose head is `head`; `body` follows it.
  void Begin(std::string_view head, std::string_view body = {}) {
    wire_.Send(std::string(head) + std::string(body));
    ASSERT_TRUE(TurnUntil([&] {
      connection_->Fill(stream::kHighWatermark);
      return connection_->in().size() >= head.size();
    }));
    stream_.Start(connection_.get(), &terms_);
    ASSERT_EQ(stream_.TakeHead(head.size(), {}), http::Refusal::kNone);
  }
  void Get() { Begin("GET / HTTP/1.1\r\nHost: a\r\n\r\n"); }
  std::string Body() {
    std::string body;
    while ((last_ = stream_.NextBody()).kind == Kind::kData) {
      body += last_.buffer->Linearize(last_.bytes);
      last_.buffer->Consume(last_.bytes);
    }
    return body;
  }
  http::ResponseHead Head(http::BodyKind body, uint64_t length = 0) {
    http::ResponseHead head = WithStatus(200);
    head.body = body;
    head.content_length = length;
    return head;
  }
  void Answer(uint64_t length = 0) {
    stream_.SendHead(Head(http::BodyKind::kLength, length), HeadFacts{.via_name = "holdfast"});
  }
  // All that was sent, once it ends so.
  std::string Sent(std::string_view last) {
    EXPECT_EQ(stream_.Flush(), pool::FlushStatus::kDone);
    EXPECT_TRUE(TurnUntil([&] { return wire_.received().ends_with(last); })) << wire_.received();
    return wire_.Take();
  }

  NoListener no_listener_;
  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  pool::SlabPool slabs_;
  Wire wire_;
  std::unique_ptr<pool::Connection> connection_;
  TestTerms terms_;
  ServerStream stream_{&slabs_};
  BodyStep last_;
};

TEST_F(ServerStreamTest, OwnsTheHeadAndReadsTheBodyBehindIt) {
  Begin("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n", "bodyGET /next");
  EXPECT_EQ(stream_.request().path, "/a");
  EXPECT_FALSE(stream_.request_finished());
  std::string body;
  ASSERT_TRUE(TurnUntil([&] {
    connection_->Fill(stream::kHighWatermark);
    body += Body();
    return last_.kind == Kind::kEnd;
  }));
  EXPECT_EQ(body, "body");
  EXPECT_TRUE(stream_.request_finished());
  EXPECT_EQ(connection_->in().Front().substr(0, 3), "GET") << "the next request stays";
}

TEST_F(ServerStreamTest, CountsItsOwnBytesAlone) {
  for (int i = 0; i < 2; ++i) {
    Get();
    EXPECT_EQ(stream_.bytes_received(), 27u);
    Answer();
    const std::string sent = Sent("\r\n\r\n");
    EXPECT_EQ(stream_.bytes_sent(), sent.size());
    EXPECT_NE(sent.find("Date: today\r\n"), sent.npos);
    EXPECT_NE(sent.find("Via: 1.1 holdfast\r\n"), sent.npos);
    EXPECT_EQ(stream_.Finish(), ClientPersistence::kKeep);
    EXPECT_EQ(slabs_.in_use(), 0u) << "at rest it holds nothing";
  }
}

TEST_F(ServerStreamTest, ALengthThatIsUnknownIsFramedAsTheClientUnderstandsIt) {
  Get();
  stream_.SendHead(Head(http::BodyKind::kChunked), {});
  pool::Buffer body(&slabs_);
  body.Append("hello");
  stream_.SendBody(body, 5);
  stream_.SendEnd(nullptr);
  EXPECT_TRUE(Sent("0\r\n\r\n").ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
  EXPECT_EQ(stream_.Finish(), ClientPersistence::kKeep);

  Begin("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  stream_.SendHead(Head(http::BodyKind::kChunked), {});
  body.Append("hello");
  stream_.SendBody(body, 5);
  stream_.SendEnd(nullptr);
  EXPECT_TRUE(Sent("hello").ends_with("\r\n\r\nhello"));
  EXPECT_EQ(stream_.Finish(), ClientPersistence::kResponseUntilClose);
}

TEST_F(ServerStreamTest, CountsTheBytesOfHeadsApart) {
  for (int i = 0; i < 2; ++i) {
    Get();
    EXPECT_EQ(stream_.given_head_bytes(), 0u) << "each request for itself";
    stream_.SendInformational(WithStatus(103), "holdfast");
    Answer(/*length=*/5);
    stream_.SendBody("hello");
    stream_.SendEnd(nullptr);
    const size_t sent = Sent("hello").size();
    EXPECT_EQ(stream_.bytes_sent(), sent);
    EXPECT_EQ(stream_.given_head_bytes(), sent - 5);
    EXPECT_EQ(stream_.Finish(), ClientPersistence::kKeep);
  }
}

TEST_F(ServerStreamTest, AnHttp10ClientKnowsNoInterimResponses) {
  Begin("GET / HTTP/1.0\r\n\r\n");
  stream_.SendInformational(WithStatus(100), "holdfast");
  EXPECT_TRUE(connection_->out().empty());
  EXPECT_EQ(stream_.Finish(), ClientPersistence::kKeep) << "nothing was decided yet";
  Get();
  stream_.SendInformational(WithStatus(100), "holdfast");
  EXPECT_TRUE(Sent("\r\n\r\n").starts_with("HTTP/1.1 100 "));
}

TEST_F(ServerStreamTest, TheOwnersTermsEndTheConnection) {
  const std::pair<ServerTerms::Terms, ClientPersistence> cases[] = {
      {{.draining = true}, ClientPersistence::kDraining},
      {{.too_old = true}, ClientPersistence::kConnectionAge},
      {{.last_request = true}, ClientPersistence::kMaxRequests},
      {{}, ClientPersistence::kKeep}};
  for (const auto& [terms, persistence] : cases) {
    terms_.now = terms;
    Get();
    Answer();
    const bool kept = persistence == ClientPersistence::kKeep;
    EXPECT_EQ(Sent("\r\n\r\n").find("Connection: close\r\n") == std::string::npos, kept);
    EXPECT_EQ(stream_.persists(), kept);
    EXPECT_EQ(stream_.Finish(), persistence);
  }
  Get();
  Answer();
  terms_.now.leaving = true;
  EXPECT_FALSE(stream_.persists()) << "not worth waiting for";
}

TEST_F(ServerStreamTest, ABodyThatWasNotReadEndsTheConnection) {
  Begin("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
  Answer();
  EXPECT_EQ(stream_.Finish(), ClientPersistence::kRequestUnread);
}

TEST_F(ServerStreamTest, ARefusalOfASwitchEndsTheConnection) {
  Begin("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
  http::ResponseHead head = Head(http::BodyKind::kLength);
  head.status = 404;
  stream_.SendHead(head, HeadFacts{.generated = true});
  EXPECT_EQ(Sent("\r\n\r\n").find("Via:"), std::string::npos) << "it is our own";
  EXPECT_EQ(stream_.Finish(), ClientPersistence::kSwitchRefused);
}

TEST_F(ServerStreamTest, WhatIsNoHeadIsTakenWhole) {
  wire_.Send("HEAD bad");
  ASSERT_TRUE(TurnUntil([&] {
    connection_->Fill(stream::kHighWatermark);
    return !connection_->in().empty();
  }));
  stream_.Start(connection_.get(), &terms_);
  stream_.TakeUnread();
  EXPECT_TRUE(connection_->in().empty());
  EXPECT_EQ(stream_.request().method, http::Method::kHead) << "an answer to it has no content";
  Answer();
  EXPECT_EQ(stream_.Finish(), ClientPersistence::kKeep);
}

TEST_F(ServerStreamTest, ThePeersEndCountsOnceItsRequestWasRead) {
  Begin("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
  wire_.Send("ok");
  wire_.End();
  ASSERT_TRUE(TurnUntil([&] { return connection_->end() != pool::ConnectionEnd::kOpen; }));
  EXPECT_FALSE(stream_.peer_ended());
  EXPECT_EQ(Body(), "ok");
  EXPECT_TRUE(stream_.peer_ended());
}

TEST_F(ServerStreamTest, SwitchedItCarriesBytesAsTheyAre) {
  Begin("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "early");
  stream_.Switch(WithStatus(101), "holdfast");
  EXPECT_TRUE(stream_.switched());
  pool::Buffer bytes(&slabs_);
  bytes.Append("raw");
  stream_.SendBody(bytes, 3);
  stream_.SendEnd(nullptr);
  EXPECT_TRUE(Sent("raw").starts_with("HTTP/1.1 101 "));
  ASSERT_TRUE(TurnUntil([&] { return wire_.ended(); })) << "our end follows what was sent";
  std::string got;
  wire_.End();
  ASSERT_TRUE(TurnUntil([&] {
    got += Body();
    return last_.kind == Kind::kEnd;
  }));
  EXPECT_EQ(got, "early");
}

}  // namespace
}  // namespace holdfast::http1
