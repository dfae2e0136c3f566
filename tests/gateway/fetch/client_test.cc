#include "gateway/fetch/client.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pool/net/acceptor.h"
#include "pool/net/plain_transport.h"
#include "pool/tls/tls_transport.h"
#include "tests/pool/tls/support/tls_worker.h"
#include "tests/support/manual_clock.h"
#include "tests/support/unserved_address.h"

namespace holdfast::fetch {
namespace {

using pool::Connection;

constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

// A server on the test's own loop, of TLS unless it is told otherwise. It answers each request with
// the same bytes, and ends.
class Server final : private pool::AcceptorEvents, private pool::ConnectionEvents {
 public:
  explicit Server(pool::EventLoop* loop, pool::SlabPool* slabs, bool secure = true)
      : loop_(loop),
        slabs_(slabs),
        context_(secure ? pool::ServerWith(pool::SiteSettings()) : nullptr) {
    auto listener = pool::Listen(*pool::SocketAddress::FromIp("127.0.0.1", 0), false);
    EXPECT_TRUE(listener.ok()) << listener.status();
    address_ = *pool::LocalAddress(listener->get());
    pool::AcceptorEvents* const events = this;
    acceptor_ = std::make_unique<pool::Acceptor>(loop, std::move(*listener), events);
  }

  std::string response;   // empty: none
  bool ends = true;       // with TLS's own end
  bool stays = false;     // for another request
  size_t answers_at = 1;  // bytes of a request that have to be there
  std::string last;       // ... and what it has to end with; empty: its head is enough
  std::string request;    // the last one that was whole
  int requests = 0;       // that were
  int connections = 0;
  void CloseConnection() { connection_.reset(); }
  void Say(const std::string& bytes) {
    connection_->out().Append(bytes);
    connection_->Flush();
  }
  const pool::SocketAddress& address() const { return address_; }
  uint16_t port() const { return address_.port(); }

 private:
  void OnAccept(pool::FileDescriptor socket, const pool::SocketAddress&) override {
    ++connections;
    arrived_.clear();
    pool::ConnectionEvents* const events = this;
    std::unique_ptr<pool::Transport> transport;
    if (context_ == nullptr) {
      transport = std::make_unique<pool::PlainTransport>(std::move(socket));
    } else {
      transport = std::make_unique<pool::TlsTransport>(std::move(socket), context_);
    }
    connection_ = std::make_unique<Connection>(loop_, slabs_, std::move(transport), events,
                                               Connection::Stage::kEstablishing);
    EXPECT_EQ(connection_->Open(), 0);
  }
  void OnAcceptError(int) override {}
  bool MayAccept() override { return true; }
  void OnConnectionReady() override {
    if (!connection_->established()) return;
    while (connection_->readable() && connection_->Fill(1 << 24) == pool::FillStatus::kRead) {
    }
    while (!connection_->in().empty()) {
      const std::string_view piece = connection_->in().Front();
      arrived_ += piece;
      connection_->in().Consume(piece.size());
    }
    if (arrived_.size() < answers_at || !arrived_.ends_with(last) ||
        arrived_.find("\r\n\r\n") == arrived_.npos) {
      return;
    }
    request = std::exchange(arrived_, std::string());
    ++requests;
    Say(response);
    if (stays) return;
    if (ends) connection_->Shutdown();
    if (!response.empty() || ends) loop_->DestroyLater(std::move(connection_));
  }

  pool::EventLoop* loop_;
  pool::SlabPool* slabs_;
  std::shared_ptr<pool::TlsServerContext> context_;
  pool::SocketAddress address_;
  std::string arrived_;
  std::unique_ptr<pool::Acceptor> acceptor_;
  std::unique_ptr<Connection> connection_;
};

// Answers later what the test has told it before.
class LaterResolver final : public pool::Resolver {
 public:
  explicit LaterResolver(pool::EventLoop* loop) : loop_(loop) {}
  void Resolve(const std::string& name, uint16_t, Callback callback) override {
    asked.push_back(name);
    callback_ = std::move(callback);
    if (answers) loop_->Queue(task_);
  }
  void ResolveSrv(const std::string&, SrvCallback) override { ADD_FAILURE(); }

  std::vector<std::string> asked;
  pool::AddressAnswer answer{.status = pool::ResolveStatus::kOk};
  bool answers = true;

 private:
  void Tell() { std::exchange(callback_, nullptr)(answer); }
  pool::EventLoop* loop_;
  Callback callback_;
  pool::MemberTask<LaterResolver, &LaterResolver::Tell> task_{this};
};

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    auto resolver = std::make_unique<LaterResolver>(&loop_);
    resolver_ = resolver.get();
    resolver_->answer.addresses = {server_.address()};
    client_ = std::make_unique<Client>(&loop_, &slabs_, std::move(resolver),
                                       pool::TestAuthority().chain("ca.pem"));
  }
  ~ClientTest() override {
    client_.reset();
    loop_.DestroyAside();
  }

  std::string Url(const std::string& host = "a.test") const {
    return "https://" + host + ":" + std::to_string(server_.port()) + "/dir?a";
  }
  void Start(Request request) {
    response_.reset();
    client_->Start(std::move(request), [this](Response said) { response_ = std::move(said); });
    EXPECT_FALSE(response_.has_value()) << "never within the call";
  }
  Response Await() {
    for (int turn = 0; turn < 50'000 && !response_.has_value(); ++turn) {
      loop_.RunOnce(pool::Duration::zero());
    }
    EXPECT_TRUE(response_.has_value());
    return response_.value_or(Response());
  }
  Response Get() {
    Start({.url = Url()});
    return Await();
  }
  void Turn() { loop_.RunOnce(pool::Duration::zero()); }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  pool::SlabPool slabs_;
  Server server_{&loop_, &slabs_};
  LaterResolver* resolver_;
  std::unique_ptr<Client> client_;
  std::optional<Response> response_;
};

TEST_F(ClientTest, ARequestIsAnswered) {
  server_.response =
      "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created\r\nReplay-Nonce: n1\r\nlocation: l\r\n"
      "Retry-After: 5\r\nContent-Length: 2\r\n\r\nhi";
  const Response response = Get();
  EXPECT_EQ(response.trouble, "");
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "hi");
  EXPECT_EQ(response.nonce, "n1");
  EXPECT_EQ(response.location, "l");
  EXPECT_EQ(response.retry_after, "5");
  EXPECT_EQ(server_.request,
            "GET /dir?a HTTP/1.1\r\nHost: a.test:" + std::to_string(server_.port()) +
                "\r\nUser-Agent: holdfast\r\nAccept-Language: en\r\nConnection: "
                "close\r\n\r\n");
  EXPECT_EQ(resolver_->asked, std::vector<std::string>{"a.test"});
}

TEST_F(ClientTest, ABodyIsSentWithItsTypeAndLength) {
  server_.last = "}";
  server_.response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
  Start({.method = http::Method::kPost,
         .url = Url(),
         .body = "{\"a\":1}",
         .content_type = "application/json"});
  EXPECT_EQ(Await().body, "hi");
  EXPECT_NE(server_.request.find("\r\nContent-Type: application/json\r\nContent-Length: 7\r\n"),
            std::string::npos)
      << server_.request;
  EXPECT_TRUE(server_.request.ends_with("\r\n\r\n{\"a\":1}"));
}

TEST_F(ClientTest, HeadHasNoBody) {
  server_.response = "HTTP/1.1 200 OK\r\nReplay-Nonce: n\r\nContent-Length: 10\r\n\r\n";
  Start({.method = http::Method::kHead, .url = Url()});
  const Response response = Await();
  EXPECT_EQ(response.trouble, "");
  EXPECT_EQ(response.nonce, "n");
}

TEST_F(ClientTest, OneFollowsTheOtherOnItsOwnConnection) {
  server_.response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
  EXPECT_EQ(Get().body, "hi");
  EXPECT_EQ(Get().body, "hi");
  EXPECT_EQ(server_.connections, 2);
}

TEST_F(ClientTest, ABodyThatEndsWithTheConnectionMustEndInOrder) {
  server_.response = "HTTP/1.1 200 OK\r\n\r\nhi";
  EXPECT_EQ(Get().body, "hi");
  server_.ends = false;
  EXPECT_EQ(Get().trouble, "the response broke off") << "somebody may have cut it";
}

TEST_F(ClientTest, WhatBreaksOffIsNoResponse) {
  server_.response = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhi";
  EXPECT_EQ(Get().trouble, "the response broke off");
  server_.response = "";
  EXPECT_EQ(Get().trouble, "the connection ended before a response");
  server_.response = "SSH-2.0-odd\r\n\r\n";
  EXPECT_EQ(Get().trouble, "the response is not HTTP/1.1");
  server_.response =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n";
  EXPECT_EQ(Get().trouble, "the response is not HTTP/1.1");
}

TEST_F(ClientTest, AStatusIsToldThoughTheBodyIsNotWhole) {
  server_.response = "HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 9\r\n\r\nhi";
  Response response = Get();
  EXPECT_EQ(response.trouble, "the response broke off");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.retry_after, "5");
  EXPECT_EQ(response.body, "hi") << "as much as came";
  server_.response = "";
  response = Get();
  EXPECT_EQ(response.trouble, "the connection ended before a response");
  EXPECT_EQ(response.status, 0) << "nor is there one of the exchange before";
}

TEST_F(ClientTest, AResponseHasALimit) {
  const std::string body(Request().max_body_bytes, 'a');
  server_.response =
      "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  EXPECT_EQ(Get().body.size(), body.size());
  server_.response = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size() + 1) +
                     "\r\n\r\n" + body + "a";
  const Response response = Get();
  EXPECT_EQ(response.trouble, "the response is larger than 256 KiB");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, body) << "the beginning";
}

TEST_F(ClientTest, AServerMustBeWhoItIsAskedFor) {
  server_.response = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  Start({.url = Url("b.test")});
  EXPECT_TRUE(Await().trouble.ends_with(": tls_name_mismatch")) << response_->trouble;
  EXPECT_EQ(server_.request, "") << "it is told nothing";
}

TEST_F(ClientTest, TheNextAddressIsTriedWhereOneFails) {
  const support::RefusingAddress refusing;
  resolver_->answer.addresses = {refusing.address(), server_.address()};
  server_.response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
  EXPECT_EQ(Get().body, "hi");
  resolver_->answer.addresses = {refusing.address()};
  EXPECT_EQ(Get().trouble, refusing.address().ToString() + ": connect_refused");
}

// It has no attempt to wait for.
TEST_F(ClientTest, TheNextAddressIsTriedWhereOneIsRefusedAtOnce) {
  const auto nobody = pool::SocketAddress::Parse("unix:@holdfast-fetch-client-test-nobody");
  ASSERT_TRUE(nobody.has_value());
  resolver_->answer.addresses = {*nobody, *nobody, *nobody, server_.address()};
  server_.response = kOk;
  EXPECT_EQ(Get().status, 200);
  resolver_->answer.addresses.assign(2 * Client::kMaxAddresses, *nobody);
  const Response response = Get();
  EXPECT_EQ(response.status, 0);
  EXPECT_EQ(response.trouble.find(nobody->ToString() + ": "), 0u) << response.trouble;
}

// As one that a firewall makes a hole of; here it takes the connection and never speaks.
TEST_F(ClientTest, TheNextAddressIsTriedWhereOneIsSilent) {
  const auto silent = pool::Listen(*pool::SocketAddress::FromIp("127.0.0.1", 0), false);
  ASSERT_TRUE(silent.ok()) << silent.status();
  const pool::SocketAddress address = *pool::LocalAddress(silent->get());
  resolver_->answer.addresses = {address, server_.address()};
  server_.response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
  Start({.url = Url()});
  for (int turn = 0; turn < 200; ++turn) loop_.RunOnce(pool::Duration::zero());
  EXPECT_FALSE(response_.has_value());
  clock_.Advance(Request().dial_timeout + std::chrono::seconds(1));
  EXPECT_EQ(Await().body, "hi");
  resolver_->answer.addresses = {address};
  Start({.url = Url()});
  for (int turn = 0; turn < 200; ++turn) loop_.RunOnce(pool::Duration::zero());
  clock_.Advance(Request().dial_timeout + std::chrono::seconds(1));
  EXPECT_EQ(Await().trouble, address.ToString() + ": tls_handshake_timeout");
}

TEST_F(ClientTest, ANameWithoutAnAddressIsToldSo) {
  resolver_->answer = {.status = pool::ResolveStatus::kNotFound, .detail = "NXDOMAIN"};
  EXPECT_TRUE(Get().trouble.starts_with("a.test has no address: ")) << response_->trouble;
}

TEST_F(ClientTest, NothingIsWaitedForForEver) {
  resolver_->answers = false;
  Start({.url = Url()});
  loop_.RunOnce(pool::Duration::zero());
  clock_.Advance(Request().timeout + std::chrono::seconds(1));
  EXPECT_EQ(Await().trouble, "there was no response within 30 s");
  resolver_->answers = true;
  server_.answers_at = 1 << 20;  // it is silent
  Start({.url = Url()});
  for (int turn = 0; turn < 200; ++turn) loop_.RunOnce(pool::Duration::zero());
  EXPECT_FALSE(response_.has_value());
  clock_.Advance(Request().timeout + std::chrono::seconds(1));
  EXPECT_EQ(Await().trouble, "there was no response within 30 s");
}

TEST_F(ClientTest, OnlyHttpsIsSpokenUnlessClearIsAllowed) {
  Start({.url = "http://a.test/"});
  EXPECT_NE(Await().trouble.find("expected an https URL"), std::string::npos);
  Start({.url = "ftp://a.test/", .clear = true});
  EXPECT_NE(Await().trouble.find("expected an https URL"), std::string::npos);
  EXPECT_EQ(server_.connections, 0);
}

TEST_F(ClientTest, InClearItIsPlainHttp) {
  Server plain(&loop_, &slabs_, /*secure=*/false);
  plain.response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
  resolver_->answer.addresses = {plain.address()};
  Start({.url = "http://a.test:" + std::to_string(plain.port()) + "/", .clear = true});
  EXPECT_EQ(Await().body, "hi");
  EXPECT_TRUE(plain.request.starts_with("GET / HTTP/1.1\r\n")) << plain.request;
}

TEST_F(ClientTest, WhatSaysHowLongItIsGoodIsTold) {
  server_.response =
      "HTTP/1.1 200 OK\r\nCache-Control: public\r\ncache-control: max-age=5\r\nAge: 1\r\n"
      "Expires: e\r\nDate: d\r\nContent-Length: 0\r\n\r\n";
  Start({.url = Url(), .accept = "application/json"});
  const Response response = Await();
  EXPECT_EQ(response.cache_control, "public, max-age=5");
  EXPECT_EQ(response.age, "1");
  EXPECT_EQ(response.expires, "e");
  EXPECT_EQ(response.date, "d");
  EXPECT_NE(server_.request.find("\r\nAccept: application/json\r\n"), std::string::npos);
}

TEST_F(ClientTest, ARequestHasLimitsOfItsOwn) {
  server_.response = "HTTP/1.1 200 OK\r\nContent-Length: 1025\r\n\r\n" + std::string(1025, 'a');
  Start({.url = Url(), .max_body_bytes = 1024});
  EXPECT_EQ(Await().trouble, "the response is larger than 1 KiB");
  server_.answers_at = 1 << 20;
  Start({.url = Url(), .timeout = std::chrono::seconds(10)});
  for (int turn = 0; turn < 200; ++turn) loop_.RunOnce(pool::Duration::zero());
  clock_.Advance(std::chrono::seconds(11));
  EXPECT_EQ(Await().trouble, "there was no response within 10 s");
  Start({.url = Url(), .timeout = std::chrono::milliseconds(250)});
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_EQ(Await().trouble, "there was no response within 250 ms");
}

TEST_F(ClientTest, OneThatIsGivenUpCallsNothing) {
  server_.answers_at = 1 << 20;
  Start({.url = Url()});
  for (int turn = 0; turn < 100; ++turn) loop_.RunOnce(pool::Duration::zero());
  client_.reset();
  clock_.Advance(Request().timeout * 2);
  for (int turn = 0; turn < 100; ++turn) loop_.RunOnce(pool::Duration::zero());
  EXPECT_FALSE(response_.has_value());
}

// Posts that keep the connection, as those of spans do: in clear, and over TLS (the parameter).
class ClientKeepTest : public ClientTest, public testing::WithParamInterface<bool> {
 protected:
  ClientKeepTest() {
    resolver_->answer.addresses = {peer_.address()};
    peer_.response = kOk;
    peer_.stays = true;
    peer_.last = "END";
  }

  Request ToPost() const {
    return {.method = http::Method::kPost,
            .url = UrlOf(peer_),
            .body = body_,
            .content_type = "application/json",
            .accept_language = "",
            .fields = {{"authorization", "Bearer x"}, {"x-a", "b"}},
            .clear = true,
            .keep = true,
            .max_body_bytes = 64 * 1024,
            .timeout = std::chrono::seconds(5)};
  }
  std::string UrlOf(const Server& server) const {
    return (GetParam() ? "https://a.test:" : "http://a.test:") + std::to_string(server.port()) +
           "/v1/traces";
  }
  Response Post() {
    Start(ToPost());
    return Await();
  }
  // Until the server has had so many whole requests.
  void AwaitRequests(int count) {
    for (int turn = 0; turn < 50'000 && peer_.requests < count; ++turn) Turn();
    EXPECT_EQ(peer_.requests, count);
  }

  Server peer_{&loop_, &slabs_, GetParam()};
  std::string body_ = "{} END";
};

INSTANTIATE_TEST_SUITE_P(Over, ClientKeepTest, testing::Bool(), [](const auto& info) {
  return std::string(info.param ? "Tls" : "Plain");
});

TEST_P(ClientKeepTest, FieldsComeAfterThoseThatARequestHas) {
  EXPECT_EQ(Post().status, 200);
  EXPECT_EQ(peer_.request,
            "POST /v1/traces HTTP/1.1\r\nHost: a.test:" + std::to_string(peer_.port()) +
                "\r\nUser-Agent: holdfast\r\nContent-Type: application/json\r\n"
                "Content-Length: 6\r\nauthorization: Bearer x\r\nx-a: b\r\n\r\n{} END");
}

TEST_P(ClientKeepTest, TheConnectionIsKept) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Post().status, 200);
  EXPECT_EQ(peer_.requests, 3);
  EXPECT_EQ(peer_.connections, 1);
  EXPECT_EQ(resolver_->asked.size(), 1u) << "its address is not asked for again";
}

TEST_P(ClientKeepTest, OneThatTheServerClosesIsNot) {
  peer_.response = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  Post();
  EXPECT_EQ(Post().status, 200);
  EXPECT_EQ(peer_.connections, 2);
  peer_.response = kOk;
  Post();
  peer_.CloseConnection();
  EXPECT_EQ(Post().status, 200) << "whether or not it was seen to close";
  EXPECT_EQ(peer_.connections, 4);
}

TEST_P(ClientKeepTest, OneThatSpeaksUnaskedIsNot) {
  Post();
  peer_.Say(kOk);
  peer_.response = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(Post().status, 201) << "it is no answer to this";
  EXPECT_EQ(peer_.connections, 2);
  peer_.Say(kOk);
  for (int turn = 0; turn < 100; ++turn) Turn();
  EXPECT_EQ(Post().status, 201) << "nor when it was seen before";
  EXPECT_EQ(peer_.connections, 3);
}

TEST_P(ClientKeepTest, OneThatBreaksUnderARequestIsReplaced) {
  Post();
  peer_.response = "";
  peer_.stays = false;
  Start(ToPost());
  AwaitRequests(2);
  peer_.response = kOk;
  EXPECT_EQ(Await().status, 200);
  EXPECT_EQ(peer_.requests, 3);
  EXPECT_EQ(peer_.connections, 2);
}

TEST_P(ClientKeepTest, ItIsReplacedOnce) {
  Post();
  peer_.response = "";
  peer_.stays = false;
  EXPECT_EQ(Post().trouble, "the connection ended before a response");
  EXPECT_EQ(peer_.requests, 3);
  EXPECT_EQ(peer_.connections, 2);
}

TEST_P(ClientKeepTest, ANewOneThatBreaksIsTrouble) {
  peer_.response = "";
  peer_.stays = false;
  EXPECT_EQ(Post().trouble, "the connection ended before a response");
  EXPECT_EQ(peer_.connections, 1);
}

// Whoever has begun to answer may have done what was asked.
TEST_P(ClientKeepTest, OnceAResponseHasBegunNothingIsSentAgain) {
  Post();
  peer_.response = "HTTP/1.1 2";
  peer_.stays = false;
  EXPECT_EQ(Post().trouble, "the connection ended before a response");
  EXPECT_EQ(peer_.requests, 2);
  peer_.response = kOk;
  peer_.stays = true;
  Post();
  peer_.response = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{";
  peer_.stays = false;
  EXPECT_EQ(Post().trouble, "the response broke off");
  EXPECT_EQ(response_->status, 200);
  EXPECT_EQ(peer_.requests, 4);
}

TEST_P(ClientKeepTest, GarbageIsTrouble) {
  peer_.response = "\x16\x03\x01 garbage\r\n\r\n";
  EXPECT_EQ(Post().trouble, "the response is not HTTP/1.1");
  peer_.response = "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n";
  EXPECT_EQ(Post().trouble, "the response is not HTTP/1.1");
  EXPECT_EQ(response_->status, 0);
  peer_.response = kOk;
  EXPECT_EQ(Post().status, 200);
}

TEST_P(ClientKeepTest, SilenceEnds) {
  Post();
  peer_.response = "";
  Start(ToPost());
  AwaitRequests(2);
  clock_.Advance(ToPost().timeout);
  EXPECT_EQ(Await().trouble, "there was no response within 5 s");
  EXPECT_EQ(response_->status, 0);
  peer_.response = kOk;
  EXPECT_EQ(Post().status, 200);
  EXPECT_EQ(peer_.requests, 3);
}

TEST_P(ClientKeepTest, AStatusIsToldThoughTheBodyNeverEnds) {
  peer_.response = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{";
  Start(ToPost());
  AwaitRequests(1);
  for (int turn = 0; turn < 1000; ++turn) Turn();
  clock_.Advance(ToPost().timeout);
  EXPECT_EQ(Await().trouble, "there was no response within 5 s");
  EXPECT_EQ(response_->status, 200);
  EXPECT_EQ(response_->body, "{");
  peer_.response = kOk;
  EXPECT_EQ(Post().status, 200);
  EXPECT_EQ(peer_.connections, 2);
}

TEST_P(ClientKeepTest, OfALongResponseThereIsTheBeginning) {
  peer_.response = "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" +
                   std::string(ToPost().max_body_bytes + 1, 'a');
  const Response response = Post();
  EXPECT_EQ(response.trouble, "the response is larger than 64 KiB");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body.size(), ToPost().max_body_bytes);
  peer_.response = kOk;
  EXPECT_EQ(Post().status, 200);
  EXPECT_EQ(peer_.connections, 2);
}

TEST_P(ClientKeepTest, ALargeBodyArrivesWhole) {
  body_ = std::string(8 << 20, 'a') + "END";
  EXPECT_EQ(Post().status, 200);
  EXPECT_GT(peer_.request.size(), body_.size());
  EXPECT_TRUE(peer_.request.ends_with(body_));
}

TEST_P(ClientKeepTest, AnotherOriginHasItsOwn) {
  Post();
  Server other(&loop_, &slabs_, GetParam());
  other.response = kOk;
  other.last = "END";
  resolver_->answer.addresses = {other.address()};
  Request request = ToPost();
  request.url = UrlOf(other);
  Start(std::move(request));
  EXPECT_EQ(Await().status, 200);
  EXPECT_EQ(other.requests, 1);
  EXPECT_EQ(peer_.requests, 1);
}

TEST_P(ClientKeepTest, ARequestThatDoesNotKeepItHasItsOwn) {
  Post();
  Request request = ToPost();
  request.keep = false;
  Start(std::move(request));
  EXPECT_EQ(Await().status, 200);
  EXPECT_EQ(peer_.connections, 2);
  EXPECT_NE(peer_.request.find("\r\nConnection: close\r\n"), std::string::npos) << peer_.request;
  Post();
  EXPECT_EQ(peer_.connections, 3) << "nor is that one kept";
}

TEST_P(ClientKeepTest, MayGoWithAKeptConnection) {
  Post();
  client_.reset();
  peer_.Say(kOk);
  for (int turn = 0; turn < 100; ++turn) Turn();
  EXPECT_EQ(peer_.requests, 1);
}

}  // namespace
}  // namespace holdfast::fetch
