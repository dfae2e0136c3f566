#include <sys/socket.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/proxy/exchange.h"
#include "pool/net/connection.h"
#include "pool/net/plain_transport.h"
#include "tests/gateway/proxy/retry_fixture.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using pool::Pattern;
using std::chrono::milliseconds;

size_t CountOf(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST_F(StaleTest, AnIdempotentRequestIsRepeatedOnce) {
  client_.Send(kGet);
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Close();
  ServeAnew();
  EXPECT_EQ(harness_.Retries("retry_idempotent"), 1u);
}

TEST_F(StaleTest, TheSecondDeathIsTheEnd) {
  client_.Send(kGet);
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Close();
  Wire second = harness_.Accept();
  harness_.Await(second, kHeadEnd);
  second.Close();
  EXPECT_TRUE(ClientIsRefused("not_in_policy"));
  EXPECT_EQ(harness_.Retries("retry_idempotent"), 1u);
}

TEST_F(StaleTest, APostUnderAResetIsNeverRepeated) {
  client_.Send(kPost);
  harness_.Await(upstream_, "hi");
  upstream_.Reset();
  EXPECT_TRUE(ClientIsRefused("not_proven"));
  EXPECT_EQ(harness_.Retries("not_proven"), 1u);
  ExpectNoConnection();
}

TEST_F(StaleTest, AResponseThatBeganIsNotRepeated) {
  client_.Send(kGet);
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Send("HTTP/1.1 2");
  upstream_.Close();
  EXPECT_TRUE(ClientIsRefused("response_begun"));
}

TEST_F(StaleTest, ABodyIsSentAgainWithIt) {
  const std::string body = Pattern(ReplayBody::kMaxBytes - 1);
  client_.Send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  char size[16];
  snprintf(size, sizeof(size), "%zx\r\n", body.size());
  client_.Send(size + body + "\r\n0\r\nx-trailer: 1\r\n\r\n");
  harness_.Await(upstream_, "x-trailer: 1\r\n\r\n");
  upstream_.Close();
  Wire second = harness_.Accept();
  const std::string request = harness_.Await(second, "x-trailer: 1\r\n\r\n");
  EXPECT_NE(request.find(body.substr(0, 1000)), request.npos);
  EXPECT_NE(request.find(body.substr(body.size() - 100)), request.npos);
  EXPECT_EQ(CountOf(request, "\r\n0\r\n"), 1u);
  second.Send(kOk);
  harness_.Await(client_, kOkEnd);
}

TEST_F(StaleTest, ABodyThatIsStillComingGoesOnAfterWhatIsSentAgain) {
  client_.Send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst");
  harness_.Await(upstream_, "first");
  upstream_.Close();
  Wire second = harness_.Accept();
  harness_.Await(second, "\r\n\r\nfirst");
  client_.Send("later");
  harness_.Await(second, "later");
  second.Send(kOk);
  harness_.Await(client_, kOkEnd);
}

TEST_F(StaleTest, ABodyTooLongToKeepIsNotSentAgain) {
  const std::string body = Pattern(ReplayBody::kMaxBytes + 1);
  client_.Send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + body);
  harness_.Await(upstream_, body.substr(body.size() - 100));
  upstream_.Close();
  EXPECT_TRUE(ClientIsRefused("not_replayable"));
  EXPECT_TRUE(harness_.AtRest());
}

// The dead connection does not use up the attempts that the route has for other failures.
TEST_F(StaleTest, AfterADeadConnectionAnotherEndpointMayRefuseOnce) {
  client_.Send(kGet);
  harness_.Await(upstream_, kHeadEnd);
  const pool::RefusingAddress nobody;
  harness_.SetEndpoints({nobody.address()});
  upstream_.Close();
  ASSERT_TRUE(harness_.TurnUntil([&] { return harness_.Retries("retry_connect_failure") == 1; }));
  harness_.SetEndpoints({harness_.backend.address()});
  harness_.Advance(milliseconds(30));
  ServeAnew();
  EXPECT_EQ(harness_.Retries("retry_idempotent"), 1u);
}

TEST_F(StaleTest, ADeadKeptConnectionIsNoTrouble) {
  client_.Send(kGet);
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Close();
  ServeAnew();
  EXPECT_EQ(harness_.troubles, 0);
}

// The upstream has answered without reading, and its receive queue is full: what comes next is not
// acknowledged until it reads.
class DeafTest : public RetryTest {
 protected:
  DeafTest() {
    const int small = 4096;
    EXPECT_EQ(setsockopt(harness_.backend.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    client_.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 48000\r\n\r\n" +
                 std::string(48'000, 'x'));
    upstream_ = harness_.Accept();
    harness_.Turns(20);
    upstream_.Send(kOk);
    harness_.Await(client_, kOkEnd);
    EXPECT_EQ(harness_.Level(Metric::kUpstreamConnections, {"web", "idle"}), 1);
  }
};

TEST_F(DeafTest, APostUnderAResetIsNeverRepeatedThoughNothingWasAcknowledged) {
  client_.Send(kPost);
  harness_.Turns(3);
  upstream_.Reset();
  EXPECT_TRUE(ClientIsRefused("not_proven"));
  ExpectNoConnection();
}

// Reading shows a reset that a write has met before as an orderly end.
TEST_F(DeafTest, AResetThatAWriteMeetsFirstIsNoEndInGoodOrder) {
  client_.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nhi");
  harness_.Turns(3);
  client_.Send("ho");
  upstream_.Reset();
  EXPECT_TRUE(ClientIsRefused("not_proven"));
  EXPECT_NE(client_.received().find("upstream_reset"), std::string::npos);
  ExpectNoConnection();
}

TEST_F(DeafTest, APostThatTheUpstreamProvablyNeverReadIsRepeated) {
  client_.Send(kPost);
  harness_.Turns(3);
  upstream_.End();
  harness_.Turns(3);
  ExpectNoConnection();
  upstream_.Reset();
  ServeAnew("hi");
  EXPECT_EQ(harness_.Retries("retry_proven"), 1u);
}

TEST_F(DeafTest, AnEndAloneProvesNothingHoweverLongNoResetComes) {
  client_.Send(kPost);
  harness_.Turns(3);
  upstream_.End();
  for (pool::Duration waited{0}; waited < UpstreamCall::kProofPatience - UpstreamCall::kProofStep;
       waited += UpstreamCall::kProofStep) {
    harness_.Advance(UpstreamCall::kProofStep);
    harness_.Turns(2);
    client_.Pull();
    EXPECT_EQ(client_.received(), "");
  }
  harness_.Advance(2 * UpstreamCall::kProofStep);
  EXPECT_TRUE(ClientIsRefused("not_proven"));
  ExpectNoConnection();
}

// It has only ended its sending side, and the request was lost on the way at first.
TEST_F(DeafTest, AnUpstreamThatTakesThePostAfterItsEndMayHaveActedOnIt) {
  client_.Send(kPost);
  harness_.Turns(3);
  upstream_.End();
  harness_.Turns(3);
  harness_.Await(upstream_, "hi");
  EXPECT_TRUE(harness_.TurnUntil([&] {
    harness_.Advance(UpstreamCall::kProofStep / 50);
    client_.Pull();
    return client_.received().ends_with("not sent again: not_proven\n");
  }));
  ExpectNoConnection();
}

TEST_F(DeafTest, NothingMoreIsWrittenWhileProofIsAwaited) {
  client_.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nhi");
  harness_.Turns(3);
  upstream_.End();
  harness_.Turns(3);
  client_.Send("ho");
  harness_.Turns(3);
  harness_.Await(upstream_, "hi");
  upstream_.Reset();
  EXPECT_TRUE(ClientIsRefused("not_proven"));
}

TEST_F(DeafTest, AGetDoesNotWaitForProof) {
  client_.Send(kGet);
  harness_.Turns(3);
  upstream_.End();
  ServeAnew();
  EXPECT_EQ(harness_.Retries("retry_idempotent"), 1u);
}

TEST_F(DeafTest, AClientThatLeavesWhileProofIsAwaitedEndsIt) {
  client_.Send(kPost);
  harness_.Turns(3);
  upstream_.End();
  harness_.Turns(3);
  client_.Reset();
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.context.sessions.empty(); }));
  EXPECT_TRUE(harness_.AtRest());
  EXPECT_EQ(harness_.cluster->pool(0).load(), 0u);
}

class SwitchedOffTest : public StaleTest {
 protected:
  SwitchedOffTest() : StaleTest(WithRetry("attempts: 0")) {}
};

TEST_F(SwitchedOffTest, ARouteMayForbidRepetition) {
  client_.Send(kGet);
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Close();
  EXPECT_TRUE(ClientIsRefused("switched_off"));
}

TEST_F(RetryTest, AFreshConnectionsDeathIsToldAtOnce) {
  client_.Send(kGet);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Close();
  EXPECT_TRUE(ClientIsRefused("not_in_policy"));
  EXPECT_EQ(harness_.Retries("not_in_policy"), 1u);
}

TEST_F(RetryTest, ARefusedConnectionIsTriedElsewhere) {
  Backend other;
  const pool::RefusingAddress nobody;
  harness_.SetEndpoints({nobody.address(), other.address()});
  // Round robin: one of two requests meets the refusal first. No attempt of the policy's is spent.
  for (int i = 0; i < 2; ++i) {
    Wire client = harness_.Connect();
    client.Send(kPost);
    Wire upstream = harness_.Accept(other);
    harness_.Await(upstream, "hi");
    upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    harness_.Await(client, kOkEnd);
  }
  EXPECT_EQ(harness_.Retries("retry_next_endpoint"), 1u);
  EXPECT_EQ(harness_.Retries("retry_connect_failure"), 0u);
}

// One endpoint has as many connections as it may, and nobody may queue for them.
class FullEndpointTest : public RetryTest {
 protected:
  FullEndpointTest() : RetryTest({.upstream = "max_connections: 1, queue: {size: 0}"}) {}
};

TEST_F(FullEndpointTest, AnotherEndpointIsAskedInstead) {
  Backend other;
  harness_.SetEndpoints({harness_.backend.address(), other.address()});
  client_.Send(kGet);
  Backend* idle = nullptr;
  ASSERT_TRUE(harness_.TurnUntil([&] {
    for (auto [busy, free] :
         {std::pair(&harness_.backend, &other), std::pair(&other, &harness_.backend)}) {
      pool::FileDescriptor socket = busy->TryAccept();
      if (!socket.valid()) continue;
      upstream_ = Wire(std::move(socket));
      idle = free;
    }
    return idle != nullptr;
  }));
  for (int i = 0; i < 4; ++i) {
    Wire client = harness_.Connect();
    client.Send(kPost);
    Wire upstream = harness_.Accept(*idle);
    harness_.Await(upstream, "hi");
    upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    harness_.Await(client, kOkEnd);
  }
  EXPECT_EQ(harness_.Retries("retry_next_endpoint"), 2u);
  EXPECT_EQ(harness_.troubles, 0);
}

// Calls back from the loop, in the order in which sockets become ready.
class Bell final : private pool::ConnectionEvents {
 public:
  using Action = std::function<void(Bell&)>;

  Bell(ProxyHarness* harness, Action action) : Bell(harness, std::move(action), pool::UnixPair()) {}
  void Ring() { pool::SendAll(clapper_, "!"); }

 private:
  Bell(ProxyHarness* harness, Action action, pool::SocketPair pair)
      : action_(std::move(action)),
        clapper_(std::move(pair.theirs)),
        connection_(&harness->loop, &harness->slabs,
                    std::make_unique<pool::PlainTransport>(std::move(pair.ours)), this,
                    pool::Connection::Stage::kEstablished) {
    EXPECT_EQ(connection_.Open(), 0);
  }

  void OnConnectionReady() override {
    while (connection_.Fill(100) == pool::FillStatus::kRead) {
    }
    if (connection_.in().empty()) return;
    connection_.in().Clear();
    action_(*this);
  }

  Action action_;
  pool::FileDescriptor clapper_;
  pool::Connection connection_;
};

class RefusedTest : public RetryTest {
 protected:
  RefusedTest() : RetryTest(WithRetry("attempts: 1, on: [unprocessed]")) {}
};

// The upstream accepts and closes in the moment in which the gateway learns of the connection: by
// then the close is not known, and the request is written.
TEST_F(RefusedTest, APostThatAFreshConnectionNeverReadIsRepeated) {
  int rung = 0;
  Bell bell(&harness_, [&](Bell& self) {
    if (++rung == 1) return self.Ring();  // Before the connection that this turn opens is ready.
    EXPECT_TRUE(harness_.backend.TryAccept().valid());  // And closed.
  });
  bell.Ring();
  client_.Send(kPost);
  harness_.Turns(2);
  EXPECT_EQ(rung, 2);
  ServeAnew("hi");
  EXPECT_EQ(harness_.Retries("retry_refused"), 1u);
}

TEST_F(RefusedTest, APostThatWasReadIsNot) {
  client_.Send(kPost);
  upstream_ = harness_.Accept();
  harness_.Await(upstream_, "hi");
  upstream_.Close();
  EXPECT_TRUE(harness_.TurnUntil([&] {
    harness_.Advance(milliseconds(1));
    client_.Pull();
    return client_.received().ends_with("not sent again: not_proven\n");
  }));
}

// A host with an address of each family, neither of which answers.
class TwoSilentFamiliesTest : public RetryTest {
 protected:
  pool::SilentAddress v4_;
  pool::SilentAddress v6_{*pool::SocketAddress::FromIp("::1", v4_.address().port())};
};

TEST_F(TwoSilentFamiliesTest, EachFailureIsReportedAgainstTheAddressThatFailed) {
  pool::EndpointSet set;
  for (const auto& address : {v4_.address(), v6_.address()}) {
    set.endpoints.push_back({{.address = address, .host = "web.svc"}});
  }
  harness_.cluster->SetEndpoints(set);
  client_.Send(kGet);
  for (int i = 0; i < 30; ++i) {
    harness_.Turns(3);
    harness_.Advance(std::chrono::milliseconds(100));
  }
  EXPECT_NE(std::ranges::find(harness_.troubled, v4_.address()), harness_.troubled.end());
  EXPECT_NE(std::ranges::find(harness_.troubled, v6_.address()), harness_.troubled.end());
}

}  // namespace
}  // namespace holdfast::proxy
