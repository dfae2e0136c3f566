#include "gateway/server/collector_client.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "pool/net/acceptor.h"
#include "tests/support/manual_clock.h"

namespace holdfast::server {
namespace {

using std::chrono::seconds;

constexpr pool::Duration kTimeout = seconds(5);
constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

// A collector on the test's own loop. It answers each whole request with the same bytes.
class Collector final : private pool::AcceptorEvents, private pool::ConnectionEvents {
 public:
  Collector(pool::EventLoop* loop, pool::SlabPool* slabs) : loop_(loop), slabs_(slabs) {
    auto listener = pool::Listen(*pool::SocketAddress::FromIp("127.0.0.1", 0), false);
    EXPECT_TRUE(listener.ok()) << listener.status();
    address_ = *pool::LocalAddress(listener->get());
    pool::AcceptorEvents* const events = this;
    acceptor_ = std::make_unique<pool::Acceptor>(loop, std::move(*listener), events);
  }

  std::string response = kOk;  // empty: none
  bool ends = false;           // after it
  std::string request;         // the last one
  int requests = 0;
  int connections = 0;
  const pool::SocketAddress& address() const { return address_; }
  void CloseConnection() { connection_.reset(); }
  void StopListening() { acceptor_.reset(); }

 private:
  void OnAccept(pool::FileDescriptor socket, const pool::SocketAddress&) override {
    ++connections;
    pool::ConnectionEvents* const events = this;
    connection_ = std::make_unique<pool::Connection>(loop_, slabs_, std::move(socket), events,
                                                     pool::Connection::Stage::kEstablished);
    EXPECT_EQ(connection_->Open(), 0);
    connection_->LookForMore();
    OnConnectionReady();
  }
  void OnAcceptError(int) override {}
  bool MayAccept() override { return true; }
  void OnConnectionReady() override {
    while (connection_->readable() && connection_->Fill(1 << 24) == pool::FillStatus::kRead) {
    }
    while (!connection_->in().empty()) {
      const std::string_view piece = connection_->in().Front();
      arrived_ += piece;
      connection_->in().Consume(piece.size());
    }
    if (!arrived_.ends_with("END")) return;
    request = std::exchange(arrived_, std::string());
    ++requests;
    connection_->out().Append(response);
    connection_->Flush();
    if (ends) loop_->DestroyLater(std::move(connection_));
  }

  pool::EventLoop* loop_;
  pool::SlabPool* slabs_;
  pool::SocketAddress address_;
  std::string arrived_;
  std::unique_ptr<pool::Acceptor> acceptor_;
  std::unique_ptr<pool::Connection> connection_;
};

// Answers later what the test has told it before.
class LaterResolver final : public pool::Resolver {
 public:
  explicit LaterResolver(pool::EventLoop* loop) : loop_(loop) {}
  void Resolve(const std::string& name, uint16_t port, Callback callback) override {
    asked = name + " " + std::to_string(port);
    callback_ = std::move(callback);
    if (answers) loop_->Queue(task_);
  }
  void ResolveSrv(const std::string&, SrvCallback) override { ADD_FAILURE(); }

  std::string asked;
  pool::AddressAnswer answer{.status = pool::ResolveStatus::kOk};
  bool answers = true;

 private:
  void Tell() { std::exchange(callback_, nullptr)(answer); }
  pool::EventLoop* loop_;
  Callback callback_;
  pool::MemberTask<LaterResolver, &LaterResolver::Tell> task_{this};
};

class CollectorClientTest : public testing::Test {
 protected:
  CollectorClientTest() {
    auto resolver = std::make_unique<LaterResolver>(&loop_);
    resolver_ = resolver.get();
    resolver_->answer.addresses = {collector_.address()};
    client_.emplace(&loop_, &slabs_, std::move(resolver),
                    config::CollectorUrl{.host = "collector",
                                         .port = 4318,
                                         .authority = "collector:4318",
                                         .target = "/v1/traces"},
                    std::vector<config::ExportHeader>{{"authorization", "Bearer x"}});
  }
  ~CollectorClientTest() override {
    client_.reset();
    loop_.DestroyAside();
  }

  void Start() {
    answer_.reset();
    client_->Post(body_, kTimeout, [this](CollectorAnswer said) { answer_ = std::move(said); });
    EXPECT_FALSE(answer_.has_value()) << "never within the call";
  }
  CollectorAnswer Await() {
    for (int turn = 0; turn < 50'000 && !answer_.has_value(); ++turn) Turn();
    EXPECT_TRUE(answer_.has_value());
    return answer_.value_or(CollectorAnswer());
  }
  CollectorAnswer Post() {
    Start();
    return Await();
  }
  void Turn() { loop_.RunOnce(pool::Duration::zero()); }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  pool::SlabPool slabs_;
  Collector collector_{&loop_, &slabs_};
  LaterResolver* resolver_;
  std::string body_ = "{} END";
  std::optional<CollectorClient> client_;
  std::optional<CollectorAnswer> answer_;
};

TEST_F(CollectorClientTest, APostIsAnswered) {
  collector_.response =
      "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 429 Slow\r\nretry-after: 5\r\n"
      "Content-Length: 2\r\n\r\nhi";
  const CollectorAnswer answer = Post();
  EXPECT_EQ(answer.trouble, "");
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.retry_after, "5");
  EXPECT_EQ(answer.body, "hi");
  EXPECT_EQ(resolver_->asked, "collector 4318");
  EXPECT_EQ(collector_.request,
            "POST /v1/traces HTTP/1.1\r\nHost: collector:4318\r\nUser-Agent: holdfast\r\n"
            "Content-Type: application/json\r\nContent-Length: 6\r\nauthorization: Bearer x\r\n"
            "\r\n{} END");
}

TEST_F(CollectorClientTest, TheConnectionIsKept) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Post().status, 200);
  EXPECT_EQ(collector_.requests, 3);
  EXPECT_EQ(collector_.connections, 1);
}

TEST_F(CollectorClientTest, OneThatTheCollectorClosesIsNot) {
  collector_.response = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  Post();
  EXPECT_EQ(Post().status, 200);
  EXPECT_EQ(collector_.connections, 2);
  collector_.response = kOk;
  Post();
  collector_.CloseConnection();
  EXPECT_EQ(Post().status, 200) << "whether or not it was seen to close";
  EXPECT_EQ(collector_.connections, 4);
}

TEST_F(CollectorClientTest, AKeptOneThatBreaksUnderARequestIsReplaced) {
  Post();
  collector_.response = "";
  collector_.ends = true;
  Start();
  for (int turn = 0; turn < 50'000 && collector_.requests < 2; ++turn) Turn();
  collector_.response = kOk;
  EXPECT_EQ(Await().status, 200);
  EXPECT_EQ(collector_.connections, 2);
}

TEST_F(CollectorClientTest, ANewOneThatBreaksIsTrouble) {
  collector_.response = "";
  collector_.ends = true;
  EXPECT_EQ(Post().trouble, "the connection ended before an answer");
  EXPECT_EQ(collector_.connections, 1);
}

TEST_F(CollectorClientTest, GarbageIsTrouble) {
  collector_.response = "\x16\x03\x01 garbage\r\n\r\n";
  EXPECT_EQ(Post().trouble, "the answer is not HTTP/1.1");
  collector_.response = "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n";
  EXPECT_EQ(Post().trouble, "the answer is not HTTP/1.1");
  collector_.response = kOk;
  EXPECT_EQ(Post().status, 200);
}

TEST_F(CollectorClientTest, SilenceEnds) {
  collector_.response = "";
  Start();
  for (int turn = 0; turn < 50'000 && collector_.requests < 1; ++turn) Turn();
  clock_.Advance(kTimeout);
  EXPECT_EQ(Await().trouble, "there was no answer in time");
  collector_.response = kOk;
  EXPECT_EQ(Post().status, 200);
}

TEST_F(CollectorClientTest, AnAnswerWhoseBodyNeverEndsIsOneAllTheSame) {
  collector_.response = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{";
  Start();
  for (int turn = 0; turn < 50'000 && collector_.requests < 1; ++turn) Turn();
  for (int turn = 0; turn < 100; ++turn) Turn();
  clock_.Advance(kTimeout);
  EXPECT_EQ(Await().trouble, "");
  EXPECT_EQ(answer_->status, 200);
  collector_.response = kOk;
  EXPECT_EQ(Post().status, 200);
  EXPECT_EQ(collector_.connections, 2);
}

TEST_F(CollectorClientTest, ALookUpWithoutAnEndEnds) {
  resolver_->answers = false;
  Start();
  clock_.Advance(kTimeout);
  EXPECT_EQ(Await().trouble, "there was no answer in time");
}

TEST_F(CollectorClientTest, ANameWithoutAnAddressIsTrouble) {
  resolver_->answer = {.status = pool::ResolveStatus::kNotFound, .detail = "NXDOMAIN"};
  EXPECT_NE(Post().trouble.find("collector has no address"), std::string::npos);
}

TEST_F(CollectorClientTest, NobodyThereIsTrouble) {
  collector_.StopListening();
  EXPECT_NE(Post().trouble.find("connect_refused"), std::string::npos) << answer_->trouble;
}

TEST_F(CollectorClientTest, ALargePostArrivesWhole) {
  body_ = std::string(8 << 20, 'a') + "END";
  EXPECT_EQ(Post().status, 200);
  EXPECT_GT(collector_.request.size(), body_.size());
}

TEST_F(CollectorClientTest, OfALongAnswerTheBeginningIsEnough) {
  collector_.response = "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" +
                        std::string(CollectorClient::kMaxBodyBytes + 1, 'a');
  const CollectorAnswer answer = Post();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.size(), CollectorClient::kMaxBodyBytes);
  collector_.response = kOk;
  EXPECT_EQ(Post().status, 200);
  EXPECT_EQ(collector_.connections, 2);
}

TEST_F(CollectorClientTest, MayGoAtAnyTime) {
  Start();
  client_.reset();
  Turn();
  EXPECT_FALSE(answer_.has_value());
}

}  // namespace
}  // namespace holdfast::server
