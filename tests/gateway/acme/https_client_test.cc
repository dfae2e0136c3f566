#include "gateway/acme/https_client.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pool/net/acceptor.h"
#include "pool/tls/tls_transport.h"
#include "tests/pool/tls/support/tls_worker.h"
#include "tests/support/manual_clock.h"
#include "tests/support/unserved_address.h"

namespace holdfast::acme {
namespace {

using pool::Connection;

// A server of TLS on the test's own loop. It answers each request with the same bytes, and ends.
class Server final : private pool::AcceptorEvents, private pool::ConnectionEvents {
 public:
  explicit Server(pool::EventLoop* loop, pool::SlabPool* slabs)
      : loop_(loop), slabs_(slabs), context_(pool::ServerWith(pool::SiteSettings())) {
    auto listener = pool::Listen(*pool::SocketAddress::FromIp("127.0.0.1", 0), false);
    EXPECT_TRUE(listener.ok()) << listener.status();
    address_ = *pool::LocalAddress(listener->get());
    pool::AcceptorEvents* const events = this;
    acceptor_ = std::make_unique<pool::Acceptor>(loop, std::move(*listener), events);
  }

  std::string response;   // empty: none
  bool ends = true;       // with TLS's own end
  size_t answers_at = 1;  // bytes of a request that have to be there
  std::string request;    // all that came
  int connections = 0;
  const pool::SocketAddress& address() const { return address_; }
  uint16_t port() const { return address_.port(); }

 private:
  void OnAccept(pool::FileDescriptor socket, const pool::SocketAddress&) override {
    ++connections;
    pool::ConnectionEvents* const events = this;
    connection_ = std::make_unique<Connection>(
        loop_, slabs_, std::make_unique<pool::TlsTransport>(std::move(socket), context_), events,
        Connection::Stage::kEstablishing);
    EXPECT_EQ(connection_->Open(), 0);
  }
  void OnAcceptError(int) override {}
  bool MayAccept() override { return true; }
  void OnConnectionReady() override {
    if (!connection_->established()) return;
    while (connection_->Fill(1 << 20) == pool::FillStatus::kRead) {
    }
    request += connection_->in().Front();
    connection_->in().Clear();
    if (request.size() < answers_at || request.find("\r\n\r\n") == request.npos) return;
    connection_->out().Append(response);
    connection_->Flush();
    if (ends) connection_->Shutdown();
    if (!response.empty() || ends) loop_->DestroyLater(std::move(connection_));
  }

  pool::EventLoop* loop_;
  pool::SlabPool* slabs_;
  std::shared_ptr<pool::TlsServerContext> context_;
  pool::SocketAddress address_;
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

class HttpsClientTest : public testing::Test {
 protected:
  HttpsClientTest() {
    auto resolver = std::make_unique<LaterResolver>(&loop_);
    resolver_ = resolver.get();
    resolver_->answer.addresses = {server_.address()};
    client_ = std::make_unique<HttpsClient>(&loop_, &slabs_, std::move(resolver),
                                            pool::TestAuthority().chain("ca.pem"));
  }
  ~HttpsClientTest() override {
    client_.reset();
    loop_.DestroyAside();
  }

  std::string Url(const std::string& host = "a.test") const {
    return "https://" + host + ":" + std::to_string(server_.port()) + "/dir?a";
  }
  void Start(HttpsRequest request) {
    response_.reset();
    client_->Start(std::move(request), [this](HttpsResponse said) { response_ = std::move(said); });
    EXPECT_FALSE(response_.has_value()) << "never within the call";
  }
  HttpsResponse Await() {
    for (int turn = 0; turn < 50'000 && !response_.has_value(); ++turn) {
      loop_.RunOnce(pool::Duration::zero());
    }
    EXPECT_TRUE(response_.has_value());
    return response_.value_or(HttpsResponse());
  }
  HttpsResponse Get() {
    Start({.url = Url()});
    return Await();
  }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  pool::SlabPool slabs_;
  Server server_{&loop_, &slabs_};
  LaterResolver* resolver_;
  std::unique_ptr<HttpsClient> client_;
  std::optional<HttpsResponse> response_;
};

TEST_F(HttpsClientTest, ARequestIsAnswered) {
  server_.response =
      "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created\r\nReplay-Nonce: n1\r\nlocation: l\r\n"
      "Retry-After: 5\r\nContent-Length: 2\r\n\r\nhi";
  const HttpsResponse response = Get();
  EXPECT_EQ(response.trouble, "");
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "hi");
  EXPECT_EQ(response.nonce, "n1");
  EXPECT_EQ(response.location, "l");
  EXPECT_EQ(response.retry_after, "5");
  EXPECT_EQ(server_.request,
            "GET /dir?a HTTP/1.1\r\nHost: a.test:" + std::to_string(server_.port()) +
                "\r\nUser-Agent: holdfast-acme\r\nAccept-Language: en\r\nConnection: "
                "close\r\n\r\n");
  EXPECT_EQ(resolver_->asked, std::vector<std::string>{"a.test"});
}

TEST_F(HttpsClientTest, ABodyIsSentWithItsTypeAndLength) {
  server_.response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
  Start({.method = http::Method::kPost, .url = Url(), .body = "{\"a\":1}"});
  EXPECT_EQ(Await().body, "hi");
  EXPECT_NE(
      server_.request.find("\r\nContent-Type: application/jose+json\r\nContent-Length: 7\r\n"),
      std::string::npos)
      << server_.request;
  EXPECT_TRUE(server_.request.ends_with("\r\n\r\n{\"a\":1}"));
}

TEST_F(HttpsClientTest, HeadHasNoBody) {
  server_.response = "HTTP/1.1 200 OK\r\nReplay-Nonce: n\r\nContent-Length: 10\r\n\r\n";
  Start({.method = http::Method::kHead, .url = Url()});
  const HttpsResponse response = Await();
  EXPECT_EQ(response.trouble, "");
  EXPECT_EQ(response.nonce, "n");
}

TEST_F(HttpsClientTest, OneFollowsTheOtherOnItsOwnConnection) {
  server_.response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
  EXPECT_EQ(Get().body, "hi");
  EXPECT_EQ(Get().body, "hi");
  EXPECT_EQ(server_.connections, 2);
}

TEST_F(HttpsClientTest, ABodyThatEndsWithTheConnectionMustEndInOrder) {
  server_.response = "HTTP/1.1 200 OK\r\n\r\nhi";
  EXPECT_EQ(Get().body, "hi");
  server_.ends = false;
  EXPECT_EQ(Get().trouble, "the response broke off") << "somebody may have cut it";
}

TEST_F(HttpsClientTest, WhatBreaksOffIsNoResponse) {
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

TEST_F(HttpsClientTest, AResponseHasALimit) {
  const std::string body(HttpsClient::kMaxBodyBytes, 'a');
  server_.response =
      "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  EXPECT_EQ(Get().body.size(), body.size());
  server_.response = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size() + 1) +
                     "\r\n\r\n" + body + "a";
  EXPECT_EQ(Get().trouble, "the response is larger than 256 KiB");
}

TEST_F(HttpsClientTest, AServerMustBeWhoItIsAskedFor) {
  server_.response = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  Start({.url = Url("b.test")});
  EXPECT_TRUE(Await().trouble.ends_with(": tls_name_mismatch")) << response_->trouble;
  EXPECT_EQ(server_.request, "") << "it is told nothing";
}

TEST_F(HttpsClientTest, TheNextAddressIsTriedWhereOneFails) {
  const support::RefusingAddress refusing;
  resolver_->answer.addresses = {refusing.address(), server_.address()};
  server_.response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
  EXPECT_EQ(Get().body, "hi");
  resolver_->answer.addresses = {refusing.address()};
  EXPECT_EQ(Get().trouble, refusing.address().ToString() + ": connect_refused");
}

// As one that a firewall makes a hole of; here it takes the connection and never speaks.
TEST_F(HttpsClientTest, TheNextAddressIsTriedWhereOneIsSilent) {
  const auto silent = pool::Listen(*pool::SocketAddress::FromIp("127.0.0.1", 0), false);
  ASSERT_TRUE(silent.ok()) << silent.status();
  const pool::SocketAddress address = *pool::LocalAddress(silent->get());
  resolver_->answer.addresses = {address, server_.address()};
  server_.response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
  Start({.url = Url()});
  for (int turn = 0; turn < 200; ++turn) loop_.RunOnce(pool::Duration::zero());
  EXPECT_FALSE(response_.has_value());
  clock_.Advance(HttpsClient::kDialTimeout + std::chrono::seconds(1));
  EXPECT_EQ(Await().body, "hi");
  resolver_->answer.addresses = {address};
  Start({.url = Url()});
  for (int turn = 0; turn < 200; ++turn) loop_.RunOnce(pool::Duration::zero());
  clock_.Advance(HttpsClient::kDialTimeout + std::chrono::seconds(1));
  EXPECT_EQ(Await().trouble, address.ToString() + ": tls_handshake_timeout");
}

TEST_F(HttpsClientTest, ANameWithoutAnAddressIsToldSo) {
  resolver_->answer = {.status = pool::ResolveStatus::kNotFound, .detail = "NXDOMAIN"};
  EXPECT_TRUE(Get().trouble.starts_with("a.test has no address: ")) << response_->trouble;
}

TEST_F(HttpsClientTest, NothingIsWaitedForForEver) {
  resolver_->answers = false;
  Start({.url = Url()});
  loop_.RunOnce(pool::Duration::zero());
  clock_.Advance(HttpsClient::kTimeout + std::chrono::seconds(1));
  EXPECT_EQ(Await().trouble, "there was no response within 30 s");
  resolver_->answers = true;
  server_.answers_at = 1 << 20;  // it is silent
  Start({.url = Url()});
  for (int turn = 0; turn < 200; ++turn) loop_.RunOnce(pool::Duration::zero());
  EXPECT_FALSE(response_.has_value());
  clock_.Advance(HttpsClient::kTimeout + std::chrono::seconds(1));
  EXPECT_EQ(Await().trouble, "there was no response within 30 s");
}

TEST_F(HttpsClientTest, OnlyHttpsIsSpoken) {
  Start({.url = "http://a.test/"});
  EXPECT_NE(Await().trouble.find("expected an https URL"), std::string::npos);
}

TEST_F(HttpsClientTest, OneThatIsGivenUpCallsNothing) {
  server_.answers_at = 1 << 20;
  Start({.url = Url()});
  for (int turn = 0; turn < 100; ++turn) loop_.RunOnce(pool::Duration::zero());
  client_.reset();
  clock_.Advance(HttpsClient::kTimeout * 2);
  for (int turn = 0; turn < 100; ++turn) loop_.RunOnce(pool::Duration::zero());
  EXPECT_FALSE(response_.has_value());
}

}  // namespace
}  // namespace holdfast::acme
