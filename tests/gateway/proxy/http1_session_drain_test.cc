// What a listener that leaves still waits for.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/proxy/http1_session.h"
#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using pool::TimerWheel;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kHi = "\r\n\r\nhi";
constexpr std::string_view kRespond =
    "- {match: {path_prefix: /}, respond: {status: 200, body: hi}}";

// As the worker does at SIGTERM, and when a reload removes the listener.
void Leave(ProxyHarness& harness) {
  harness.listener->Retire(harness.context.view);
  harness.listener->Leave();
  for (Session* session = harness.context.sessions.front(); session != nullptr;) {
    Session* const next = decltype(harness.context.sessions)::Next(*session);
    session->BeginDrain();
    session = next;
  }
}

class SessionDrainTest : public testing::Test {
 protected:
  void Begin(const HarnessConfig& config = {}) {
    harness_ = std::make_unique<ProxyHarness>(config);
    client_ = harness_->Connect();
  }
  bool Gone() {
    return harness_->TurnUntil([&] { return harness_->context.sessions.empty(); });
  }

  std::unique_ptr<ProxyHarness> harness_;
  Wire client_;
};

TEST_F(SessionDrainTest, AResponseThatBeganBeforeEndsItsConnection) {
  Begin();
  client_.Send(kGet);
  Wire upstream = harness_->Accept();
  harness_->Await(upstream, kHeadEnd);
  upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
  const std::string head = harness_->Await(client_, "ha");
  EXPECT_EQ(head.find("Connection: close"), head.npos) << "nobody knew then";
  Leave(*harness_);
  EXPECT_EQ(harness_->context.sessions.size(), 1u);
  upstream.Send("lf");
  EXPECT_TRUE(harness_->AwaitEnd(client_));
  EXPECT_EQ(client_.received(), "lf");
  EXPECT_FALSE(client_.reset());
  EXPECT_TRUE(Gone());
  EXPECT_EQ(harness_->Closed("drained"), 1u);
}

TEST_F(SessionDrainTest, ARequestThatFollowsSuchAResponseIsAnsweredAndToldToGo) {
  Begin();
  client_.Send(kGet);
  Wire upstream = harness_->Accept();
  harness_->Await(upstream, kHeadEnd);
  upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
  harness_->Await(client_, "ha");
  Leave(*harness_);
  client_.Send(kGet);
  upstream.Send("lf");
  harness_->Await(upstream, kHeadEnd);
  upstream.Send(kOk);
  EXPECT_TRUE(harness_->AwaitEnd(client_));
  EXPECT_NE(client_.received().find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(client_.received().ends_with("\r\n\r\nok"));
  EXPECT_TRUE(Gone());
}

TEST_F(SessionDrainTest, AnEmptyLineAfterTheResponseHoldsNothingUp) {
  Begin({.routes = std::string(kRespond)});
  client_.Send(kGet);
  harness_->Await(client_, kHi);
  client_.Send("\r\n");
  Leave(*harness_);
  EXPECT_TRUE(Gone());
}

// The response is out; the rest of the request was read for the next request's sake only.
TEST_F(SessionDrainTest, AShortUnreadBodyIsNotWaitedFor) {
  Begin({.routes = std::string(kRespond)});
  client_.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
  harness_->Await(client_, kHi);
  EXPECT_EQ(harness_->context.sessions.size(), 1u);
  Leave(*harness_);
  EXPECT_TRUE(harness_->AwaitEnd(client_));
  EXPECT_FALSE(client_.reset());
  client_.Close();
  EXPECT_TRUE(Gone());
}

TEST_F(SessionDrainTest, NorIsOneOfAConnectionThatIsNotKeptAnyway) {
  Begin({.routes = std::string(kRespond)});
  client_.Send("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\n123");
  EXPECT_TRUE(harness_->AwaitEnd(client_));
  EXPECT_TRUE(client_.received().ends_with(kHi));
  client_.Close();
  EXPECT_TRUE(Gone());
}

TEST_F(SessionDrainTest, AClientThatSendsNoMoreIsLeftAfterTheLinger) {
  Begin({.routes = std::string(kRespond)});
  client_.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
  harness_->Await(client_, kHi);
  Leave(*harness_);
  harness_->Turns(3);
  harness_->Advance(Http1Session::kLingerStall);
  EXPECT_TRUE(Gone());
}

TEST_F(SessionDrainTest, APartOfAHeadIsWorthASecond) {
  for (const char* limit : {"head_timeout: off", "head_timeout: 10s"}) {
    Begin({.listener = limit, .routes = std::string(kRespond)});
    client_.Send("GET / HTTP/1.1\r\nHo");
    harness_->Turns(5);
    harness_->Advance(seconds(5));
    Leave(*harness_);
    harness_->Advance(Http1Session::kLeavingHeadPatience - TimerWheel::kTick);
    EXPECT_EQ(harness_->context.sessions.size(), 1u) << limit;
    harness_->Advance(TimerWheel::kTick);
    EXPECT_TRUE(harness_->context.sessions.empty()) << limit;
    EXPECT_EQ(harness_->Closed("drained"), 1u) << limit;
  }
}

TEST_F(SessionDrainTest, AHeadThatComesToItsEndInThatSecondIsServed) {
  Begin({.routes = std::string(kRespond)});
  client_.Send("GET / HTTP/1.1\r\nHo");
  harness_->Turns(5);
  Leave(*harness_);
  harness_->Advance(milliseconds(900));
  client_.Send("st: a\r\n\r\n");
  EXPECT_TRUE(harness_->AwaitEnd(client_));
  EXPECT_NE(client_.received().find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(Gone());
}

TEST_F(SessionDrainTest, OnlyAnExchangeIsALossWhenItIsCut) {
  Begin();
  client_.Send("GET / HTTP/1.1\r\n");
  harness_->Turns(5);
  EXPECT_FALSE(harness_->context.sessions.front()->Cut());
  EXPECT_TRUE(harness_->context.sessions.empty());

  Wire second = harness_->Connect();
  EXPECT_FALSE(harness_->context.sessions.front()->Cut()) << "idle";

  Wire third = harness_->Connect();
  third.Send(kGet);
  Wire upstream = harness_->Accept();
  EXPECT_TRUE(harness_->context.sessions.front()->Cut());
}

// A second's exchange, with what happens in it by the millisecond: the request in two pieces, the
// head, the body in ten pieces. Then the client asks for no more.
class Second {
 public:
  static constexpr int kLength = 1000;

  explicit Second(ProxyHarness* harness) : harness_(harness), client_(harness->Connect()) {}

  void At(int ms) {
    if (ms == 0) client_.Send("GET / HTTP/1.1\r\n");
    if (ms == 5) {
      client_.Send("Host: a\r\n\r\n");
      upstream_ = harness_->Accept();
      harness_->Await(upstream_, kHeadEnd);
    }
    if (ms == 95) Answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", kHeadEnd);
    if (ms >= 100 && ms % 100 == 0 && ms <= kLength) {
      body_ += "x";
      Answer("x", body_);
    }
  }
  // All of it was received, and then the gateway's end.
  void ExpectOver(const std::string& when) {
    EXPECT_TRUE(harness_->AwaitEnd(client_)) << when;
    EXPECT_FALSE(client_.reset()) << when;
    EXPECT_TRUE(client_.received().ends_with("\r\n\r\nxxxxxxxxxx")) << when;
  }

 private:
  void Answer(std::string_view bytes, std::string_view received) {
    upstream_.Send(bytes);
    EXPECT_TRUE(harness_->TurnUntil([&] {
      client_.Pull();
      return client_.received().ends_with(received);
    }));
  }

  ProxyHarness* harness_;
  Wire client_;
  Wire upstream_;
  std::string body_;
};

// The figure: whenever in that second the signal comes, all is answered, and nothing is waited for
// once the last byte is out: the connection ends before any more time passes. A hundred and one of
// these seconds begin ten milliseconds apart, so that a signal finds one in every tenth of its
// milliseconds; ten signals find one in each.
TEST(SessionDrainFigureTest, WheneverItComesTheLastByteIsTheEnd) {
  constexpr int kApart = 10;
  for (int offset = 0; offset < kApart; ++offset) {
    const int signal_at = Second::kLength + offset;
    ProxyHarness harness({.listener = "idle_timeout: off", .upstream = "max_idle: 0"});
    std::vector<std::unique_ptr<Second>> seconds;
    for (int now = 0; now <= 2 * Second::kLength; ++now) {
      if (now % kApart == 0 && now <= Second::kLength) {
        seconds.push_back(std::make_unique<Second>(&harness));
      }
      for (size_t i = 0; now % 5 == 0 && i < seconds.size(); ++i) {
        const int ms = now - static_cast<int>(i) * kApart;
        seconds[i]->At(ms);
        if (now <= signal_at || ms != Second::kLength) continue;
        seconds[i]->ExpectOver(std::to_string(signal_at - static_cast<int>(i) * kApart) + " ms");
        EXPECT_EQ(harness.context.sessions.size(), seconds.size() - 1 - i);
      }
      if (now == signal_at) Leave(harness);
      harness.clock.Advance(milliseconds(1));
    }
    EXPECT_TRUE(harness.context.sessions.empty());
    EXPECT_EQ(harness.Closed("idle_timeout") + harness.Closed("exchange_cut"), 0u);
  }
}

}  // namespace
}  // namespace holdfast::proxy
